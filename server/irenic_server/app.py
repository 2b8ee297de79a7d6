"""The server as one ASGI application: what a request passes, from the outside in.

RequestLog > SecurityHeaders > HostGate > Authentication > Dispatch > raw routes | health | FastAPI | site; appends have
a short way, see ``shortcut.py``.
"""

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from irenic_server.answers import LargeAnswers
from irenic_server.api import router
from irenic_server.asgi import read_body, replay, respond, respond_problem
from irenic_server.auth import PRINCIPAL, Authentication, is_api
from irenic_server.buckets import Buckets
from irenic_server.flow_sites import FlowSites
from irenic_server.health import Health, server_version
from irenic_server.logs import ROUTE, RequestLog
from irenic_server.openapi import describe
from irenic_server.origins import Origins, origins_of
from irenic_server.problems import MEDIA_TYPE, Problem
from irenic_server.raw_routes import RawRoutes
from irenic_server.reach import check_reach
from irenic_server.security import HostGate, SecurityHeaders
from irenic_server.services import Services
from irenic_server.settings import Settings
from irenic_server.shortcut import Shortcut
from irenic_server.site import Site
from irenic_server.telemetry import Intake
from irenic_server.tokens import Principal, add_stored

_log = logging.getLogger("irenic.server")

_TAGS = [
    {"name": "executions", "description": "Executions, their journals and outcomes"},
    {"name": "interrupts", "description": "Asking executions to stop"},
    {"name": "streams", "description": "Following what goes on"},
    {"name": "states", "description": "Stored states of a flow's profile"},
    {"name": "leases", "description": "Who may write to a flow's profile"},
    {"name": "telemetry", "description": "OpenTelemetry of runs: OTLP/HTTP with JSON"},
]


class App:
    """The whole server; ``services`` is what it works with."""

    def __init__(self, settings: Settings) -> None:
        self.services = Services(settings)
        self.api = create_api(self.services)
        rates = Buckets(settings.limits.rate, settings.limits.rate_burst)
        self.origins = origins = origins_of(settings)
        dispatch = Dispatch(self.services, self.api, rates, origins)
        authentication = Authentication(dispatch, settings, self.services.tokens, origins)
        gate = HostGate(authentication, settings, origins)
        log = RequestLog(SecurityHeaders(gate, settings, origins), self.services.metrics)
        self._app = Prefixed(log, settings.prefix)
        self.shortcut = Shortcut(self.services, log=log, gate=gate, authentication=authentication, rates=rates)
        self.on_failure: Callable[[], None] = lambda: None
        """Called when the server can not go on; whoever runs it has to end it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.services.running(self._app):
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except (Exception, BaseExceptionGroup):
            # Without its regular work a server would answer, and leases would never end.
            _log.critical("the server cannot go on", exc_info=True)
            self.on_failure()
            raise
        await send({"type": "lifespan.shutdown.complete"})


class Prefixed:
    """Takes off the path under which a proxy serves this server, where the proxy has left it on."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self._raw_prefix = prefix.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if self._prefix and path == self._prefix and scope["method"] in ("GET", "HEAD"):
            # What the page asks for is relative to where it lies.
            query = bytes(scope["query_string"])
            location = self._raw_prefix + b"/" + (b"?" + query if query else b"")
            await respond(send, 308, b"", [(b"location", location)])
            return
        if self._prefix and (path == self._prefix or path.startswith(f"{self._prefix}/")):
            scope["path"] = path[len(self._prefix) :] or "/"
            scope["raw_path"] = bytes(scope["raw_path"]).removeprefix(self._raw_prefix) or b"/"
        await self._app(scope, receive, send)


class Dispatch:
    """Hands a request to what serves it; bodies reach FastAPI only after they were read within bounds."""

    def __init__(self, services: Services, api: ASGIApp, rates: Buckets, origins: Origins | None) -> None:
        limits = services.settings.limits
        self._services = services
        self._raw = RawRoutes(services)
        self._health = Health(services)
        self._intake = Intake(services)
        self._api = LargeAnswers(api, services.answers)
        site = services.settings.site
        self._site: ASGIApp | None = Site(site) if site is not None else None
        if site is not None and origins is not None:
            self._site = FlowSites(Site(site), site, origins, services.settings)
        self._limits = limits
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        try:
            if not is_api(path):
                await self._serve_site(scope, receive, send)
                return
            principal = scope.get(PRINCIPAL)
            if principal is not None:
                self._rates.check(principal.name)
                await check_reach(principal, scope, self._services.database)
            if await self._raw.serve(scope, receive, send):
                return
            if await self._intake.serve(scope, receive, send):
                return
            if await self._health.serve(scope, receive, send):
                return
            scope[ROUTE] = "api"
            await self._serve_api(scope, receive, send)
        except Problem as problem:
            await respond_problem(send, problem)

    async def _serve_api(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            limit = self._limits.events_body if _is_large(scope) else self._limits.body
            body = await read_body(scope, receive, limit)
            receive = replay(body, receive)
            if _is_stored(scope):
                await self._store_counted(scope, receive, send, len(body))
                return
        await self._api(scope, receive, send)

    async def _store_counted(self, scope: Scope, receive: Receive, send: Send, size: int) -> None:
        """Count a body against the storage limit of its token, if it is stored."""
        principal: Principal = scope[PRINCIPAL]
        principal.take_room(size)
        stored = False

        async def send_noted(message: Message) -> None:
            nonlocal stored
            if message["type"] == "http.response.start" and message["status"] < 300:
                stored = True
                key = principal.key
                if key is not None:
                    await self._services.writer.write(lambda transaction: add_stored(transaction, key, size))
            await send(message)

        try:
            await self._api(scope, receive, send_noted)
        finally:
            principal.settle(size, stored=stored)

    async def _serve_site(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = "site"
        if self._site is None:
            raise Problem("not-found", "This server has no site, only the API under /api/v1.")
        await self._site(scope, receive, send)


def _is_large(scope: Scope) -> bool:
    """Tell whether a body may be as large as a journal: with the picture of a flow, or the states of its items."""
    return bool(scope["method"] == "PUT")


def _is_stored(scope: Scope) -> bool:
    """Tell whether a body is kept; a lease that is renewed takes no more room than before."""
    return bool(scope["method"] == "PUT" and not scope["path"].endswith("/lease"))


def create_api(services: Services) -> FastAPI:
    """Return the part of the server that FastAPI serves."""
    api = FastAPI(
        title="irenic",
        summary="Journals, states, leases and interrupts of executions",
        version=server_version(),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        openapi_tags=_TAGS,
        redirect_slashes=False,
    )
    api.state.services = services
    api.include_router(router)
    api.add_exception_handler(Problem, _answer_problem)
    api.add_exception_handler(RequestValidationError, _answer_invalid)
    api.add_exception_handler(HTTPException, _answer_http)
    api.add_exception_handler(Exception, _answer_failure)

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = describe(api)
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own documented way to change the description
    return api


def create_app(settings: Settings) -> App:
    """Return the server for the given settings."""
    return App(settings)


def _respond(problem: Problem) -> Response:
    headers = {"Cache-Control": "no-store"} | problem.headers
    return Response(problem.body(), problem.status, headers, MEDIA_TYPE)


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _respond(error)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"in": str(entry["loc"][0]), "pointer": _pointer(entry["loc"][1:]), "detail": str(entry["msg"])}
        for entry in error.errors()[:20]
    ]
    first = errors[0]
    detail = f"{first['in']} {first['pointer']}: {first['detail']}. Nothing was done. Correct it and send it again."
    return _respond(Problem("invalid-request", detail, errors=errors))


_NAMES = {401: "unauthenticated", 403: "forbidden", 413: "body-too-large", 415: "unsupported-media-type"}


def _methods(request: Request) -> set[str]:
    """Return the methods of an address; the framework names those of one route only."""
    found: set[str] = set()
    for route in router.routes:
        if isinstance(route, APIRoute) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return found


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


async def _answer_failure(request: Request, error: Exception) -> Response:
    # It goes on to the log of requests, which says under which id why.
    return _respond(Problem("internal", "The server failed, and its log says why. It is safe to try again."))


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            problem = Problem("not-found", "There is no such address. /api/openapi.json lists all that there are.")
        case 405:
            allow = {"Allow": ", ".join(sorted(_methods(request)))}
            problem = Problem("method-not-allowed", "The address is right and the method is not.", headers=allow)
        case _:
            name = _NAMES.get(error.status_code, "malformed-body")
            problem = Problem(name, str(error.detail), headers=error.headers)
    return _respond(problem)
