"""How much of an execution's log is shown."""

from typing import Literal

LogLevel = Literal["debug", "info", "warning", "error"]
LOG_LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")


def is_shown(level: LogLevel, least: LogLevel) -> bool:
    """Return whether a line of a level is shown where ``least`` is the least one."""
    return LOG_LEVELS.index(level) >= LOG_LEVELS.index(least)
