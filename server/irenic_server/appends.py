"""What an append asks for, and what it is answered, whichever way its request came."""

from typing import TYPE_CHECKING

from starlette.types import Scope

from irenic_server.asgi import check_is_json, header
from irenic_server.auth import PRINCIPAL
from irenic_server.envelopes import read_envelopes
from irenic_server.journal import Append
from irenic_server.problems import Problem
from irenic_server.tokens import Principal

if TYPE_CHECKING:
    from irenic_server.services import Services


class Appends:
    """Reads appends, and counts what of them was stored."""

    def __init__(self, services: "Services") -> None:
        self._metrics = services.metrics
        self._max_events = services.settings.limits.events_per_request

    def read(self, scope: Scope, body: bytes, execution_id: str) -> Append:
        """Return what a request wants to append.

        :raises Problem: if that cannot be stored.
        """
        principal: Principal = scope[PRINCIPAL]
        content_type = header(scope, b"content-type")
        if content_type is not None:
            check_is_json(content_type)
        envelopes = read_envelopes(body, execution_id, max_events=self._max_events)
        fencing = _fencing(scope)
        principal.take_room(len(body))
        return Append(execution_id, envelopes, fencing, principal.key)

    def refused(self, scope: Scope, size: int) -> None:
        """Note that nothing of an append was stored, for which there was room."""
        scope[PRINCIPAL].settle(size, stored=False)

    def answer(self, scope: Scope, append: Append, size: int, next_seq: int) -> bytes:
        """Count what was stored, from a body of a size, and return what the client is told."""
        scope[PRINCIPAL].settle(size, stored=True)
        self._metrics.events_appended += len(append.envelopes)
        return b'{"next_seq":%d}' % next_seq


def _fencing(scope: Scope) -> int | None:
    value = header(scope, b"irenic-fencing")
    if value is None:
        return None
    if not value.isdigit() or len(value) > 16:
        raise Problem("invalid-request", "The header Irenic-Fencing has to be a whole number. Nothing was stored.")
    return int(value)
