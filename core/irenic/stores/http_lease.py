"""A lease on the server: kept by a heartbeat, which also hears of interrupts."""

import asyncio
import json
from contextlib import suppress

from irenic.engine.store import LeaseLost, RemoteInterrupt
from irenic.model.errors import FencedError, StoreError
from irenic.model.interrupt import InterruptSignal
from irenic.model.record import LeaseInfo
from irenic.stores.http_api import StoreApi

WATCH_INTERVAL = 1.0
"""Seconds between two looks whether somebody asked to stop."""


class HttpLease:
    """See :class:`irenic.engine.store.Lease`.

    :param ttl: seconds that the lease lives without being renewed; it is renewed three times in that time.
    """

    def __init__(
        self,
        api: StoreApi,
        path: tuple[str, ...],
        info: LeaseInfo,
        ttl: float,
        on_lost: LeaseLost | None,
        on_interrupt: RemoteInterrupt | None,
    ) -> None:
        self._api = api
        self._path = path
        self._ttl = ttl
        self._on_lost = on_lost
        self._on_interrupt = on_interrupt
        self._heard: InterruptSignal | None = None
        self.is_released = False
        self.info = info
        self.lost_because: FencedError | None = None
        self._task = asyncio.get_running_loop().create_task(self._keep(), name=f"lease {info.execution_id}")

    async def release(self) -> None:
        """See the protocol."""
        if self.is_released:
            return
        self.is_released = True
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        query = {"fencing": self.info.fencing}
        answer = await self._api.ask("DELETE", self._path, query=query, patience=self._ttl)
        if answer.status >= 400 and answer.problem != "stale-fencing":
            raise answer.error()

    def lose(self, why: FencedError) -> None:
        """Note that somebody else has taken over, or that the lease has run out."""
        if self.lost_because is None and not self.is_released:
            self.lost_because = why
            if self._on_lost is not None:
                self._on_lost(str(why))

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + self._ttl / 3
        while self.lost_because is None:
            await asyncio.sleep(min(WATCH_INTERVAL, max(0.0, renew_at - loop.time())))
            try:
                if loop.time() >= renew_at or self._heard is not None or await self._somebody_asked():
                    renew_at = loop.time() + self._ttl / 3
                    await self._renew()
            except StoreError:
                continue  # not reached this time; whether the lease is lost will be seen when it is

    async def _somebody_asked(self) -> bool:
        if self._on_interrupt is None or self.info.execution_id is None:
            return False
        answer = await self._api.ask("GET", ("executions", self.info.execution_id, "signal"), patience=0, retry=False)
        return answer.status == 200 and answer.body.strip() not in (b"", b"0")

    async def _renew(self) -> None:
        asked = {"holder": self.info.holder, "fencing": self.info.fencing, "ttl": self._ttl}
        body = json.dumps(asked).encode()
        answer = await self._api.ask("PUT", self._path, body=body, patience=self._ttl / 3)
        if answer.status == 200:
            self._hear(LeaseInfo.model_validate_json(answer.body).interrupt)
        elif answer.problem == "stale-fencing":
            self.lose(FencedError(answer.detail))

    def _hear(self, signal: InterruptSignal | None) -> None:
        if signal is None or signal == self._heard:
            return
        self._heard = signal
        if self._on_interrupt is not None:
            self._on_interrupt(signal)
