"""Small helpers for the parts that speak ASGI themselves, because they are in the way of every request."""

import zlib
from collections.abc import Mapping, Sequence

from starlette.types import Message, Receive, Scope, Send

from irenic_server.problems import MEDIA_TYPE, Problem

Header = tuple[bytes, bytes]


_HEADERS = "irenic.headers"


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the header of a name, in lower case, or None; the last one where there are several."""
    return all_headers(scope).get(name)


def all_headers(scope: Scope) -> Mapping[bytes, bytes]:
    """Return the headers of a request by name."""
    found: dict[bytes, bytes] | None = scope.get(_HEADERS)
    if found is None:
        found = scope[_HEADERS] = dict(scope["headers"])
    return found


async def respond(send: Send, status: int, body: bytes, headers: Sequence[Header]) -> None:
    """Send a whole answer."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body})


JSON_HEADERS: Sequence[Header] = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


async def respond_json(send: Send, status: int, body: bytes) -> None:
    """Send JSON that nobody may cache."""
    await respond(send, status, body, JSON_HEADERS)


async def respond_problem(send: Send, problem: Problem) -> None:
    """Send a problem."""
    await respond(send, problem.status, problem.body(), problem_headers(problem))


def problem_headers(problem: Problem) -> list[Header]:
    """Return the headers of a problem's answer."""
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]
    headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in problem.headers.items()]
    return headers


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the body of a request; the protocol sees to it that it arrives in time.

    :param limit: bytes that it may have.
    :raises Problem: if it is larger, or breaks off.
    """
    declared = header(scope, b"content-length")
    if declared is not None and (not declared.isdigit() or int(declared) > limit):
        raise too_large(limit)
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem("malformed-body", "The body broke off. Nothing was stored. Send the request again.")
        # Nearly always there is one part only, and nothing is copied.
        part: bytes = message.get("body", b"")
        body = body + part if body else part
        more = message.get("more_body", False)
        if len(body) > limit:
            raise too_large(limit)
    return body


def check_is_json(content_type: bytes) -> None:
    """Check that a body says that it is JSON.

    :raises Problem: if it says something else.
    """
    media = content_type.partition(b";")[0].strip().lower()
    if media != b"application/json" and not media.endswith(b"+json"):
        raise Problem(
            "unsupported-media-type",
            f"The body is said to be {media[:80].decode('latin-1')!r}. Nothing was done. Send JSON, with the header "
            "Content-Type: application/json.",
            headers={"Accept": "application/json"},
        )


def strong(etag: str) -> str:
    """Return an ETag without the mark of a weak one: proxies that compress an answer put it there."""
    return etag.strip().removeprefix("W/")


def too_large(limit: int) -> Problem:
    """Return the problem of a body beyond a limit; the rest of it is not read."""
    return Problem(
        "body-too-large",
        f"The body may have {limit} bytes. Nothing was stored. Send it in several requests.",
        headers={"Connection": "close"},
        limit=limit,
    )


def decompress(body: bytes, encoding: bytes | None, limit: int) -> bytes:
    """Return a body without its content encoding.

    :param limit: bytes that it may have after that.
    :raises Problem: if the encoding is not known, or the body is broken or larger.
    """
    if encoding is None or encoding in (b"", b"identity"):
        return body
    if encoding not in (b"gzip", b"x-gzip"):
        raise Problem(
            "unsupported-media-type",
            f"The content encoding {encoding[:40].decode('latin-1')!r} is not supported: send gzip, or none.",
            headers={"Accept-Encoding": "gzip"},
        )
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise Problem("malformed-body", f"The body is not gzip: {error}. Nothing was stored.") from None
    if len(plain) > limit:
        raise too_large(limit)
    if not unpacker.eof:
        raise Problem("malformed-body", "The gzip body breaks off. Nothing was stored.")
    return plain


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive function that gives a body which was read already."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
