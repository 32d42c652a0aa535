"""The Cortex-M0 image under QEMU's micro:bit: a second, independent emulator of the chip and of its serial line.

One shot: starts QEMU, plays the mailbox over its standard input and output until a number of states has been said, and
ends it.  BadInput names the package when QEMU is missing.  Imports: trial, image, errors.
"""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from firmware_sim.boards.image import Image
from firmware_sim.boards.trial import States, Story, Trial
from firmware_sim.errors import BadInput, RunFailed

QEMU = "qemu-system-arm"


def qemu_trial(image: Image, neighbourhoods: States, *, timeout_s: float = 60.0) -> Trial:
    """Like trial.trial, for board cortex-m0; RunFailed when QEMU falls silent."""
    tool = shutil.which(QEMU)
    if tool is None:
        raise BadInput(f"{QEMU} is missing; apt-get install qemu-system-arm")
    story = Story(image.genome(), neighbourhoods, None)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.bin"
        file.write_bytes(image.placed(1, 1).flash)
        command = [tool, "-M", "microbit", "-display", "none", "-monitor", "none", "-serial", "stdio"]
        command += ["-device", f"loader,file={file},addr=0"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            _talk(process, story, time.monotonic() + timeout_s)
        finally:
            process.kill()
            process.wait()
    return Trial(story.hello, story.said, story.wrong, story.mailbox.asked, 0, 0)


def _talk(process: subprocess.Popen[bytes], story: Story, deadline: float) -> None:
    assert process.stdin is not None and process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not story.over:
            left = deadline - time.monotonic()
            if left <= 0 or process.poll() is not None:
                raise RunFailed(f"{QEMU}: only {len(story.said)} states said")
            if not selector.select(min(left, 1.0)):
                continue
            answer = story.receive(os.read(process.stdout.fileno(), 4096))
            if answer:
                process.stdin.write(answer)
                process.stdin.flush()
