"""What the page makes of a second day: places, changes from outside, and what is left over."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.items import Thing, World
from tests.pictures import StoredItems, as_json, page_of
from tests.running import journal_of

from irenic import CmdExecRequest, CmdExecutionMap, Flow
from irenic.model.cmd import OnDrift
from irenic.stores import MemoryStore
from ui import difference, places, review, sentences
from ui.state import Page

AT = "2026-11-30T14:02:00.000Z"
HERE, THERE = {"id": "H", "label": "Firefox on Linux"}, {"id": "T", "label": "Chrome on laptop"}
HELD = Path(__file__).parents[2] / "web" / "ui" / "held.mjs"


def local(at: str) -> str:
    """Write a timestamp as the tests' browser does."""
    return at[:10]


def entry(place: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Return what is stored of an item that was made."""
    return {"current": {"n": 1}, "goal": {"n": 1}, "made": True, "applied_at": AT, "place": place, **more}


def two_items() -> Page:
    """Return the page of a flow of two items, of which ``c`` was renamed to ``b``."""
    return page_of({"id": "f", "items": [{"id": "a"}, {"id": "b"}], "moves": {"c": "b"}})


def ended(id: str, kind: str = "complete", cmd: str = "ensure", **more: Any) -> dict[str, Any]:
    """Return an outcome of both items."""
    items = {"done": ["a", "b"], "not_done": [], "unknown": []}
    cmds = {"done": [cmd], "not_done": []}
    return {"execution_id": id, "kind": kind, "items": items, "cmds": cmds, "ended_at": AT, **more}


# Places.


def test_what_was_made_in_another_place_is_not_here_yet() -> None:
    """The item says where it is, and so does the head, also where the last execution was complete there."""
    page = two_items()
    page.show_states(StoredItems({"a": entry(THERE), "b": entry()}, "H"))
    assert [item.status for item in page.rows()] == ["not_here", "at_goal"]
    assert page.items["a"].elsewhere == [{"label": "Chrome on laptop", "at": AT}]
    page.show_execution({"id": "X", "cmds": ["ensure"], "status": "complete"})
    page.take_outcome(ended("X", states={"a": {"current": {"n": 1}}}))
    assert [item.shown_status() for item in page.rows()] == ["not_here", "complete_success"]
    assert (page.items["a"].current, page.status_name()) == (None, "not_here")
    assert page.sentence() == (
        "a is not here yet: irenic made it in Chrome on laptop. "
        "Ensure makes it here too, and leaves what is there untouched."
    )


def test_what_is_made_here_then_is_here() -> None:
    """The execution's own events say of which place they are."""
    page = two_items()
    page.show_states(StoredItems({"a": entry(THERE), "b": entry()}, None))
    page.begin("X", ["ensure"], False, {}, AT)
    intent = {"item": "a", "direction": "ensure", "place": HERE}
    event = {"execution_id": "X", "seq": 0, "at": AT, "kind": "item_intent", **intent}
    page.is_here(event)
    page.take_events([event])
    page.take_outcome(ended("X"))
    assert (page.items["a"].shown_status(), page.status_name()) == ("complete_success", "complete")


def test_an_entry_of_this_place_counts_before_those_of_others() -> None:
    """Whichever of them is the latest."""
    both = entry(THERE, elsewhere={"H": entry(HERE, current={"n": 2})})
    here = places.entry_here(both, "H")
    assert here is not None
    assert (here["current"], places.entry_here(both, "X"), places.entry_here(None, "H")) == ({"n": 2}, None, None)
    assert places.entries_elsewhere(both, "H") == [{"label": "Chrome on laptop", "at": AT}]
    assert places.entries_elsewhere(entry(THERE, made=False), "H") == places.entries_elsewhere(None, "H") == []


@pytest.mark.parametrize("here", [None, "H", "T", "X"])
def test_javascript_finds_the_same_items_elsewhere(here: str | None) -> None:
    """It goes through all of them, so that Python need not."""
    items = {
        "world": entry(),
        "here": entry(HERE),
        "there": entry(THERE),
        "both": entry(THERE, elsewhere={"H": entry(HERE)}),
        "cleaned": entry(THERE, made=False),
        "former": {"place": THERE, "begun_at": AT},
        "seen": {"place": THERE, "current": {}},
    }
    script = f"""
        import {{ elsewhere, placed, unfound }} from "{HELD.as_uri()}";
        const items = {json.dumps(items)};
        const away = elsewhere(items, {json.dumps(here)});
        console.log(JSON.stringify([away, placed(items), placed({{}}), unfound(items)]));
    """
    node = shutil.which("node")
    assert node is not None
    run = subprocess.run([node, "--input-type=module", "--eval", script], capture_output=True, text=True, check=True)
    found, is_placed, is_nothing_placed, unfound = json.loads(run.stdout)
    assert json.loads(found) == StoredItems(items, here).elsewhere()
    assert (is_placed, is_nothing_placed, json.loads(unfound)) == (True, False, ["former"])


# Changes from outside.

DRIFT = {"stored": {"n": 1}, "found": {"n": 7}, "goal": {"n": 1}, "stored_at": AT}


def test_a_refused_item_is_marked_with_what_was_found() -> None:
    """The others stand as before."""
    page = two_items()
    page.show_states(StoredItems({"a": entry(), "b": entry()}))
    page.begin("X", ["ensure"], False, {}, AT)
    refusal = {"reason": "drift", "message": "", "stored": {"n": 1}, "discovered": {"n": 7}, "goal": {"n": 1}}
    page.take_outcome(ended("X", "refused", refusals={"a": refusal}, drift={"a": DRIFT}))
    assert [item.shown_status() for item in page.rows()] == ["drifted", "at_goal"]
    assert (page.items["a"].drift, page.items["a"].current) == (DRIFT, {"n": 7})
    assert page.sentence() == (
        "Refused: nothing was changed. a was changed outside irenic. "
        "Repair brings it back to its goal; Accept what is there keeps it so."
    )


def test_an_item_that_was_refused_for_another_reason_says_which() -> None:
    """But not where another execution holds the profile: that is no item's fault."""
    page = two_items()
    page.begin("X", ["ensure"], False, {}, AT)
    refusals = {"a": {"reason": "state_shape", "message": "too old"}, "b": {"reason": "held", "message": "held"}}
    page.take_outcome(ended("X", "refused", refusals=refusals))
    assert [(item.status, item.message) for item in page.rows()] == [("refused", "too old"), ("not_seen", "")]


def test_marks_stay_until_something_is_done_about_them() -> None:
    """An execution of one item leaves the other's mark."""
    page = two_items()
    page.show_states(StoredItems({"a": entry(), "b": entry()}))
    page.take_preview([{"item": "a", "drift": DRIFT}, {"item": "b", "drift": DRIFT}], [])
    assert page.sentence().startswith("a and b were changed outside irenic.")
    page.begin("X", ["ensure"], False, {}, AT, {"items": ["a"]})
    assert page.status_name() == "starting"
    outcome = ended("X", notes={"a": {"verdict": "repair"}}, drift={"a": DRIFT})
    outcome["items"]["done"] = ["a"]
    page.take_outcome(outcome)
    assert [item.shown_status() for item in page.rows()] == ["repaired", "drifted"]
    assert (page.items["a"].drift_before(), page.status_name()) == (DRIFT, "drifted")
    page.take_preview([{"item": "a"}, {"item": "b", "found": {"n": 1}}], [])
    assert [item.shown_status() for item in page.rows()] == ["repaired", "at_goal"]
    assert page.status_name() == "complete"


async def test_the_events_of_a_repair_are_folded() -> None:
    """And the outcome says that it was one."""
    world = World()
    flow = Flow("f")
    flow.add(Thing("a", world), value=1)
    page = page_of(flow)
    async with CmdExecutionMap(MemoryStore(), ()) as executions:
        await executions.submit(CmdExecRequest(flow=flow, cmds=["ensure"]))
        world.values.clear()
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=["ensure"], on_drift=OnDrift.REPAIR))
        await execution
        events = await journal_of(execution)
    page.show_execution({"id": execution.id, "cmds": ["ensure"], "status": "running"})
    page.take_events([as_json(event) for event in events])
    assert page.items["a"].shown_status() == "repaired"
    assert page.sentence() == "Done: a is at its goal. a was changed outside irenic and brought back."


def test_fields_that_are_not_the_same_everywhere_are_shown() -> None:
    """In the order of their definition; a goal that is not known counts for nothing."""
    drift = {"stored": {"x": 1, "y": 1, "z": 1}, "found": {"x": 1, "y": 2, "z": 1}, "goal": {"x": 1, "y": 1, "z": 3}}
    assert difference.changed(drift, ["z", "y", "x"]) == ["z", "y"]
    assert difference.changed({**drift, "goal": None}, []) == ["y"]


# What is left over.


def test_stored_things_that_the_flow_no_longer_names_have_rows_after_all_others() -> None:
    """A renamed item is none of them, and neither is one that irenic did not make."""
    page = two_items()
    former = entry(HERE, about={"identity": "old.txt"})
    stored = {"a": entry(), "a#1": former, "c": entry(), "gone": entry(THERE), "seen": {"current": {}}}
    page.show_states(StoredItems(stored, "H"))
    assert [(item.id, item.status, item.leftover) for item in page.items.leftovers()] == [
        (
            "a#1",
            "left_over",
            {"item": "a#1", "reason": "replaced", "state": {"n": 1}, "made_at": AT, "name": "old.txt"},
        ),
        (
            "gone",
            "left_over",
            {
                "item": "gone",
                "reason": "removed",
                "place": "Chrome on laptop",
                "made_at": AT,
                "problem": "it is in Chrome on laptop, and has to be cleaned there",
            },
        ),
    ]
    assert page.has_past()


def test_what_an_execution_removes_is_shown_as_removed_until_the_next() -> None:
    """It has events of its own, as an item has."""
    page = two_items()
    page.show_states(StoredItems({"old": entry()}))
    page.begin("X", ["ensure"], False, {}, AT, {"prune": True})
    left = {"item": "old", "reason": "removed"}
    events: list[dict[str, Any]] = [
        {"kind": "execution_started", "cmds": ["ensure"], "items": ["a", "b"], "request": {"prune": True}},
        {"kind": "block_started", "block": "apply"},
        {"kind": "item_result", "item": "a", "direction": "ensure", "result": "applied", "state": {"n": 1}},
        {"kind": "block_started", "block": "prune"},
        {"kind": "leftovers_found", "leftovers": [left], "to_clean": ["old"]},
        {"kind": "item_result", "item": "old", "direction": "clean", "result": "applied", "state": {"n": 0}},
        {"kind": "state_forgotten", "item": "old"},
    ]
    for seq, event in enumerate(events):
        page.take_events([{"execution_id": "X", "seq": seq, "at": AT, **event}])
        if event["kind"] == "leftovers_found":
            assert page.items["old"].status == "exec_pending"
    assert (page.items["a"].status, page.items["old"].status) == ("complete_success", "removed")
    outcome = ended("X", leftovers=[])
    outcome["items"]["done"].append("old")
    page.take_outcome(outcome)
    assert page.sentence() == "Done: a and b are at their goal. old was left over and removed."
    page.begin("Y", ["ensure"], False, {}, AT)
    assert "old" not in page.items


def test_what_was_done_with_it_before_it_was_left_over_does_not_count() -> None:
    """The last execution was of a flow that still had it."""
    page = two_items()
    page.show_states(StoredItems({"a": entry(), "b": entry(), "old": entry()}))
    page.show_execution({"id": "X", "cmds": ["ensure"], "status": "complete"})
    outcome = ended("X")
    outcome["items"]["done"].append("old")
    page.take_outcome(outcome)
    assert page.items["old"].shown_status() == "left_over"
    assert page.sentence() == "Done: a and b are at their goal. Left over: old."


def test_what_is_forgotten_or_moved_has_no_row_any_more() -> None:
    """It was left over; irenic knows no more of it, or by another name."""
    page = two_items()
    page.show_states(StoredItems({"old": entry(), "older": entry()}))
    page.begin("X", ["state"], False, {}, AT, {"forget": ["old"]})
    events = [{"kind": "state_forgotten", "item": "old"}, {"kind": "state_moved", "item": "older", "to": "b"}]
    page.take_events([{"execution_id": "X", "seq": seq, "at": AT, **event} for seq, event in enumerate(events)])
    page.take_outcome(ended("X", cmd="state"))
    assert page.items.leftovers() == []
    assert page.sentence() == "Forgotten: irenic no longer knows of old. What is there was left as it is."


# What is said.


def test_a_preview_is_sorted_into_groups_with_their_totals() -> None:
    """What changed outside comes first, whatever is to be done; what is unchanged is folded where it is much."""
    unchanged = [{"item": f"i{number}", "verdict": "nothing"} for number in range(6)]
    drifted = {"item": "d", "verdict": "known_after_apply", "drift": DRIFT}
    found = review.groups([*unchanged, {"item": "c", "verdict": "create"}, drifted])
    assert [(group.title, group.is_open) for group in found] == [
        ("1 changed outside irenic", True),
        ("1 to create", True),
        ("6 unchanged", False),
    ]
    assert (review.has_drift([drifted]), review.has_drift(unchanged)) == (True, False)


@pytest.mark.parametrize(
    ("verdicts", "cmd", "told"),
    [
        ("repair known_after_apply", "ensure", "Ensure brings 1 item back to its goal and checks 1 item again."),
        ("repair repair", "ensure", "Ensure brings 2 items back to their goal."),
        ("replace create make_here", "ensure", "Ensure makes a new thing in place of the former and creates 2 items."),
        ("replace replace change", "ensure", "Ensure makes 2 new things in place of the former and changes 1 item."),
        ("remove", "clean", "Clean removes 1 item."),
        ("nothing", "ensure", "Ensure changes no item of the flow."),
    ],
)
def test_a_preview_is_summed_up(verdicts: str, cmd: str, told: str) -> None:
    """In a sentence."""
    assert review.summary([{"verdict": verdict} for verdict in verdicts.split()], cmd) == told


def test_a_reason_is_said_with_times_of_this_browser() -> None:
    """The core's own sentences have them in UTC."""
    elsewhere = [{"label": "Chrome on laptop", "at": AT}]
    run = {"action": "run", "message": "run: it was never run; it is not at its goal"}
    assert [
        review.reason(item, local)
        for item in (
            {"drift": DRIFT},
            {"drift": {**DRIFT, "stored_at": None}, "after": ["a", "b"]},
            {"verdict": "make_here", "elsewhere": elsewhere},
            run,
            {**run, "message": "run: it is there"},
        )
    ] == [
        "changed outside irenic since 2026-11-30",
        "changed outside irenic; known after a and b",
        "made in Chrome on laptop, 2026-11-30",
        "it was never run",
        "it is there",
    ]


def test_a_leftover_is_said_with_what_becomes_of_it() -> None:
    """It stays where it cannot be removed from here."""
    made = {"item": "x", "reason": "replaced", "name": "old.txt", "made_at": AT}
    afar = {"item": "y", "reason": "removed", "place": "Chrome on laptop", "problem": "it is there"}
    assert [
        (review.leftover_reason(each), review.leftover_origin(each, local), review.leftover_fate(each, removed=True))
        for each in (made, afar)
    ] == [
        ("Its item stands for another thing now.", "old.txt, made 2026-11-30", "It is removed."),
        ("The flow no longer has it.", "made in Chrome on laptop", "It stays: it is there."),
    ]
    assert review.leftover_fate(made, removed=False) == "It stays where it is."
    assert review.removable([made, afar]) == [made]


def test_discover_names_only_what_it_has_found() -> None:
    """What depends on something that is not there yet is named as such."""
    states = {"a": {"current": {"n": 1}}, "b": {"current": None}}
    told = "Discovered the state of a. b is known once what it depends on has been applied."
    for more in ({"states": states}, {"unfound": ["b"]}):
        assert sentences.outcome_sentence(ended("X", cmd="discover", **more)) == told


def test_what_clean_leaves_alone_is_not_said_to_be_gone() -> None:
    """Irenic did not make it."""
    notes = {"b": {"verdict": "leave_alone"}}
    told = "Cleaned: a is gone. b was left alone, because irenic did not make it."
    assert sentences.outcome_sentence(ended("X", cmd="clean", notes=notes)) == told


def test_what_the_user_abandoned_is_not_called_lost() -> None:
    """And what was lost while it was being stopped says so."""
    lost = {**ended("X", "lost"), "items": {"done": [], "not_done": [], "unknown": ["a"]}}
    stopped = {**lost, "interrupt": {"level": "cancel"}}
    assert [sentences.outcome_sentence(lost, abandoned=True), sentences.outcome_sentence(stopped)] == [
        "Abandoned: what ran was left where it stood; a is unknown.",
        "Lost while it was being stopped; a is unknown.",
    ]


def test_a_stop_between_intent_and_apply_leaves_an_item_that_was_not_started() -> None:
    """Its state is known, so that nothing has been done to it."""
    page = two_items()
    page.begin("X", ["ensure"], False, {}, AT)
    intent = {"kind": "item_intent", "item": "a", "direction": "ensure", "current": {"n": 0}}
    result = {"kind": "item_result", "item": "a", "direction": "ensure", "result": "cancelled", "state": {"n": 0}}
    for seq, event in enumerate([intent, result]):
        page.take_events([{"execution_id": "X", "seq": seq, "at": AT, **event}])
    outcome = ended("X", "block_interrupted")
    outcome["items"] = {"done": [], "not_done": ["a", "b"], "unknown": []}
    page.take_outcome(outcome)
    assert [item.shown_status() for item in page.rows()] == ["initialized", "initialized"]
    assert page.sentence() == "Interrupted: a and b were not started."
