"""What an item is given to work with; the engine and the platforms implement it."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, BinaryIO, Literal, Protocol, TypeVar

from pydantic import BaseModel

from irenic.model.interrupt import InterruptLevel
from irenic.model.progress import ProgressLimit

T = TypeVar("T")


class FileStat(BaseModel):
    """A file: its path relative to the root of the file system, with ``/``, and its size in bytes."""

    path: str
    size: int


class FileWriter(Protocol):
    """A file being written beside its place; nobody sees it before ``commit``.

    Leaving the ``async with`` block without ``commit`` discards what was written.
    """

    async def write(self, data: bytes) -> None:
        """Append bytes."""

    async def commit(self) -> None:
        """Put the file in its place, durably and in one step."""


class DirectoryWriter(Protocol):
    """A directory being filled apart from its place; nobody sees it before ``commit``.

    Leaving the ``async with`` block without ``commit`` discards what was written.
    """

    def write(self, path: str) -> AbstractAsyncContextManager[FileWriter]:
        """Open a file inside the directory for writing; directories on the way are made."""

    async def commit(self) -> None:
        """Put the directory in its place, durably; an old one is replaced with all that was in it."""


class FileSystem(Protocol):
    """The files an item may touch: the disk natively, the origin private file system in the tab.

    Paths are relative, with ``/``. A path that would leave the root raises :class:`irenic.model.errors.ItemFailure`.
    """

    async def stat(self, path: str) -> FileStat | None:
        """Return a file's size, or None where there is no such file."""

    async def is_dir(self, path: str) -> bool:
        """Return whether the path is a directory."""

    def read(self, path: str, chunk_size: int = 262_144) -> AsyncIterator[bytes]:
        """Return a file's bytes, chunk by chunk."""

    async def read_bytes(self, path: str) -> bytes:
        """Return a whole file."""

    def open(self, path: str) -> AbstractAsyncContextManager[BinaryIO]:
        """Open a file for reading at any position; reads block."""

    def write(self, path: str) -> AbstractAsyncContextManager[FileWriter]:
        """Open a file for writing; its directories are made."""

    def stage(self, path: str) -> AbstractAsyncContextManager[DirectoryWriter]:
        """Open a directory for filling it as a whole."""

    async def remove(self, path: str) -> None:
        """Remove a file, or a directory with all that is in it, and the directories above it that are empty then.

        Nothing happens where there is none.
        """

    async def list(self, path: str = "") -> list[FileStat]:
        """Return all files below a directory, sorted by path."""

    async def rename(self, source: str, target: str) -> None:
        """Move a file or a directory; an old target is replaced."""


class HttpResponse(Protocol):
    """The head of a response; its body arrives by ``chunks``."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields, names in lower case."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the body as it arrives."""

    async def read(self) -> bytes:
        """Return the whole body."""


class HttpClient(Protocol):
    """One small client: fetch in the tab, httpx natively."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> AbstractAsyncContextManager[HttpResponse]:
        """Send a request; leaving the block gives the connection up, also in the middle of the body.

        :raises ItemFailure: where the host cannot be reached; the message says which and why.
        """


class ItemProgressSender(Protocol):
    """Tells how far an item has come."""

    def limit(self, limit: ProgressLimit | None) -> None:
        """Say how large the work is; None where nobody knows."""

    def inc(self, n: int = 1) -> None:
        """Say that ``n`` more steps or bytes are done."""

    def message(self, text: str) -> None:
        """Say in a few words what is being done."""


class ItemLog(Protocol):
    """Writes lines to the execution's log."""

    def debug(self, text: str) -> None:
        """Write a line of level debug."""

    def info(self, text: str) -> None:
        """Write a line of level info."""

    def warning(self, text: str) -> None:
        """Write a line of level warning."""

    def error(self, text: str) -> None:
        """Write a line of level error."""


class ItemContext(ABC):
    """What an item's functions are given."""

    __slots__ = ()

    item_id: str
    flow: str
    profile: str
    execution_id: str
    dry_run: bool

    @property
    @abstractmethod
    def progress(self) -> ItemProgressSender:
        """Tells how far the item has come."""

    @property
    @abstractmethod
    def log(self) -> ItemLog:
        """Writes lines to the execution's log."""

    @property
    @abstractmethod
    def cancelled(self) -> InterruptLevel | None:
        """Whether somebody asked to stop, and how hard; None where nobody did."""

    @property
    @abstractmethod
    def stored(self) -> Any:
        """The item's own last stored current state, or None; inside apply, what :meth:`keep` was given last."""

    @property
    @abstractmethod
    def key(self) -> str:
        """An idempotency key for what apply is about to do: the same for every try of one intent, also after a resume.

        :raises FlowError: outside of apply.
        """

    @property
    @abstractmethod
    def fencing(self) -> int | None:
        """The number of this execution's right to write; a later holder of the profile has a higher one."""

    @abstractmethod
    async def keep(self, state: Any) -> None:
        """Store durably, from inside apply, what is known so far: an id that a create has just returned.

        Where apply then does not end, the item is unknown *with* this state, and :attr:`stored` has it the next time.

        :raises FlowError: outside of apply.
        """

    @property
    @abstractmethod
    def fs(self) -> FileSystem:
        """The files the item may touch."""

    @property
    @abstractmethod
    def http(self) -> HttpClient:
        """The client for requests."""

    @abstractmethod
    async def checkpoint(self) -> None:
        """Let others run, and be the place where a cancellation arrives."""

    @abstractmethod
    def shield(self, reason: str) -> AbstractAsyncContextManager[None]:
        """Defer cancellation until the block ends; ``reason`` is shown to whoever waits for it."""

    @abstractmethod
    def limits(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold one place of a named limit that items share; the wait for it is shown as *waiting*.

        :raises FlowError: if the flow has no limit of that name.
        """

    @abstractmethod
    async def ask(self, prompt: str) -> str:
        """Wait for the user's answer to a question; the item is shown as *user pending*."""

    @abstractmethod
    async def run_sync(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that blocks: in a thread natively, directly in the tab (where it stays stoppable).

        A cancellation does not end a thread: it is delivered when the function returns.
        """

    async def record_child(self, pid: int) -> None:  # noqa: B027 - where there are no processes it does nothing
        """Record durably that the item has started a process, which leads a process group; call it before that works.

        Where this process dies, the next run ends that process and its group before it begins anything. It does nothing
        outside of an apply, or where there are no processes.
        """


LogLevel = Literal["debug", "info", "warning", "error"]
