"""Regular work beside the requests: what fails in it is logged and tried again, and readiness tells of it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from irenic_server.problems import Problem

PATIENCE_SECONDS = 60.0
"""How long one run may take before the work counts as stuck."""

RESTART_SECONDS = 1.0

_log = logging.getLogger("irenic.server")


@dataclass(slots=True)
class _Work:
    name: str
    began: float | None = None
    failing: bool = False
    failures: int = 0
    ended: bool = False

    @property
    def is_well(self) -> bool:
        stuck = self.began is not None and time.monotonic() - self.began > PATIENCE_SECONDS
        return not (stuck or self.failing or self.ended)


@dataclass(slots=True)
class Background:
    """All regular work of a server."""

    _works: dict[str, _Work] = field(default_factory=dict)

    @property
    def unwell(self) -> list[str]:
        """The names of the work that failed when it was tried last, or hangs."""
        return [work.name for work in self._works.values() if not work.is_well]

    def failures(self) -> Iterator[tuple[str, bool, int]]:
        """Yield the name of each work, whether it is well, and how often it has failed."""
        for work in self._works.values():
            yield work.name, work.is_well, work.failures

    def failures_of(self, name: str) -> int:
        """Return how often a work has failed."""
        return self._works[name].failures

    async def repeat(self, name: str, seconds: float, run: Callable[[], Awaitable[None]]) -> None:
        """Do something at intervals until cancelled."""
        work = self._works[name] = _Work(name)
        try:
            while True:
                await asyncio.sleep(seconds)
                work.began = time.monotonic()
                await self._try(work, run)
                work.began = None
        finally:
            work.ended = True

    async def keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Do something that never ends by itself until cancelled; where it fails it is begun again."""
        work = self._works[name] = _Work(name)
        try:
            while True:
                await self._try(work, run)
                await asyncio.sleep(RESTART_SECONDS)
                # It is begun again: if it fails once more, that is said then.
                work.failing = False
        finally:
            work.ended = True

    async def _try(self, work: _Work, run: Callable[[], Awaitable[None]]) -> None:
        try:
            await run()
        except Problem as problem:
            # The disk is full, or the database is away: that is known, and said by those who cannot store anything.
            _log.warning("regular work failed", extra={"work": work.name, "detail": problem.detail})
            work.failures += 1
        except Exception as error:
            if not work.failing:
                _log.error("regular work failed, and is tried again", exc_info=error, extra={"work": work.name})
            work.failing = True
            work.failures += 1
        else:
            work.failing = False
