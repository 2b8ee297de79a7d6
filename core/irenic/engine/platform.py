"""What the platform gives to items: files, a client for requests, and the place that the files live in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from irenic.model.errors import IrenicError

if TYPE_CHECKING:  # the package itself is imported in a moment, without what these bring
    from irenic.flow.context import FileSystem, HttpClient
    from irenic.model.child import ChildProcess
    from irenic.model.place import PlaceInfo


class PlaceMark(Protocol):
    """The mark by which a place is known again; it lies beside the files, and goes where they go."""

    async def read(self) -> "PlaceInfo | None":
        """Return the place, or None where it has no mark yet."""

    async def create(self) -> "PlaceInfo | None":
        """Return the place, marked now where it was not; None where no mark can be left."""


class Children(Protocol):
    """Processes that items start, where there are any."""

    def describe(self, pid: int) -> "ChildProcess | None":
        """Return by what a process of this machine is known again; None where it has ended."""

    async def end(self, child: "ChildProcess") -> bool:
        """End a process, with its group, that another process has left behind; returns whether it was at work.

        :raises IrenicError: if it cannot be ended.
        """


@dataclass(frozen=True)
class Platform:
    """Files and requests of the place where the engine runs.

    :param place: the mark of the place; without one, items are recorded as if there were no other place.
    :param files_of: makes the files of a flow and profile, where each has a root of its own.
    :param children: the processes of items; None where there are none, as in a tab.
    """

    files: "FileSystem"
    http: "HttpClient"
    place: PlaceMark | None = None
    files_of: "Callable[[str, str], FileSystem] | None" = None

    children: Children | None = None

    @property
    def shared_place(self) -> PlaceMark | None:
        """The mark of the place whose files a flow's profiles share; None where each profile has files of its own."""
        return self.place if self.files_of is None else None

    def files_for(self, flow: str, profile: str) -> "FileSystem":
        """Return the files of a flow and profile."""
        return self.files if self.files_of is None else self.files_of(flow, profile)


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
