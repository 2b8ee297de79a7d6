"""What keeps a page of another site out: Host and Origin checks, isolation headers, and the page's CSP."""

import ipaddress
import json
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from irenic_server.asgi import Header, all_headers, respond_problem
from irenic_server.auth import OPEN_PATHS, is_api, uses_cookie
from irenic_server.origins import Origins
from irenic_server.problems import Problem
from irenic_server.settings import Settings

_log = logging.getLogger("irenic.server")

_COMMON: tuple[Header, ...] = (
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)
API_HEADERS: tuple[Header, ...] = (
    *_COMMON,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_SITE: tuple[Header, ...] = (
    *_COMMON,
    # What documents and workers need on top, to be isolated from all other sites.
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    # Not no-referrer: with it a browser hides the Origin of some requests, and they would be refused.
    (b"referrer-policy", b"same-origin"),
    # By this the page knows that there is an API beside the site, which any other web server may serve as well.
    (b"x-irenic-api", b"/api/v1"),
)
_SCRIPTS = (".js", ".mjs")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_flow_name = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_connect_source = re.compile(
    r"https?:|(?:https?|wss?)://(?:(?:\*\.)?[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(?:\d{1,5}|\*))?/?"
)


class HostGate:
    """Refuses names that are not this server's, and requests that another site's page makes."""

    def __init__(self, app: ASGIApp, settings: Settings, origins: Origins | None) -> None:
        self._app = app
        self._origins = origins
        self._allowed = {name.lower() for name in settings.allowed_hosts}
        self._allowed |= {"localhost", settings.host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = None if scope["path"] in OPEN_PATHS else self._check(scope)
        if problem is not None:
            await respond_problem(send, problem)
            return
        await self._app(scope, receive, send)

    def lets_in(self, scope: Scope) -> bool:
        """Tell whether a request may pass."""
        return self._check(scope) is None

    def _check(self, scope: Scope) -> Problem | None:
        given = all_headers(scope)
        host = given.get(b"host", b"").decode("latin-1").lower()
        if not self._is_own(host):
            return Problem(
                "unknown-host",
                f"{host[:100]!r} is not a name of this server. Use 127.0.0.1 or localhost, or start the server with "
                "--allowed-host.",
            )
        origin = given.get(b"origin")
        site = given.get(b"sec-fetch-site")
        if scope["method"] in _SAFE_METHODS:
            # A page elsewhere may link here; it may not read the API.
            foreign = is_api(scope["path"]) and (site == b"cross-site" or _is_foreign(origin, host))
        elif origin is not None:
            foreign = _is_foreign(origin, host)
        else:
            # Browsers name the origin of every such request. Without it, only a header that a page elsewhere cannot set
            # lets it in.
            foreign = site != b"same-origin" and uses_cookie(scope)
        if not foreign:
            return None
        return Problem(
            "foreign-origin",
            "The request comes from a page of another site, or does not say where it comes from. Nothing was done.",
        )

    def _is_own(self, host: str) -> bool:
        name = _host_name(host)
        if self._origins is not None and (name == self._origins.name or self._origins.label(host) is not None):
            return True
        if name in self._allowed or host in self._allowed:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_foreign(origin: bytes | None, host: str) -> bool:
    if origin is None:
        return False
    scheme, separator, authority = origin.decode("latin-1").lower().partition("://")
    return not (separator and scheme in ("http", "https") and authority == host)


class SecurityHeaders:
    """Adds the headers that isolate the page and bound what it may load."""

    def __init__(self, app: ASGIApp, settings: Settings, origins: Origins | None) -> None:
        self._app = app
        self._origins = origins
        self._policy = ContentPolicy(settings.site)
        self._secure = settings.scheme == "https"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        added = API_HEADERS if is_api(scope["path"]) else self._site_headers(scope)

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_secured)

    def _site_headers(self, scope: Scope) -> tuple[Header, ...]:
        label = self._origins.label_of(scope) if self._origins is not None else None
        if self._origins is not None and label is not None:
            flow: str | None = self._origins.flow_name(label)
        else:
            flow = parse_qs(scope["query_string"].decode("latin-1")).get("flow", [None])[0]
        of_worker = scope["path"].endswith(_SCRIPTS)
        return (*_SITE, (b"content-security-policy", self._policy.header(flow, of_worker=of_worker)))


class ContentPolicy:
    """The Content-Security-Policy of a page or worker: this server, and the hosts of the flow it runs.

    A flow's hosts come from its ``[tool.irenic] connect``, which ``flows/NAME.json`` repeats. A worker does not inherit
    the policy of its page; its script is asked for with ``?flow=NAME`` and gets the policy of that flow. Only the page
    starts workers: a flow that runs in one could choose the policy of another flow for the next.
    """

    def __init__(self, site: Path | None) -> None:
        self._flows = site / "flows" if site is not None else None
        self._read: dict[str, tuple[int, list[str]]] = {}

    def header(self, flow: str | None, *, of_worker: bool = False) -> bytes:
        """Return the policy for what runs one flow, or none: for a page, or for a script that a worker may run."""
        return _policy(self._connect(flow), of_worker=of_worker)

    def _connect(self, flow: str | None) -> list[str]:
        if flow is None or self._flows is None or not _flow_name.fullmatch(flow):
            return []
        path = self._flows / f"{flow}.json"
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            return []
        at, connect = self._read.get(flow, (None, []))
        if at != changed:
            connect = _connect_of(path)
            self._read[flow] = (changed, connect)
        return connect


def _connect_of(path: Path) -> list[str]:
    try:
        info: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        _log.warning("a flow's picture cannot be read", extra={"path": path.name, "error": str(error)})
        return []
    named = info.get("connect", []) if isinstance(info, dict) else []
    sources = ["https:" if source == "*" else source for source in named if isinstance(source, str)]
    valid = [source for source in sources if _connect_source.fullmatch(source)]
    if len(valid) != len(named):
        _log.warning("a flow names hosts that cannot be used", extra={"path": path.name, "used": valid})
    return valid


def _policy(connect: Iterable[str], *, of_worker: bool) -> bytes:
    directives = {
        "default-src": "'self'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "style-src": "'self'",
        "connect-src": " ".join(("'self'", *connect)),
        "worker-src": "'none'" if of_worker else "'self'",
        "img-src": "'self' data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items()).encode("ascii")
