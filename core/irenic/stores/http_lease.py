"""A lease on the server: kept by a heartbeat that no item can hold up, which also hears of interrupts."""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from irenic.engine.store import LeaseLost, RemoteInterrupt
from irenic.model.errors import FencedError, StoreError
from irenic.model.interrupt import InterruptSignal
from irenic.model.record import LeaseInfo
from irenic.stores.http_api import Answer, StoreApi
from irenic.stores.lease_clock import lease_time
from irenic.stores.side_loop import SideLoop

WATCH_INTERVAL = 1.0
"""Seconds between two looks whether somebody asked to stop."""

LeaseChange = Callable[["HttpLease"], None]
"""Called when a lease was taken, and when it was given back."""

BLOCKING_TIMEOUT = 2.0
"""Seconds for which a call that cannot be awaited waits until a lease that has ended is renewed."""


class HttpLease:
    """See :class:`irenic.engine.store.Lease`.

    It is renewed beside the loop in which the items run, because an item may compute for longer than it lives. When it
    ends is known by this machine's own clock, from the moment at which the server was asked for it. Where it has ended,
    as on a laptop that has slept, it is renewed with the same fencing number before anything goes on, if the server has
    not given it to another execution.

    :param ttl: seconds that the lease lives without being renewed; it is renewed three times in that time.
    :param on_change: called at once, and when it is given back: in a tab, the page renews it beside the worker.
    :param asked_at: when the server was asked for it, by :func:`irenic.stores.lease_clock.lease_time`.
    """

    def __init__(
        self,
        api: StoreApi,
        side: SideLoop,
        path: tuple[str, ...],
        info: LeaseInfo,
        ttl: float,
        asked_at: float,
        on_lost: LeaseLost | None,
        on_interrupt: RemoteInterrupt | None,
        on_change: LeaseChange | None = None,
    ) -> None:
        self._api = api
        self._side = side
        self._path = path
        self.ttl = ttl
        self._ends = asked_at + ttl
        self._on_lost = on_lost
        self._on_interrupt = on_interrupt
        self._on_change = on_change
        self._heard: InterruptSignal | None = None
        self._loop = asyncio.get_running_loop()
        self.is_released = False
        self.info = info
        self.lost_because: FencedError | None = None
        side.open()
        self._keeping = side.start(self._keep())
        if on_change is not None:
            on_change(self)

    @property
    def address(self) -> str:
        """Where the server takes its renewal, by ``PUT``."""
        return self._api.address(self._path)

    def check(self) -> None:
        """See the protocol."""
        if self.lost_because is not None:
            raise self.lost_because
        if lease_time() < self._ends or self.is_released:
            return
        with suppress(StoreError, TimeoutError):
            if sys.platform == "emscripten":
                self._renewed(lease_time(), self._api.ask_blocking("PUT", self._path, self._renewal()))
            else:
                self._side.call_blocking(self._renew(BLOCKING_TIMEOUT), BLOCKING_TIMEOUT)
        self._check_renewed()

    async def hold(self) -> None:
        """See the protocol."""
        if self.lost_because is not None:
            raise self.lost_because
        if lease_time() < self._ends or self.is_released:
            return
        with suppress(StoreError):
            await self._side.call(self._renew(self.ttl))
        self._check_renewed()

    async def release(self) -> None:
        """See the protocol."""
        if self.is_released:
            return
        self.is_released = True
        self._keeping.cancel()
        self._side.close()
        if self._on_change is not None:
            self._on_change(self)
        query = {"fencing": self.info.fencing}
        answer = await self._api.ask("DELETE", self._path, query=query, patience=self.ttl)
        if answer.status >= 400 and answer.problem != "stale-fencing":
            raise answer.error()

    def lose(self, why: FencedError) -> None:
        """Note that somebody else has taken over, or that the lease has run out; may be called from any thread."""
        if self.lost_because is None and not self.is_released:
            self.lost_because = why
            if self._on_lost is not None:
                self._call(self._on_lost, str(why))

    def _check_renewed(self) -> None:
        if self.lost_because is not None:
            raise self.lost_because
        ago = lease_time() - self._ends
        if ago >= 0:
            raise FencedError(
                f"the lease of {self._path[1]}/{self._path[3]} ended {ago:.0f} s ago, and the server cannot be reached "
                "to renew it: another execution may have begun, so this one has stopped."
            )

    async def _keep(self) -> None:
        renew_at = self._ends - self.ttl * 2 / 3
        while self.lost_because is None:
            await asyncio.sleep(min(WATCH_INTERVAL, max(0.0, renew_at - lease_time())))
            try:
                if lease_time() >= renew_at or self._heard is not None or await self._somebody_asked():
                    renew_at = lease_time() + self.ttl / 3
                    await self._renew(self.ttl / 3)
            except StoreError:
                continue  # not reached this time; whether the lease is lost will be seen when it is

    async def _somebody_asked(self) -> bool:
        if self._on_interrupt is None or self.info.execution_id is None:
            return False
        answer = await self._api.ask("GET", ("executions", self.info.execution_id, "signal"), patience=0, retry=False)
        return answer.status == 200 and answer.body.strip() not in (b"", b"0")

    async def _renew(self, patience: float) -> None:
        asked_at = lease_time()
        answer = await self._api.ask("PUT", self._path, body=self._renewal(), patience=patience)
        self._renewed(asked_at, answer)

    def _renewal(self) -> bytes:
        return json.dumps({"holder": self.info.holder, "fencing": self.info.fencing, "ttl": self.ttl}).encode()

    def _renewed(self, asked_at: float, answer: Answer) -> None:
        if answer.status == 200:
            self._ends = max(self._ends, asked_at + self.ttl)
            self._hear(LeaseInfo.model_validate_json(answer.body).interrupt)
        elif answer.problem == "stale-fencing":
            self.lose(FencedError(answer.detail))

    def _hear(self, signal: InterruptSignal | None) -> None:
        if signal is None or signal == self._heard:
            return
        self._heard = signal
        if self._on_interrupt is not None:
            self._call(self._on_interrupt, signal)

    def _call(self, function: Callable[..., Any], argument: Any) -> None:
        """Call a function in the loop of the items."""
        with suppress(RuntimeError):  # that loop is closed: nothing runs any more
            self._loop.call_soon_threadsafe(function, argument)
