"""The short way for appends, which come a thousand times as often as all other requests.

An append that is let in goes straight to its route, and its answer straight out. It passes the same checks: the layers
are asked, and only not called one inside the other. Whatever they do not let in at once takes the long way, which says
why.
"""

import logging
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from irenic_server.asgi import JSON_HEADERS, respond, respond_problem
from irenic_server.auth import PRINCIPAL, Authentication
from irenic_server.buckets import Buckets
from irenic_server.logs import ROUTE, RequestLog
from irenic_server.problems import Problem
from irenic_server.raw_routes import RawRoutes, appended_to
from irenic_server.security import API_HEADERS, HostGate, SecurityHeaders
from irenic_server.services import Services

_ERROR = "irenic.error"
_HEADERS = [*JSON_HEADERS, *API_HEADERS]

_access = logging.getLogger("irenic.access")


class Shortcut:
    """Serves appends that every layer lets in, and passes on all else.

    :param app: the long way.
    :param log: its outermost layer, whose numbers requests get here too.
    """

    def __init__(
        self,
        app: ASGIApp,
        services: Services,
        *,
        log: RequestLog,
        gate: HostGate,
        authentication: Authentication,
        rates: Buckets,
    ) -> None:
        self._app = app
        self._log = log
        self._gate = gate
        self._authentication = authentication
        self._rates = rates
        self._metrics = services.metrics
        self._raw = RawRoutes(services)
        self._answer_error = RequestLog(SecurityHeaders(_answer_error, services.settings), services.metrics, log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        execution_id = appended_to(scope) if scope["type"] == "http" else None
        if execution_id is None or not self._gate.lets_in(scope) or _access.isEnabledFor(logging.DEBUG):
            await self._app(scope, receive, send)
            return
        principal = self._authentication.known(scope)
        if principal is None:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        scope[PRINCIPAL] = principal
        scope[ROUTE] = "append"
        try:
            self._rates.check(principal.name)
            body = await self._raw.append(scope, receive, execution_id)
        except Exception as error:
            scope[_ERROR] = error
            await self._answer_error(scope, receive, send)
            return
        await respond(send, 200, body, [*_HEADERS, (b"x-request-id", self._log.number(scope))])
        self._metrics.requested("append", "POST", 200, time.perf_counter() - started)


async def _answer_error(scope: Scope, receive: Receive, send: Send) -> None:
    error: Exception = scope[_ERROR]
    if not isinstance(error, Problem):
        raise error
    await respond_problem(send, error)
