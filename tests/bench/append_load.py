"""A client of 64 connections, each of which appends to a journal of its own, one request after the other.

Run as a program of its own, so that its work is not the server's: `append_load.py PORT EVENTS_A_REQUEST SECONDS`. It
speaks HTTP itself, in callbacks: a client library would take more time than the server that is measured. Every answer
is looked at: its status, its length, and the number that it acknowledges.
Prints JSON: events acknowledged, seconds taken, processor seconds of this client, and each request's time.
"""

import asyncio
import gc
import json
import sys
import time

import uvloop

from irenic.model.ids import new_execution_id

CONNECTIONS = 64
EVENT_BYTES = 300
TOKEN = "token-of-the-benchmark"
AT = "2026-11-24T10:15:00.000Z"
_HEAD = (
    "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
)


def event(execution_id: str, seq: int) -> str:
    """Return an event of 300 bytes as JSON text."""
    head = f'{{"execution_id":"{execution_id}","seq":{seq},"at":"{AT}","kind":"log","text":"'
    return f'{head}{"x" * (EVENT_BYTES - len(head) - 2)}"}}'


class Load:
    """What the connections share: the end of the load, and what they have counted."""

    def __init__(self, size: int, end: float) -> None:
        self.size = size
        self.end = end
        self.events = 0
        self.times: list[float] = []
        self.left = CONNECTIONS
        self.done = asyncio.get_running_loop().create_future()

    def ended(self, error: Exception | None) -> None:
        """Note that a connection has ended: by itself, or by an error."""
        self.left -= 1
        if not self.done.done() and (error is not None or self.left == 0):
            if error is not None:
                self.done.set_exception(error)
            else:
                self.done.set_result(None)


class Client(asyncio.Protocol):
    """One connection, which appends to one journal until the end of the load."""

    transport: asyncio.Transport

    def __init__(self, load: Load) -> None:
        self._load = load
        self._execution_id = new_execution_id()
        self._path = f"/api/v1/executions/{self._execution_id}"
        self._head = _HEAD.format(method="POST", path=f"{self._path}/events", token=TOKEN)
        self._seq = -1
        self._answer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop gives none else
        """Make the execution."""
        self.transport = transport
        body = '{"flow":"bench","cmds":["ensure"]}'
        head = _HEAD.format(method="PUT", path=self._path, token=TOKEN)
        transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())

    def connection_lost(self, exc: Exception | None) -> None:
        """End; before the end of the load that is an error."""
        self._load.ended(exc or (None if self._load.end < self._sent else ConnectionError("the server hung up")))

    def data_received(self, data: bytes) -> None:
        """Check an answer once it is whole, and send the next request."""
        answer = self._answer = self._answer + data if self._answer else data
        head, found, body = answer.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]):
            return
        self._answer = b""
        now = time.perf_counter()
        load = self._load
        if self._seq < 0:
            good = head.startswith(b"HTTP/1.1 201 ")
            self._seq = 0
        else:
            self._seq += load.size
            good = head.startswith(b"HTTP/1.1 200 ") and body == b'{"next_seq":%d}' % self._seq
            load.events += load.size
            load.times.append(now - self._sent)
        if not good:
            load.ended(RuntimeError(f"an answer is wrong: {answer!r}"))
        self._sent = now
        if now < load.end:
            self._append()
        else:
            self.transport.close()

    def _append(self) -> None:
        size, seq = self._load.size, self._seq
        body = ",".join([event(self._execution_id, seq + offset) for offset in range(size)])
        message = f"{self._head}Content-Length: {len(body) + 2}\r\n\r\n[{body}]".encode()
        self._sent = time.perf_counter()
        self.transport.write(message)


async def load(port: int, size: int, seconds: float) -> dict[str, object]:
    """Load the server for a time."""
    loop = asyncio.get_running_loop()
    began, used = time.perf_counter(), time.process_time()
    shared = Load(size, began + seconds)
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Client(shared), "127.0.0.1", port)
    async with asyncio.timeout(seconds + 60):
        await shared.done
    return {
        "events": shared.events,
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - used,
        "times": shared.times,
    }


if __name__ == "__main__":
    port, size, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    # Its pauses would be counted as the server's.
    gc.disable()
    json.dump(uvloop.run(load(port, size, seconds)), sys.stdout)
