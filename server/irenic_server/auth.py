"""Letting in those who have a token: by the Authorization header, or by the cookie that the printed address sets."""

import html
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from irenic_server.asgi import header, respond, respond_problem
from irenic_server.buckets import Buckets
from irenic_server.origins import Origins
from irenic_server.problems import Problem
from irenic_server.settings import Settings
from irenic_server.tokens import Principal, Scope, Tokens

COOKIE = "irenic_token"
PRINCIPAL = "irenic.principal"
OPEN_PATHS = frozenset({"/livez", "/readyz"})
"""Paths that need no token: they tell nothing but whether the server is well."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_YEAR = 365 * 24 * 3600

_LOGIN_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>irenic: a token is needed</title></head><body><main>
<h1>A token is needed</h1>
<p>{message}</p>
<form method="get" action="{action}">
<p><label>Token <input name="token" type="password" autocomplete="off" required autofocus></label>
<button>Go on</button></p></form>
<p>If you came here by a link on another page: <a href="{action}">open this server</a>.</p>
</main></body></html>
"""


class Authentication:
    """Answers 401 and 403 itself, and passes on what is allowed."""

    def __init__(self, app: ASGIApp, settings: Settings, tokens: Tokens, origins: Origins | None) -> None:
        self._app = app
        self._origins = origins
        self._tokens = tokens
        self._prefix = settings.prefix
        self._secure = settings.scheme == "https"
        self._failures = Buckets(settings.limits.failures_rate, settings.limits.failures_burst)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        try:
            if b"token=" in scope["query_string"] and not is_api(path) and scope["method"] in _SAFE_METHODS:
                await self._log_in(scope, send)
                return
            principal = self._at_its_host(scope, await self._principal(scope))
            _check_scope(principal, scope["method"], path)
        except Problem as problem:
            await self._refuse(scope, send, problem)
            return
        scope[PRINCIPAL] = principal
        await self._app(scope, receive, send)

    def known(self, scope: AsgiScope) -> Principal | None:
        """Return whom a request's token stands for, where that is known at once and allows the request.

        What a token is for is looked up only on the long way.
        """
        given = _bearer(scope)
        principal = self._tokens.known(given) if given is not None else None
        if principal is None or principal.flows or _needed(scope["method"], scope["path"]) not in principal.scopes:
            return None
        return principal

    def _at_its_host(self, scope: AsgiScope, principal: Principal) -> Principal:
        """Return whom a flow's cookie stands for at the host of the flow: it opens nothing but that flow."""
        label = self._origins.label_of(scope) if self._origins is not None else None
        if self._origins is None or label is None or not uses_cookie(scope):
            return principal
        return principal.narrowed(self._origins.flow_id(label))

    async def _principal(self, scope: AsgiScope) -> Principal:
        given = given_token(scope)
        if given is None:
            raise Problem(
                "unauthenticated",
                "Open the address that the server printed, or send 'Authorization: Bearer TOKEN'.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await self._accept(scope, given)

    async def _accept(self, scope: AsgiScope, token: str) -> Principal:
        client = scope.get("client")
        address = client[0] if client else ""
        # Whoever guesses a lot is not looked up in the database any more; a token that is known is let in all the same.
        principal = await self._tokens.principal(token, read=not self._failures.is_empty(address))
        if principal is None:
            raise self._refused(address)
        return principal

    def _refused(self, address: str) -> Problem:
        self._failures.check(address)
        return Problem(
            "unauthenticated",
            "The token is not valid: it may be of an earlier start, or revoked. Open the address that the server "
            "printed.",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )

    async def _log_in(self, scope: AsgiScope, send: Send) -> None:
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        token = next((value for name, value in query if name == "token"), "")
        await self._accept(scope, token)
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        # The path is quoted again, and begins with one slash: it must not lead to another host.
        path = "/" + scope.get("raw_path", b"/").decode("ascii", "ignore").lstrip("/\\")
        location = f"{self._prefix}{path}" + (f"?{rest}" if rest else "")
        await respond(
            send,
            303,
            b"",
            [
                (b"location", location.encode("ascii", "ignore")),
                (b"set-cookie", self._set_cookie(scope, token).encode("latin-1")),
                (b"cache-control", b"no-store"),
            ],
        )

    def _set_cookie(self, scope: AsgiScope, token: str) -> str:
        parts = [
            f"{cookie_name(scope)}={token}",
            f"Path={self._prefix or '/'}",
            f"Max-Age={_YEAR}",
            "HttpOnly",
            # The list of flows leads to other hosts, where a strict one would not be sent at first.
            "SameSite=Strict" if self._origins is None else "SameSite=Lax",
        ]
        if self._secure or scope.get("scheme") == "https":
            parts.append("Secure")
        return "; ".join(parts)

    async def _refuse(self, scope: AsgiScope, send: Send, problem: Problem) -> None:
        accepts = header(scope, b"accept") or b""
        if problem.status != 401 or is_api(scope["path"]) or b"text/html" not in accepts:
            await respond_problem(send, problem)
            return
        page = _LOGIN_PAGE.format(message=html.escape(problem.detail), action=html.escape(f"{self._prefix}/"))
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store")]
        headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
        await respond(send, 401, page.encode(), headers)


def is_api(path: str) -> bool:
    """Tell whether a path is one of the API and not of the site."""
    return path.startswith(("/api/", "/v1/")) or path == "/metrics" or path in OPEN_PATHS


def cookie_name(scope: AsgiScope) -> str:
    """Return the name of the cookie for the port that the client sees.

    Cookies are shared by all ports of a host: without it, two servers on one machine would log each other out.
    """
    host = (header(scope, b"host") or b"").decode("latin-1")
    port = host.rpartition(":")[2]
    return f"{COOKIE}_{port}" if port.isdecimal() and host != port else COOKIE


def uses_cookie(scope: AsgiScope) -> bool:
    """Tell whether a request is let in by a cookie, which a browser sends by itself."""
    return not _is_bearer(header(scope, b"authorization")) and header(scope, b"cookie") is not None


def given_token(scope: AsgiScope) -> str | None:
    """Return the token that a request comes with, in a header or a cookie."""
    bearer = _bearer(scope)
    return bearer if bearer is not None else _cookie(scope)


def _bearer(scope: AsgiScope) -> str | None:
    value = header(scope, b"authorization")
    return value[7:].strip().decode("latin-1") if value is not None and _is_bearer(value) else None


def _is_bearer(value: bytes | None) -> bool:
    return value is not None and value[:7].lower() == b"bearer "


def _cookie(scope: AsgiScope) -> str | None:
    value = header(scope, b"cookie")
    if value is None:
        return None
    try:
        cookies = SimpleCookie(value.decode("latin-1"))
    except CookieError:
        return None
    for name in (cookie_name(scope), COOKIE):
        if name in cookies:
            return cookies[name].value
    return None


def _check_scope(principal: Principal, method: str, path: str) -> None:
    if path == "/metrics" and Scope.METRICS in principal.scopes:
        return
    require_scope(principal, _needed(method, path))


def require_scope(principal: Principal, needed: Scope) -> None:
    """Check that a token allows something.

    :raises Problem: if it does not.
    """
    if needed not in principal.scopes:
        raise Problem(
            "forbidden",
            f"The token {principal.name!r} does not have the scope {needed.value!r}. Ask for one that has.",
            scope=needed.value,
        )


def _needed(method: str, path: str) -> Scope:
    if method in _SAFE_METHODS:
        return Scope.READ
    if path.endswith("/interrupt") or path == "/api/v1/pause":
        return Scope.INTERRUPT
    if path == "/api/v1/executions":
        return Scope.RUN
    return Scope.WRITE
