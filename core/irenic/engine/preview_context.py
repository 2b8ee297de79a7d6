"""The item context of a preview: it looks, and leaves no trace."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeVar

from irenic.engine.item_run import ItemRun
from irenic.engine.platform import Platform
from irenic.engine.request import CmdExecRequest
from irenic.flow.context import FileSystem, HttpClient, ItemContext
from irenic.model.errors import FlowError, ItemFailure
from irenic.model.interrupt import InterruptLevel
from irenic.model.progress import ProgressLimit

T = TypeVar("T")


class PreviewItemContext(ItemContext):
    """See :class:`irenic.flow.context.ItemContext`."""

    def __init__(self, run: ItemRun, request: CmdExecRequest, platform: Platform) -> None:
        self.item_id = run.item_id
        self.flow = request.flow.id
        self.profile = request.profile
        self.execution_id = ""
        self.dry_run = True
        self._run = run
        self._platform = platform

    @property
    def progress(self) -> "_Silent":
        """Nobody hears of it."""
        return _SILENT

    log = progress

    @property
    def cancelled(self) -> InterruptLevel | None:
        """Always None."""
        return None

    @property
    def stored(self) -> Any:
        """See the base class."""
        self._run.reads_stored = True
        return self._run.stored_state

    @property
    def key(self) -> str:
        """Refuse: a preview applies nothing.

        :raises FlowError: always.
        """
        raise FlowError("cx.key belongs to an apply: there is no intent in a preview.")

    @property
    def fencing(self) -> int | None:
        """Always None: a preview writes nothing."""
        return None

    async def keep(self, state: Any) -> None:
        """Refuse: a preview applies nothing.

        :raises FlowError: always.
        """
        raise FlowError("cx.keep belongs to an apply: there is no intent in a preview.")

    @property
    def fs(self) -> FileSystem:
        """See the base class."""
        self._run.uses_place = True
        return self._platform.files_for(self.flow, self.profile)

    @property
    def http(self) -> HttpClient:
        """See the base class."""
        return self._platform.http

    async def checkpoint(self) -> None:
        """See the base class."""
        await asyncio.sleep(0)

    def shield(self, reason: str) -> AbstractAsyncContextManager[None]:
        """Return a block without effect: nobody cancels a preview."""
        return nullcontext()

    def limits(self, name: str) -> AbstractAsyncContextManager[None]:
        """Return a block without effect."""
        return nullcontext()

    async def ask(self, prompt: str) -> str:
        """Refuse: a preview asks nobody.

        :raises ItemFailure: always.
        """
        raise ItemFailure(f"it would ask the user: {prompt}")

    async def run_sync(self, function: Callable[..., T], *args: Any) -> T:
        """See the base class."""
        return function(*args)


class _Silent:
    """Takes progress and log lines, and drops them."""

    def limit(self, limit: ProgressLimit | None) -> None:
        """Drop it."""

    def inc(self, n: int = 1) -> None:
        """Drop it."""

    def message(self, text: str) -> None:
        """Drop it."""

    def debug(self, text: str) -> None:
        """Drop it."""

    info = warning = error = debug


_SILENT = _Silent()
