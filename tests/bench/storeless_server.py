"""A server that answers appends and stores nothing: what the client, the network and uvicorn take by themselves.

Prints its address. It believes every request, and says of each that it was appended.
"""

import socket
import sys
from collections import Counter

import uvicorn
from starlette.types import Receive, Scope, Send

from irenic_server.serve import BACKLOG

_appended: Counter[str] = Counter()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the server does."""
    body = (await receive())["body"]
    path: str = scope["path"]
    _appended[path] += body.count(b'"seq":')
    status = 201 if scope["method"] == "PUT" else 200
    answer = b'{"next_seq":%d}' % _appended[path]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def main() -> None:
    """Serve until SIGTERM."""
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/?\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
