"""Errors as RFC 9457 problems: what happened, what is safe, what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from irenic.model.errors import IrenicError

MEDIA_TYPE = "application/problem+json"
URN = "urn:irenic:problem:"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What all problems of one name share."""

    status: int
    title: str


KINDS: Mapping[str, ProblemKind] = {
    "invalid-request": ProblemKind(422, "The request is not valid"),
    "malformed-body": ProblemKind(400, "The body cannot be read"),
    "invalid-event": ProblemKind(422, "An event is not valid"),
    "invalid-cursor": ProblemKind(400, "The cursor is not valid"),
    "unauthenticated": ProblemKind(401, "A token is needed"),
    "forbidden": ProblemKind(403, "The token does not allow this"),
    "foreign-origin": ProblemKind(403, "The request comes from another site"),
    "unknown-host": ProblemKind(421, "The host name is not one of this server"),
    "not-found": ProblemKind(404, "Nothing is here"),
    "unknown-execution": ProblemKind(404, "The execution is not known"),
    "no-outcome": ProblemKind(404, "There is no outcome yet"),
    "method-not-allowed": ProblemKind(405, "The method is not allowed here"),
    "gap": ProblemKind(409, "Events are missing before these"),
    "conflicting-event": ProblemKind(409, "Another event has this number"),
    "conflicting-execution": ProblemKind(409, "Another execution has this id"),
    "conflicting-outcome": ProblemKind(409, "Another outcome is stored"),
    "execution-ended": ProblemKind(409, "The execution has ended"),
    "stale-fencing": ProblemKind(409, "Somebody else has taken over"),
    "held": ProblemKind(409, "Somebody else holds the profile"),
    "in-progress": ProblemKind(409, "The same request is being worked on"),
    "states-changed": ProblemKind(412, "The states have changed since"),
    "body-too-large": ProblemKind(413, "The body is too large"),
    "unsupported-media-type": ProblemKind(415, "The body has an unsupported type"),
    "key-reused": ProblemKind(422, "The Idempotency-Key was used for another request"),
    "precondition-required": ProblemKind(428, "If-Match is needed"),
    "too-many-requests": ProblemKind(429, "Too many requests"),
    "internal": ProblemKind(500, "The server failed"),
    "unavailable": ProblemKind(503, "The server cannot take this now"),
    "storage-full": ProblemKind(507, "There is no room left"),
}
"""Every problem this server answers with, by name; the name is the end of the problem's ``type``."""


class Problem(IrenicError):
    """A request that is answered with a problem.

    :param name: a name of :data:`KINDS`.
    :param detail: what happened, what is safe, what to do next.
    :param headers: further headers of the answer.
    :param extra: members beyond those of RFC 9457.
    """

    def __init__(self, name: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.name = name
        self.kind = KINDS[name]
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.kind.status

    def body(self) -> bytes:
        """Return the problem as JSON."""
        members = {
            "type": URN + self.name,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        }
        return to_json(members | self.extra)
