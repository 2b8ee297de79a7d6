"""Journal events as JSON."""

import json
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from tests.written_journals import Journal

from irenic import Complete, InterruptSignal, ProgressLimit
from irenic.model import events as e
from irenic.model.child import ChildProcess
from irenic.model.cmd import Block, Cmd
from irenic.model.events import JournalEvent, journal_event
from irenic.model.fold import ExecutionFold
from irenic.model.outcome import ErrorInfo
from irenic.model.verdict import Drift, Leftover

ALL_KINDS = get_args(get_args(JournalEvent)[0])


def one_of_each() -> list[JournalEvent]:
    """Return a journal with one event of every kind."""
    error = ErrorInfo(type="RuntimeError", message="no", phase="apply", causes=["OSError: gone"])
    journal = Journal().started("a").add(e.CmdStarted, cmd=Cmd.ENSURE).block(Block.APPLY)
    journal.add(e.ItemState, item="a", which="current", state={"value": 1})
    journal.add(e.StateMoved, item="b", to="a#1").add(
        e.LeftoversFound, leftovers=[Leftover(item="a#1", reason="replaced")]
    )
    journal.add(e.ItemVerdict, item="a", verdict="repair", message="it drifted", drift=Drift(found={"value": 1}))
    journal.intent("a").add(e.ItemKept, item="a", state={"value": 2}).add(e.StateForgotten, item="a#1")
    journal.add(e.ItemStatus, item="a", status="waiting", waiting_for="api")
    journal.add(e.ItemPosition, item="a", position=3, limit=ProgressLimit.bytes(9), message="three")
    journal.add(e.ItemDiff, item="a", diff={}).add(e.ItemError, item="a", error=error)
    journal.add(e.InterruptRequested, signal=InterruptSignal(level=1)).add(e.CancelSwallowed, item="a")
    journal.add(e.Log, text="line").add(e.Ask, item="a", ask_id="1", prompt="?").add(e.Answered, item="a", ask_id="1")
    journal.add(e.ChildStarted, item="a", child=ChildProcess(pid=7, started="1", machine="m"))
    journal.add(e.EndpointCut, endpoint="x", reason="slow").result("a", "failed", error=error)
    journal.block_done(Block.APPLY).add(e.CmdEnded, cmd=Cmd.ENSURE)
    journal.add(e.ExecutionEnded, outcome=ExecutionFold.of(journal.events).outcome(Complete))
    return journal.events


def test_every_kind_of_event_comes_back_from_json_as_what_it_was() -> None:
    """Scenarios 92 and 102: nothing is lost on the way."""
    events = one_of_each()
    assert {type(event) for event in events} == set(ALL_KINDS)
    for event in events:
        assert journal_event.validate_json(event.model_dump_json()) == event


def test_events_are_flat_and_told_apart_by_their_kind() -> None:
    """Id, number, time and kind stand beside the data."""
    for event in one_of_each():
        data: dict[str, Any] = json.loads(event.model_dump_json())
        assert {"execution_id", "seq", "at", "kind"} <= data.keys()


@pytest.mark.parametrize(
    "change",
    [{"kind": "no_such_kind"}, {"seq": -1}, {"at": "yesterday"}, {"execution_id": None}],
)
def test_what_is_no_event_is_refused(change: dict[str, Any]) -> None:
    """Scenario 103: with an error, not with a guess."""
    data = Journal().add(e.Log, text="line").events[0].model_dump(mode="json")
    with pytest.raises(ValidationError):
        journal_event.validate_python({**data, **change})
