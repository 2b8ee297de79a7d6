"""What the platform gives to items: files and a client for requests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from irenic.model.errors import IrenicError

if TYPE_CHECKING:
    from irenic.flow.context import FileSystem, HttpClient


@dataclass(frozen=True)
class Platform:
    """Files and requests of the place where the engine runs."""

    files: "FileSystem"
    http: "HttpClient"


_default: Callable[[], Platform] | None = None


def set_default_platform(make: Callable[[], Platform]) -> None:
    """Say how the platform is made where a :class:`CmdExecutionMap` was given none."""
    global _default  # noqa: PLW0603 - set once, by the package that knows the platforms
    _default = make


def default_platform() -> Platform:
    """Return the platform for executions that were given none.

    :raises IrenicError: if nobody has said how it is made.
    """
    if _default is None:
        raise IrenicError("no platform is known: import irenic, or give CmdExecutionMap(platform=...).")
    return _default()
