"""The report of a run: one HTML file that asks the network for nothing, and its tables beside it.

Reads the run folder only, so it can be made again at any time, also of a run whose coordinator was killed.
"""

from coordinator.report.page import finish, html, write
from coordinator.report.repeat import repeat
from coordinator.report.story import MARKED, describe
from coordinator.report.style import STYLE

__all__ = ["MARKED", "STYLE", "describe", "finish", "html", "repeat", "write"]
