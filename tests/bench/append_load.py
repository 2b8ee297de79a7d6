"""A client of 64 connections, each of which appends to a journal of its own, one request after the other.

Run as a program of its own, so that its work is not the server's: `append_load.py PORT EVENTS_A_REQUEST SECONDS`.
Prints JSON: events acknowledged, seconds taken, and each request's time.
"""

import asyncio
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


async def request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str, body: bytes
) -> None:
    """Send a request and wait for its answer, which has to be a success."""
    head = _HEAD.format(method=method, path=path, token=TOKEN)
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    found = await reader.readexactly(length)
    if not answer.startswith(b"HTTP/1.1 20"):
        raise RuntimeError(f"{method} {path}: {answer!r} {found!r}")


async def append_until(port: int, size: int, end: float, times: list[float]) -> int:
    """Append to one journal until a time, and return how many events were acknowledged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    execution_id = new_execution_id()
    path = f"/api/v1/executions/{execution_id}"
    await request(reader, writer, "PUT", path, b'{"flow":"bench","cmds":["ensure"]}')
    seq = 0
    while time.perf_counter() < end:
        body = ",".join(event(execution_id, seq + offset) for offset in range(size))
        began = time.perf_counter()
        await request(reader, writer, "POST", f"{path}/events", f"[{body}]".encode())
        times.append(time.perf_counter() - began)
        seq += size
    writer.close()
    return seq


async def load(port: int, size: int, seconds: float) -> dict[str, object]:
    """Load the server for a time."""
    times: list[float] = []
    began = time.perf_counter()
    clients = [append_until(port, size, began + seconds, times) for _ in range(CONNECTIONS)]
    events = sum(await asyncio.gather(*clients))
    return {"events": events, "seconds": time.perf_counter() - began, "times": times}


if __name__ == "__main__":
    port, size, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    json.dump(uvloop.run(load(port, size, seconds)), sys.stdout)
