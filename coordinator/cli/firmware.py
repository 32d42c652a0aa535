"""`planaria firmware`: a rule as an image for a real chip: build it, check it, run it, and say what it costs.

Thin over firmware_sim.boards; the chips are emulated, nothing is flashed here. May import click and firmware_sim.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.options import exit_code, json_option, show_json
from firmware_sim.errors import BadInput

if TYPE_CHECKING:
    from firmware_sim.boards.image import Image
    from firmware_sim.folder import RuleFolder
    from firmware_sim.genome import Genome

MAIN = "atmega328p"
board_option = click.option(
    "--board", default=MAIN, show_default=True, help="The chip; see `planaria firmware boards`."
)


def _rule(name: str) -> tuple[RuleFolder, Genome]:
    from firmware_sim import folder

    rule = folder.load(name)
    genome = rule.genome()
    if genome is None:
        raise BadInput(f"{name}: this rule has no genome (a chip takes 16 channels and 16..256 hidden units)")
    return rule, genome


def _image(genome: Genome, board: str, **options: Any) -> Image:
    from firmware_sim.boards.build import build
    from firmware_sim.boards.catalog import board as find

    return build(genome, find(board), **options)


@click.group(short_help="A rule as an image for a real chip: build, check, run, budget.")
def firmware() -> None:
    """Put a rule on a chip.

    \b
    planaria firmware build lizard --board atmega328p --out lizard-uno
    planaria firmware check lizard --board cortex-m0
    planaria firmware budget lizard
    """


@firmware.command()
@json_option
def boards(as_json: bool) -> None:
    """List the boards.

    \b
    planaria firmware boards
    """
    from firmware_sim.boards.catalog import BOARDS

    if as_json:
        show_json({"boards": [{"name": b.name, "chip": b.chip, "package": b.package} for b in BOARDS.values()]})
        return
    for b in BOARDS.values():
        click.echo(f"{b.name:16s} {b.chip:12s} {b.clock_hz / 1e6:g} MHz, needs {b.package}")


@firmware.command()
@click.argument("rule")
@board_option
@click.option("--cell", type=click.IntRange(0, 65535), default=0, show_default=True, help="Number; seeds its clock.")
@click.option("--interval", type=click.IntRange(1, 65535), default=500, show_default=True, help="Mean wake, in ms.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for image.elf and image.hex.")
@json_option
def build(rule: str, board: str, cell: int, interval: int, out: Path, as_json: bool) -> None:
    """Compile the whole image; image.hex is what a programmer takes.

    \b
    planaria firmware build lizard --board atmega328p --out lizard-uno
    """
    folder, genome = _rule(rule)
    image = _image(genome, board, cell=cell, interval_ms=interval)
    files = {"elf": out / "image.elf", "hex": out / "image.hex"}
    try:
        out.mkdir(parents=True, exist_ok=True)
        files["elf"].write_bytes(image.elf)
        files["hex"].write_text(image.hex())
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from error
    facts = {
        "rule": folder.name,
        "board": board,
        "cell": cell,
        "interval_ms": interval,
        "flash_bytes": len(image.flash),
        "static_ram_bytes": image.static_ram_bytes,
        "files": {kind: str(path) for kind, path in files.items()},
    }
    _show(facts, as_json, lambda: click.echo(f"{files['hex']}: {len(image.flash)} bytes of flash for the {board}"))


@firmware.command()
@click.argument("rule")
@board_option
@click.option("--updates", type=click.IntRange(5, 1_000_000), default=500, show_default=True, help="How many.")
@click.option("--image", "file", type=click.Path(path_type=Path), default=None, help="An image.elf made before.")
@json_option
def check(rule: str, board: str, updates: int, file: Path | None, as_json: bool) -> int:
    """Compare the machine code with the reference, bit for bit, on golden, random and extreme inputs.

    \b
    planaria firmware check lizard --board cortex-m0 --updates 2000

    Exit code 1 if a single state differs.
    """
    from firmware_sim.boards.check import check as compare

    folder, genome = _rule(rule)
    image = _image(genome, board, check_fit=False) if file is None else _read(file, board, genome)
    golden = folder.golden()
    found = compare(image, genome, updates, golden=None if golden is None else golden.int8_in)
    verdict = "fail" if found.wrong else "pass"
    line = f"{board}: {found.updates} updates and {found.wakes} wakes of the whole image, {found.wrong} differ"
    _show({"rule": folder.name, **found.to_dict(), "verdict": verdict}, as_json, lambda: click.echo(line))
    return exit_code(verdict)


@firmware.command()
@click.argument("rule")
@board_option
@click.option("--wakes", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many.")
@json_option
def run(rule: str, board: str, wakes: int, as_json: bool) -> int:
    """Power a chip up in its emulator, plant the seed around it and let it live through some wakes.

    \b
    planaria firmware run lizard --board atmega328p --wakes 20
    """
    import numpy as np

    from firmware_sim.boards.trial import trial

    folder, genome = _rule(rule)
    seed = np.array([0, 0, 0, *[32] * 13], np.int8)
    around = np.zeros((wakes, 3, 3, 16), np.int8)
    around[:, 1, 0] = seed
    story = trial(_image(genome, board, check_fit=False), around)
    facts = {
        "rule": folder.name,
        "board": board,
        "genome_crc": None if story.hello is None else story.hello.genome_crc,
        "wakes": len(story.said),
        "asked": story.asked,
        "wrong": story.wrong,
        "stack_painted_bytes": story.stack_bytes,
        "states": [state.tolist() for state in story.said],
    }

    def show() -> None:
        for number, state in enumerate(story.said):
            click.echo(f"wake {number:3d}  rgb {state[:3].tolist()}  alpha {state[3]}  {state[4:].tolist()}")
        click.echo(f"{story.wrong} of {len(story.said)} states differ from the reference")

    _show(facts, as_json, show)
    return exit_code("fail" if story.wrong else "pass")


@firmware.command()
@click.argument("rule")
@click.option("--cell", type=click.IntRange(0, 65535), default=0, show_default=True, help="Number; seeds its clock.")
@click.option("--link", type=click.Path(path_type=Path), default=None, help="Name for the port; gone when it ends.")
def desk(rule: str, cell: int, link: Path | None) -> int:
    """A simulated Arduino at a serial port of its own, in real time, until Ctrl-C: something for `planaria bridge`.

    \b
    planaria firmware desk dot --link /tmp/uno
    """
    from firmware_sim.boards.port import Desk

    _, genome = _rule(rule)
    board = Desk(genome, cell)
    try:
        if link is not None:
            try:
                link.symlink_to(board.path)
            except OSError as error:
                raise BadInput(f"{link}: cannot be made ({error.strerror})") from error
        click.echo(link or board.path)
        board.run(lambda: False)
    finally:
        board.close()
        if link is not None and link.is_symlink() and str(link.readlink()) == board.path:
            link.unlink()
    return 0


@firmware.command()
@click.argument("rule")
@click.option("--board", "names", multiple=True, help="One or several; all four chips when left out.")
@json_option
def budget(rule: str, names: tuple[str, ...], as_json: bool) -> int:
    """Measure flash, RAM, worst stack, cycles and energy of an update. Exit code 1 if a limit is missed.

    \b
    planaria firmware budget lizard
    planaria firmware budget lizard --board rv32ec --json
    """
    from firmware_sim.boards.budget import budget as measure
    from firmware_sim.boards.budget import table
    from firmware_sim.boards.catalog import MAIN_BOARDS
    from firmware_sim.boards.catalog import board as find

    folder, genome = _rule(rule)
    found = [measure(genome, find(name), folder.name) for name in names or MAIN_BOARDS]
    if as_json:
        show_json([entry.to_dict() for entry in found])
    else:
        click.echo(table(found))
    return exit_code("pass" if all(entry.fits for entry in found) else "fail")


def _read(file: Path, board: str, genome: Genome) -> Image:
    from firmware_sim.boards.catalog import board as find
    from firmware_sim.boards.image import read

    try:
        image = read(file.read_bytes(), find(board), str(file))
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror})") from error
    if image.genome().to_bytes() != genome.to_bytes():
        raise BadInput(f"{file}: holds another rule than the one given")
    return image


def _show(facts: dict[str, Any], as_json: bool, text: Callable[[], None]) -> None:
    if as_json:
        show_json(facts)
    else:
        text()
