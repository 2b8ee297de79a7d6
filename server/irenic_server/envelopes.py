"""The envelope of an event: what the server checks of it, and the text it keeps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from irenic.model.errors import InvalidIdError
from irenic.model.events import StateMoved, journal_event
from irenic.model.ids import check_stored_id
from irenic.model.states import STATE_KINDS, StateEvent
from irenic_server.problems import Problem
from irenic_server.strict_json import read_json
from irenic_server.times import is_time

MAX_SEQ = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly."""


@dataclass(slots=True)
class Envelope:
    """One event: its number, the JSON text that is kept, and the event itself where it changes stored states."""

    seq: int
    body: str
    state_event: StateEvent | None


def parse_json(raw: bytes) -> Any:
    """Return the JSON value of a body.

    :raises Problem: if it is not JSON in UTF-8, nests too deeply, or holds numbers that JSON does not have.
    """
    try:
        return read_json(raw)
    except ValueError as error:
        raise Problem("malformed-body", f"The body is not JSON: {error}. Nothing was stored.") from None


def read_envelopes(raw: bytes, execution_id: str, *, max_events: int) -> list[Envelope]:
    """Return the events of a request body: ``{"events": […]}`` or a bare array.

    :raises Problem: if the body or the envelope of an event is not valid; it names the event.
    """
    value = parse_json(raw)
    if isinstance(value, dict):
        value = value.get("events")
    if not isinstance(value, list) or not value:
        raise _invalid("/events", "must be an array of one event or more")
    if len(value) > max_events:
        raise Problem(
            "body-too-large",
            f"The request holds {len(value)} events and may hold {max_events}. Nothing was stored. Send them in "
            "several requests.",
        )
    return [_envelope(event, index, execution_id) for index, event in enumerate(value)]


def _envelope(event: Any, index: int, execution_id: str) -> Envelope:
    if not isinstance(event, dict):
        raise _invalid(f"/events/{index}", "must be an object")
    seq = event.get("seq")
    if type(seq) is not int or not 0 <= seq <= MAX_SEQ:
        raise _invalid(f"/events/{index}/seq", "must be an integer of 0 or more")
    if event.get("execution_id") != execution_id:
        raise _invalid(f"/events/{index}/execution_id", f"must be {execution_id!r}, the id in the address")
    at = event.get("at")
    if not isinstance(at, str) or not is_time(at):
        raise _invalid(f"/events/{index}/at", "must be a time as in RFC 3339")
    kind = event.get("kind")
    if not isinstance(kind, str) or not 1 <= len(kind) <= 64:
        raise _invalid(f"/events/{index}/kind", "must be a string of 1 to 64 characters")
    state_event = _state_event(event, f"/events/{index}") if kind in STATE_KINDS else None
    return Envelope(seq, to_json(event).decode(), state_event)


def _state_event(event: dict[str, Any], pointer: str) -> StateEvent:
    try:
        parsed = journal_event.validate_python(event)
    except ValidationError as error:
        raise _invalid(pointer, f"changes stored states and is not valid: {_first_error(error)}") from None
    assert isinstance(parsed, StateEvent)
    try:
        check_stored_id(parsed.item)
        if isinstance(parsed, StateMoved):
            check_stored_id(parsed.to)
    except InvalidIdError as error:
        raise _invalid(pointer, f"names an item that there cannot be: {error}") from None
    return parsed


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _invalid(pointer: str, detail: str) -> Problem:
    return Problem(
        "invalid-event",
        f"{pointer} {detail}. Nothing of this request was stored.",
        errors=[{"pointer": pointer, "detail": detail}],
    )


def same_json(stored: str, given: str) -> bool:
    """Tell whether two JSON texts mean the same, whatever the order of their members."""
    return stored == given or _canonical(stored) == _canonical(given)


def _canonical(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True)


def expected_sequence(envelopes: Sequence[Envelope]) -> int | None:
    """Return the number that is missing inside a batch, or None where it has no hole."""
    first = envelopes[0].seq
    for offset, envelope in enumerate(envelopes):
        if envelope.seq != first + offset:
            return first + offset
    return None
