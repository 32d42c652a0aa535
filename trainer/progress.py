"""The progress bar of a training on stderr: step, loss, learning rate, best score, time left.  Imports rich only."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from trainer.train import Progress


class Display:
    """A context; `show` after each step, `say` a line above the bar."""

    def __init__(self, title: str) -> None:
        self._console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=False,
        )
        self._task = self._bar.add_task(title, total=None, loss="")

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def show(self, now: Progress) -> None:
        best = f" best {now.best_score:.2f}" if now.best_score < 99 else ""
        again = f" restarted {now.restarts}x" if now.restarts else ""
        loss = f"loss {now.loss_log10:.2f} rate {now.rate:.1e}{best}{again}"
        self._bar.update(self._task, completed=now.step, total=now.steps, loss=loss)
