"""Everything that lives as long as the server: the database, its writer, streams, tokens, and regular work."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from irenic.model.fold import ExecutionFold
from irenic_server.answers import AnswerMemory
from irenic_server.background import Background
from irenic_server.clock import now_ms
from irenic_server.connections import Connections, most_connections
from irenic_server.database import Database
from irenic_server.folding import FoldCache, fold_step
from irenic_server.idempotency import forget_keys
from irenic_server.inner_client import InnerClient
from irenic_server.leases import Ended, end_expired_leases, end_silent_executions, expired_leases, extend_leases
from irenic_server.listener import listen
from irenic_server.live import BEAT_SLOTS, Hub
from irenic_server.metrics import Metrics
from irenic_server.notices import News
from irenic_server.pulse import Pulse
from irenic_server.retention import delete_executions, delete_telemetry, give_room_back
from irenic_server.revisions import touch
from irenic_server.runs import Runs, load_flows
from irenic_server.schema import prepare_schema
from irenic_server.settings import Settings
from irenic_server.telemetry import Forwarder
from irenic_server.tokens import REFRESH_SECONDS, Tokens
from irenic_server.transaction import Transaction
from irenic_server.writer import Writer

_log = logging.getLogger("irenic.server")

SILENCE_SECONDS = 60.0
"""How long an execution whose lease is gone may be silent before it is lost."""

SILENCE_LOOK_SECONDS = 30.0
RECOVERY_SECONDS = 1.0


class Services:
    """What routes work with."""

    writer: Writer

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.connections = Connections(most_connections(settings.limits.connections))
        self.news = News()
        self.database = Database(settings.database)
        self.hub = Hub(self.database)
        self.folds = FoldCache()
        self.answers = AnswerMemory(settings.limits.answers)
        self.tokens = Tokens(self.database, settings.token.get_secret_value())
        self.forwarder = Forwarder.from_environment(self.metrics) if settings.telemetry else None
        self.flows = load_flows(settings.run) if settings.run else {}
        self.runs: Runs | None = None
        self.draining = False
        self.background = Background()
        self.pulse = Pulse(settings.sweep_interval)
        self._slot = 0

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
        background = self.background
        async with asyncio.TaskGroup() as tasks:
            works = [
                background.repeat("leases", self.settings.sweep_interval, self._end_leases),
                background.repeat("silence", SILENCE_LOOK_SECONDS, self._end_silent),
                background.repeat("tokens", REFRESH_SECONDS, self.tokens.refresh_open),
                background.repeat("retention", self.settings.retention_interval, self._delete_old),
                background.repeat("recovery", RECOVERY_SECONDS, self._try_to_write),
                background.repeat("heartbeat", self.settings.heartbeat / BEAT_SLOTS, self._beat),
            ]
            if self.forwarder is not None:
                works.append(background.keep("telemetry", self.forwarder.run))
            if not self.database.is_sqlite:
                works.append(background.keep("listener", lambda: listen(self.database, self.hub, self.news)))
            regular = [tasks.create_task(work) for work in works]
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

    async def end_runs(self) -> None:
        """Begin nothing more, and wait until what runs here has ended."""
        self.draining = True
        if self.runs is not None:
            await self.runs.ended()

    def drain(self) -> None:
        """End what would never end by itself, and say that the server is not ready any more."""
        self.draining = True
        self.hub.close()

    async def _end_leases(self) -> None:
        """End the leases that ran out, unless nobody could renew them: this server slept, or the database was away."""
        if self.pulse.was_interrupted():
            _log.warning("no lease could be renewed for a while: each gets its time from now on")
            await self.writer.write(lambda transaction: extend_leases(transaction, self.settings.lease_ttl))
        # Whatever fails below leaves the pulse interrupted.
        grace_ms = int(self.settings.lost_after * 1000)
        expired = await self.database.read(expired_leases, grace_ms)
        if self.writer.failing is None:
            self.pulse.beat()
        while expired:
            await self._end_some_leases(expired, grace_ms)
            expired = await self.database.read(expired_leases, grace_ms)

    async def _end_some_leases(self, expired: Sequence[tuple[str | None, int | None]], grace_ms: int) -> None:
        folds: dict[str, ExecutionFold] = {}
        for execution_id, key in expired:
            if execution_id is None or key is None:
                continue
            # In steps, of which none is in the writer's way; it folds what came since.
            fold = folds[execution_id] = ExecutionFold()
            while await self.database.read(fold_step, key, fold):
                pass
        ended: Ended = await self.writer.write(lambda transaction: end_expired_leases(transaction, folds, grace_ms))
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
        given_back = 0
        while pages := await self.writer.write(give_room_back):
            given_back += pages
        if deleted or given_back:
            _log.info("what was too old was deleted", extra={"deleted": deleted, "pages_given_back": given_back})
        await self.writer.write(forget_keys)

    async def _try_to_write(self) -> None:
        """Find out whether what could not be stored can be stored again; others may wait for that before they send."""
        if self.writer.failing is not None:
            await self.writer.write(touch)

    async def _beat(self) -> None:
        self._slot = (self._slot + 1) % BEAT_SLOTS
        self.hub.beat(self._slot)
