"""Everything that lives as long as the server: the database, its writer, streams, tokens, and regular work."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from irenic_server.clock import now_ms
from irenic_server.database import Database
from irenic_server.folding import FoldCache
from irenic_server.idempotency import forget_keys
from irenic_server.inner_client import InnerClient
from irenic_server.leases import Ended, end_expired_leases, end_silent_executions, extend_leases, has_expired_leases
from irenic_server.listener import listen
from irenic_server.live import BEAT_SLOTS, Hub
from irenic_server.metrics import Metrics
from irenic_server.notices import News
from irenic_server.problems import Problem
from irenic_server.retention import delete_executions, delete_telemetry, give_room_back
from irenic_server.runs import Runs, load_flows
from irenic_server.schema import prepare_schema
from irenic_server.settings import Settings
from irenic_server.telemetry import Forwarder
from irenic_server.tokens import Tokens
from irenic_server.transaction import Transaction
from irenic_server.writer import Writer

_log = logging.getLogger("irenic.server")

SILENCE_SECONDS = 60.0
"""How long an execution whose lease is gone may be silent before it is lost."""

SILENCE_LOOK_SECONDS = 30.0

LATE_SECONDS = 5.0
"""How late a look for expired leases is where the machine was asleep, or its clock was set forward."""


class Services:
    """What routes work with."""

    writer: Writer

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.news = News()
        self.database = Database(settings.database)
        self.hub = Hub(self.database)
        self.folds = FoldCache()
        self.tokens = Tokens(self.database, settings.token.get_secret_value())
        self.forwarder = Forwarder.from_environment(self.metrics) if settings.telemetry else None
        self.flows = load_flows(settings.run) if settings.run else {}
        self.runs: Runs | None = None
        self.draining = False
        self._looked_ms = now_ms()

    @asynccontextmanager
    async def running(self, app: ASGIApp) -> AsyncIterator[None]:
        """Run everything until the server ends.

        :param app: the server itself, whose store API the executions use that run here.

        :raises IrenicError: if the database cannot be used.
        """
        await asyncio.to_thread(prepare_schema, self.database)
        self.writer = Writer(
            self.database,
            news=self.news,
            publish=self.hub.publish,
            metrics=self.metrics,
            max_pending=self.settings.limits.pending_writes,
        )
        await self.writer.write(lambda transaction: extend_leases(transaction, self.settings.lease_ttl))
        self._looked_ms = now_ms()
        async with asyncio.TaskGroup() as tasks:
            regular = [
                tasks.create_task(_every(self.settings.sweep_interval, self._end_leases)),
                tasks.create_task(_every(SILENCE_LOOK_SECONDS, self._end_silent)),
                tasks.create_task(_every(self.settings.retention_interval, self._delete_old)),
                tasks.create_task(self._beat()),
            ]
            if self.forwarder is not None:
                regular.append(tasks.create_task(self.forwarder.run()))
            if not self.database.is_sqlite:
                regular.append(tasks.create_task(listen(self.database, self.hub, self.news)))
            try:
                async with self._running_flows(app):
                    yield
            finally:
                for task in regular:
                    task.cancel()
        await self.writer.close()
        self.database.close()

    @asynccontextmanager
    async def _running_flows(self, app: ASGIApp) -> AsyncIterator[None]:
        if not self.flows:
            yield
            return
        client = InnerClient(app, asyncio.get_running_loop())
        self.runs = Runs(self.flows, client, self.settings.token.get_secret_value())
        await self.runs.start()
        try:
            yield
        finally:
            await self.runs.close()

    def drain(self) -> None:
        """End what would never end by itself, and say that the server is not ready any more."""
        self.draining = True
        self.hub.close()

    async def _end_leases(self) -> None:
        before, self._looked_ms = self._looked_ms, now_ms()
        if self._looked_ms - before > (self.settings.sweep_interval + LATE_SECONDS) * 1000:
            # Holders have not been away any longer than this server was.
            await self.writer.write(lambda transaction: extend_leases(transaction, self.settings.lease_ttl))
            return
        grace_ms = int(self.settings.lost_after * 1000)
        if not await self.database.read(has_expired_leases, grace_ms):
            return
        ended: Ended = await self.writer.write(lambda transaction: end_expired_leases(transaction, grace_ms))
        self.metrics.leases_expired += ended.expired
        for kind in ended.outcomes:
            self.metrics.ended(kind)

    async def _end_silent(self) -> None:
        unleased_ms = int(self.settings.unleased_lost_after * 1000)

        def end(transaction: Transaction) -> list[str]:
            return end_silent_executions(transaction, leased_ms=int(SILENCE_SECONDS * 1000), unleased_ms=unleased_ms)

        for kind in await self.writer.write(end):
            self.metrics.ended(kind)

    async def _delete_old(self) -> None:
        """Delete what is older than it is to be kept; each step is a transaction of its own."""
        now = now_ms()
        keep_ms, pins = self.settings.keep_ms, self.settings.pins
        deleted = 0
        while keep_ms is not None:
            step = await self.writer.write(lambda transaction: delete_executions(transaction, now - keep_ms, pins))
            deleted += step
            if step == 0:
                break
        before = now - self.settings.telemetry_keep_ms
        while step := await self.writer.write(lambda transaction: delete_telemetry(transaction, before)):
            deleted += step
        if deleted:
            await self.writer.write(give_room_back)
        await self.writer.write(forget_keys)

    async def _beat(self) -> None:
        slot = 0
        while True:
            await asyncio.sleep(self.settings.heartbeat / BEAT_SLOTS)
            slot = (slot + 1) % BEAT_SLOTS
            self.hub.beat(slot)


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Problem as problem:
            # The disk is full, or the database is away: it is tried again, and the server stays up meanwhile.
            _log.warning("regular work failed", extra={"detail": problem.detail})
