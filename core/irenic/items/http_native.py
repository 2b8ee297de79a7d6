"""Requests by httpx, which the core does not need unless a request is made natively."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from irenic.items.http_failures import host_of, shown
from irenic.model.errors import ItemFailure

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT = 15.0
"""Seconds within which a host must take a connection."""

SILENCE_TIMEOUT = 60.0
"""Seconds that a host may send nothing in the middle of an answer."""


class NativeHttp:
    """See :class:`irenic.flow.context.HttpClient`.

    Requests that overlap share their connections. Connections are not kept when nothing is on its way, because nobody
    would close them, unless ``keep_alive`` says that the owner will call :meth:`close`.

    :param silence_timeout: seconds that a host may send nothing; None means any time.
    """

    def __init__(self, *, keep_alive: bool = False, silence_timeout: float | None = SILENCE_TIMEOUT) -> None:
        self._keep_alive = keep_alive
        self._silence_timeout = silence_timeout
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}
        self._tls: Any = None

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> AsyncIterator["NativeResponse"]:
        """See the protocol."""
        if url.startswith("/"):
            raise ItemFailure(
                f"{url} is an address on the page's own site, which only the tab has: give a whole one, https://…"
            )
        library = load_httpx()
        async with self._client(library) as client:
            with explained(library, url):
                request = client.build_request(method, url, headers=headers, content=body)
                response = await client.send(request, stream=True)
            try:
                yield NativeResponse(library, response, url)
            finally:
                await response.aclose()

    async def close(self) -> None:
        """Close the connections that are kept for the running event loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.client.aclose()

    @asynccontextmanager
    async def _client(self, library: ModuleType) -> AsyncIterator["httpx.AsyncClient"]:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = _Pool(self._new_client(library))
        pool.users += 1
        try:
            yield pool.client
        finally:
            pool.users -= 1
            if pool.users == 0 and not self._keep_alive and self._pools.get(loop) is pool:
                del self._pools[loop]
                await pool.client.aclose()

    def _new_client(self, library: ModuleType) -> "httpx.AsyncClient":
        if self._tls is None:
            self._tls = library.create_ssl_context()
        silence = self._silence_timeout
        client: httpx.AsyncClient = library.AsyncClient(
            follow_redirects=True,
            verify=self._tls,
            timeout=library.Timeout(connect=CONNECT_TIMEOUT, read=silence, write=silence, pool=None),
            limits=library.Limits(max_connections=None, max_keepalive_connections=20),
        )
        return client


class NativeResponse:
    """See :class:`irenic.flow.context.HttpResponse`."""

    def __init__(self, library: ModuleType, response: "httpx.Response", url: str) -> None:
        self._library = library
        self._response = response
        self._url = url

    @property
    def status(self) -> int:
        """See the protocol."""
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """See the protocol."""
        return {name.lower(): value for name, value in self._response.headers.items()}

    async def chunks(self) -> AsyncIterator[bytes]:
        """See the protocol."""
        with explained(self._library, self._url):
            async for chunk in self._response.aiter_bytes():
                yield chunk

    async def read(self) -> bytes:
        """See the protocol."""
        with explained(self._library, self._url):
            return await self._response.aread()


class _Pool:
    """A client and how many requests use it now."""

    def __init__(self, client: "httpx.AsyncClient") -> None:
        self.client = client
        self.users = 0


def load_httpx() -> ModuleType:
    """Return the module httpx.

    :raises ItemFailure: if it is not installed; the message says how to.
    """
    try:
        import httpx
    except ImportError as error:
        raise ItemFailure(
            "requests need the package httpx, which is not installed: pip install 'irenic[cli]'."
        ) from error
    return httpx


@contextmanager
def explained(library: ModuleType, url: str) -> Iterator[None]:
    """Turn errors of httpx into failures that a person understands.

    :raises ItemFailure: in place of an error of httpx.
    """
    try:
        yield
    except library.ConnectTimeout as error:
        raise ItemFailure(
            f"{host_of(url)} did not answer within {CONNECT_TIMEOUT:g} s: is the address right?"
        ) from error
    except library.TimeoutException as error:
        raise ItemFailure(f"{host_of(url)} has sent nothing for too long: the connection was given up.") from error
    except library.ConnectError as error:
        raise ItemFailure(f"{host_of(url)} could not be reached: {_reason(error)}.") from error
    except library.TooManyRedirects as error:
        raise ItemFailure(f"{shown(url)} leads from one address to the next without end.") from error
    except (library.InvalidURL, library.UnsupportedProtocol) as error:
        raise ItemFailure(
            f"{url!r} is not an address that can be asked: it must begin with http:// or https://."
        ) from error
    except library.DecodingError as error:
        raise ItemFailure(f"what {shown(url)} sent is not what it says it is: {error}.") from error
    except library.RequestError as error:
        raise ItemFailure(f"the connection to {host_of(url)} broke off: {error or type(error).__name__}.") from error


def _reason(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
            return "nothing listens there"
        if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    text = str(error)
    known = {"Name or service not known", "No address associated", "nodename nor servname", "Temporary failure in name"}
    if any(part in text for part in known):
        return "no host of that name is known (or there is no network)"
    return text or type(error).__name__
