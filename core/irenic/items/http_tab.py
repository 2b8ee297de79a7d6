"""Requests by the browser's fetch."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import js
from pyodide.ffi import JsException, to_js

from irenic.items.http_failures import host_of
from irenic.model.errors import ItemFailure


class TabHttp:
    """See :class:`irenic.flow.context.HttpClient`; an address that begins with ``/`` is one on the page's own site."""

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> AsyncIterator["TabResponse"]:
        """See the protocol."""
        abort = js.AbortController.new()
        options: dict[str, Any] = {"method": method, "headers": dict(headers or {}), "signal": abort.signal}
        if body is not None:
            options["body"] = body
        try:
            with explained(url):
                address = js.URL.new(url, js.location.origin)
                response = await js.fetch(address, to_js(options, dict_converter=js.Object.fromEntries))
            yield TabResponse(response, url)
        finally:
            abort.abort()


def request_blocking(method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """Send a request, and return the status and the body of the answer; blocks, which only a worker may do.

    :raises ItemFailure: if there is no answer.
    """
    with explained(url):
        request = js.XMLHttpRequest.new()
        request.open(method, str(js.URL.new(url, js.location.origin).href), False)
        for name, value in headers.items():
            request.setRequestHeader(name, value)
        request.send(body.decode())
    return int(request.status), str(request.responseText).encode()


class TabResponse:
    """See :class:`irenic.flow.context.HttpResponse`."""

    def __init__(self, response: Any, url: str) -> None:
        self._response = response
        self._url = url

    @property
    def status(self) -> int:
        """See the protocol."""
        return int(self._response.status)

    @property
    def headers(self) -> Mapping[str, str]:
        """See the protocol; of another site's response the browser shows only some."""
        return dict(self._response.headers.entries())

    async def chunks(self) -> AsyncIterator[bytes]:
        """See the protocol."""
        if self._response.body is None:
            return
        reader = self._response.body.getReader()
        while True:
            with explained(self._url, "the connection to {host} broke off."):
                part = await reader.read()
            if part.done:
                return
            yield part.value.to_bytes()

    async def read(self) -> bytes:
        """See the protocol."""
        with explained(self._url, "the connection to {host} broke off."):
            buffer = await self._response.arrayBuffer()
        data: bytes = buffer.to_bytes()
        return data


_REFUSED = (
    "{host} could not be reached, or it does not let this page read from it: the browser does not say which. "
    "Check the address; the site must allow other sites to read (CORS), and the flow's `connect` list must name it."
)


@contextmanager
def explained(url: str, otherwise: str = _REFUSED) -> Iterator[None]:
    """Turn errors of the browser into failures that a person understands.

    :param otherwise: what is said where the browser names no reason; ``{host}`` stands for the host.
    :raises ItemFailure: in place of a :class:`JsException`.
    """
    try:
        yield
    except JsException as error:
        if "Invalid URL" in str(error):
            raise ItemFailure(f"{url!r} is not an address: it must begin with http://, https:// or /.") from error
        host = host_of(url) if not url.startswith("/") else "the server of this page"
        raise ItemFailure(otherwise.format(host=host)) from error
