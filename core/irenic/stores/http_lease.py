"""A lease on a server: kept by a heartbeat, by which the server also tells of interrupts."""

import asyncio
import sys
from collections.abc import AsyncIterator

from pydantic_core import from_json

from irenic.engine.store import LeaseLost, RemoteInterrupt
from irenic.model.errors import FencedError, IrenicError, StoreError
from irenic.model.interrupt import InterruptSignal
from irenic.model.record import LeaseInfo
from irenic.stores.http_api import StoreApi

LEASE_SECONDS = 15.0
"""How long a lease lives without a heartbeat."""

HEARTBEAT_SECONDS = 5.0

LAST_POSSIBLE_SEQ = 2**53 - 1
"""Given as the last event seen, so that a stream brings no events, only interrupts."""


class HttpLease:
    """See :class:`irenic.engine.store.Lease`.

    Natively the execution's stream is followed too, so that an interrupt arrives at once; in the tab the page does so.
    """

    def __init__(
        self, api: StoreApi, path: str, info: LeaseInfo, on_lost: LeaseLost | None, on_interrupt: RemoteInterrupt | None
    ) -> None:
        self._api = api
        self._path = path
        self._on_lost = on_lost
        self._on_interrupt = on_interrupt
        self._heard: InterruptSignal | None = None
        self._released = False
        self.info = info
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._beat())]
        if on_interrupt is not None and info.execution_id is not None and sys.platform != "emscripten":
            self._tasks.append(loop.create_task(self._listen(info.execution_id)))

    async def release(self) -> None:
        """See the protocol."""
        if self._released:
            return
        self._released = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._api.send("DELETE", self._path, {"fencing": self.info.fencing}, patience=HEARTBEAT_SECONDS)
        except IrenicError:
            return  # it is somebody else's by now, or it will run out by itself

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        kept_until = loop.time() + LEASE_SECONDS
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            sent = loop.time()
            try:
                answer = await self._api.send(
                    "PUT",
                    self._path,
                    {"holder": self.info.holder, "fencing": self.info.fencing},
                    patience=kept_until - sent,
                )
            except FencedError as error:
                self._lost(str(error))
                return
            except StoreError as error:
                if loop.time() >= kept_until - HEARTBEAT_SECONDS:
                    self._lost(f"the server was not reached in time to keep the profile: {error}")
                    return
                continue
            kept_until = sent + LEASE_SECONDS
            self._hear(LeaseInfo.model_validate(answer).interrupt)

    async def _listen(self, execution_id: str) -> None:
        address = self._api.address(f"/executions/{execution_id}/stream")
        headers = {**self._api.headers, "last-event-id": str(LAST_POSSIBLE_SEQ)}
        while True:
            try:
                async with self._api.http.request("GET", address, headers=headers) as response:
                    if response.status == 200:
                        await self._follow(response.chunks())
                    elif response.status == 204:
                        return
            except IrenicError:
                pass  # the heartbeat brings what the stream did not
            await asyncio.sleep(HEARTBEAT_SECONDS / 5)

    async def _follow(self, chunks: AsyncIterator[bytes]) -> None:
        buffer = b""
        async for chunk in chunks:
            buffer += chunk
            *messages, buffer = buffer.replace(b"\r\n", b"\n").split(b"\n\n")
            for message in messages:
                lines = message.decode().split("\n")
                if "event: interrupt" in lines:
                    data = "\n".join(line[6:] for line in lines if line.startswith("data: "))
                    self._hear(InterruptSignal.model_validate(from_json(data)))

    def _hear(self, signal: InterruptSignal | None) -> None:
        if signal is not None and signal != self._heard and self._on_interrupt is not None:
            self._heard = signal
            self._on_interrupt(signal)

    def _lost(self, why: str) -> None:
        if self._on_lost is not None:
            self._on_lost(why)
