"""The short way for appends, which come a thousand times as often as all other requests.

An append that is let in goes from its connection straight to the writer, and its answer straight back: no task, no
layer around it, nothing that only other requests need. It passes the same checks: the layers are asked, and only not
called one inside the other. Whatever they do not let in at once takes the long way, which says why.
"""

import re
import time
from collections.abc import Callable, Iterable

from starlette.types import Scope

from irenic_server.appends import Appends
from irenic_server.asgi import JSON_HEADERS, Header, all_headers, problem_headers
from irenic_server.auth import PRINCIPAL, Authentication
from irenic_server.buckets import Buckets
from irenic_server.journal import Append, append_group
from irenic_server.logs import ROUTE, RequestLog
from irenic_server.problems import Problem
from irenic_server.security import API_HEADERS, HostGate
from irenic_server.services import Services

Respond = Callable[[int, bytes, bytes], None]
"""Sends an answer: its status, its headers as they are written, and its body."""

LARGE = 256 * 1024
"""Bytes of an append that takes the long way, and is read beside the event loop."""

_append_path = re.compile(rb"/api/v1/executions/([0-7][0-9A-HJKMNP-TV-Z]{25})/events")


def written(headers: Iterable[Header]) -> bytes:
    """Return headers as they are sent."""
    return b"".join([b"%b: %b\r\n" % item for item in headers])


_HEADERS = written((*JSON_HEADERS, *API_HEADERS))


class Shortcut:
    """Lets in the appends that every layer lets in."""

    def __init__(
        self,
        services: Services,
        *,
        log: RequestLog,
        gate: HostGate,
        authentication: Authentication,
        rates: Buckets,
    ) -> None:
        self.log = log
        self.appends = Appends(services)
        self._services = services
        self._gate = gate
        self._authentication = authentication
        self._rates = rates
        self._most_bytes = min(LARGE, services.settings.limits.events_body)

    def admit(self, scope: Scope, url: bytes, respond: Respond) -> "ShortAppend | None":
        """Let in a request of which the head is known; None where it is no append, or has to take the long way."""
        match = _append_path.fullmatch(url)
        if match is None:
            return None
        given = all_headers(scope)
        size = given.get(b"content-length", b"")
        if not size.isdigit() or int(size) > self._most_bytes or b"content-encoding" in given:
            return None
        scope["method"], scope["path"] = "POST", url.decode("ascii")
        principal = self._authentication.known(scope) if self._gate.lets_in(scope) else None
        if principal is None or self._rates.take(principal.name) > 0:
            return None
        scope[PRINCIPAL] = principal
        scope[ROUTE] = "append"
        return ShortAppend(self, scope, match[1].decode("ascii"), respond)

    def store(self, append: Append, settle: Callable[[int, BaseException | None], None]) -> None:
        """Hand an append to the writer."""
        self._services.writer.put_grouped(append_group, append, settle)


class ShortAppend:
    """An append on the short way, from its head to its answer."""

    __slots__ = ("_append", "_execution_id", "_respond", "_scope", "_shortcut", "_size", "_started")

    def __init__(self, shortcut: Shortcut, scope: Scope, execution_id: str, respond: Respond) -> None:
        self._shortcut = shortcut
        self._scope = scope
        self._execution_id = execution_id
        self._respond = respond
        self._started = time.perf_counter()

    def take(self, body: bytes) -> None:
        """Store the events of the body; the answer is given once they are durable."""
        shortcut = self._shortcut
        try:
            self._size = len(body)
            self._append = shortcut.appends.read(self._scope, body, self._execution_id)
        except Exception as error:
            self._refuse(error)
            return
        try:
            shortcut.store(self._append, self._settle)
        except Exception as error:
            self._settle(0, error)

    def _settle(self, next_seq: int, error: BaseException | None) -> None:
        if error is not None:
            self._shortcut.appends.refused(self._scope, self._size)
            self._refuse(error)
            return
        body = self._shortcut.appends.answer(self._scope, self._append, self._size, next_seq)
        self._answer(200, _HEADERS, body, self._number())

    def _refuse(self, error: BaseException) -> None:
        number = self._number()
        problem = error if isinstance(error, Problem) else self._shortcut.log.failure(self._scope, error, number)
        headers = written((*problem_headers(problem), *API_HEADERS))
        self._answer(problem.status, headers, problem.body(), number)

    def _number(self) -> bytes:
        return self._shortcut.log.number(self._scope)

    def _answer(self, status: int, headers: bytes, body: bytes, number: bytes) -> None:
        self._respond(status, b"%bx-request-id: %b\r\n" % (headers, number), body)
        self._shortcut.log.note(self._scope, status, time.perf_counter() - self._started, number)
