"""The page's view model: it comes to the same picture as the core, whatever it is told by."""

from typing import Any

import pytest
from tests.items import Thing, ThingParams, ThingState, World
from tests.pictures import ReadJournal, StoredItems, as_json, page_of
from tests.running import fails, journal_of

from irenic import CmdExecRequest, CmdExecutionMap, Flow, ItemContext
from irenic.model.events import JournalEvent
from irenic.model.fold import ExecutionFold
from irenic.model.outcome import BlockInterrupted, Lost
from irenic.stores import MemoryStore
from ui.state import Page

AT = "2026-11-24T10:00:00.000Z"


def chain(world: World, **replaced: Any) -> Flow:
    """Return a flow of three things, one upon the other."""
    flow = Flow("chain")
    a = flow.add(Thing("a", world), value=1)
    b = flow.add(Thing("b", world, **replaced), value=1, below=a.state.value)
    flow.add(Thing("c", world), value=1, below=b.state.value)
    return flow


def opened(flow: Flow, events: list[JournalEvent]) -> Page:
    """Return a page with an execution on screen of which nothing but its existence is known."""
    return opened_at(flow, events[0].execution_id)


def opened_at(flow: Flow, execution_id: str) -> Page:
    """Return a page with a running execution of this id on screen."""
    page = page_of(flow)
    page.show_execution({"id": execution_id, "cmds": ["ensure"], "status": "running"})
    return page


async def journal(flow: Flow, *cmds: str) -> list[JournalEvent]:
    """Run commands and return their journal."""
    async with CmdExecutionMap(MemoryStore(), ()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=list(cmds)))
        await execution
        return await journal_of(execution)


async def many_ensured() -> tuple[Flow, list[JournalEvent]]:
    """Return a flow of more items than take an outcome at once, and the journal of its ensuring."""
    flow, world = Flow("many"), World()
    for number in range(35):
        flow.add(Thing(f"thing_{number}", world), value=1)
    return flow, await journal(flow, "ensure")


@pytest.mark.parametrize("cmds", [["ensure"], ["discover", "ensure", "clean"]])
@pytest.mark.parametrize("broken", [False, True])
async def test_event_by_event_the_page_shows_what_the_core_folds(cmds: list[str], broken: bool) -> None:
    """Statuses, positions and messages of every item, and the states that are known."""
    flow = chain(World(), **({"apply": fails("no luck")} if broken else {}))
    events = await journal(flow, *cmds)
    page, fold = opened(flow, events), ExecutionFold()
    for event in events:
        fold.apply(event)
        page.take_events([as_json(event)])
        if event.kind == "execution_ended":
            break
        folded = fold.progress().items
        assert {item.id: (item.status, item.position) for item in page.rows()} == {
            id: (item.status, item.position) for id, item in folded.items()
        }, event
        assert {item.id: item.current for item in page.rows()} == {
            id: item.current for id, item in fold.items.items()
        }, event
        assert page.waiting_for() == [item.id for item in page.rows() if item.is_running()], event


async def test_a_snapshot_of_progress_shows_the_same_as_the_events_before_it() -> None:
    """The worker sends both."""
    flow = chain(World())
    events = await journal(flow, "ensure")
    for count in range(2, len(events)):
        by_events, by_snapshot = opened(flow, events), opened(flow, events)
        by_events.take_events([as_json(event) for event in events[:count]])
        by_snapshot.take_progress(as_json(ExecutionFold.of(events[:count]).progress()))
        if by_events.execution is not None and by_events.execution.outcome is None:
            assert [item.status for item in by_events.rows()] == [item.status for item in by_snapshot.rows()]
            assert by_events.waiting_for() == by_snapshot.waiting_for()


async def test_events_that_come_twice_change_nothing() -> None:
    """A stream that was taken up again may repeat some."""
    flow = chain(World())
    events = [as_json(event) for event in await journal(flow, "ensure")]
    page = page_of(flow)
    page.show_execution({"id": events[0]["execution_id"], "cmds": ["ensure"], "status": "running"})
    page.take_events(events[:-1])
    page.drawn()
    page.take_events(events[:5])
    assert page.drawn() == (False, [])


async def begun_and_cut_off() -> tuple[Flow, list[JournalEvent]]:
    """Return a flow and the journal of an ensure up to the moment when its second item has begun."""
    flow = chain(World())
    events = await journal(flow, "ensure")
    cut = next(at for at, event in enumerate(events) if event.kind == "item_intent" and event.item == "b")
    return flow, events[: cut + 1]


async def test_a_lost_execution_shows_its_unknown_item() -> None:
    """What was done stays done; what was not begun was not started."""
    flow, events = await begun_and_cut_off()
    page = opened(flow, events)
    page.take_events([as_json(event) for event in events])
    page.take_outcome(as_json(ExecutionFold.of(events).lost()))
    assert [(item.id, item.status) for item in page.rows()] == [
        ("a", "complete_success"),
        ("b", "unknown"),
        ("c", "initialized"),
    ]
    assert (page.status_name(), page.can_resume()) == ("lost", True)
    assert page.sentence() == (
        "Lost: what ran this ended, or was taken over, before it was done; a is done; b is unknown; c was not started."
    )


async def test_of_an_execution_that_is_kept_nowhere_only_what_was_heard_is_sure() -> None:
    """What may have begun unheard is unknown, at whatever moment the worker is gone."""
    flow, events = await begun_and_cut_off()
    done_at = next(at for at, event in enumerate(events) if event.kind == "item_result" and event.item == "a")
    for cut in range(1, len(events) + 1):
        page = opened(flow, events)
        page.take_events([as_json(event) for event in events[:cut]])
        page.lose(AT)
        known = ["complete_success"] if cut > done_at else ["unknown"]
        assert [item.status for item in page.rows()] == [*known, "unknown", "unknown"]
        assert (page.status_name(), page.can_resume()) == ("lost", True)


@pytest.mark.parametrize(("cmds", "dry_run"), [(["discover"], False), (["ensure"], True)])
def test_what_only_looks_leaves_nothing_unknown(cmds: list[str], dry_run: bool) -> None:
    """It is lost all the same."""
    page = page_of(chain(World()))
    page.begin("01", cmds, dry_run, {}, AT)
    page.lose(AT)
    assert {item.status for item in page.rows()} == {"initialized"}
    assert page.status_name() == "lost"


async def test_an_interrupted_execution_lists_done_and_not_done() -> None:
    """An item that had begun is told apart from one that had not."""
    flow, events = await begun_and_cut_off()
    page = opened(flow, events)
    page.take_events([as_json(event) for event in events])
    outcome = as_json(ExecutionFold.of(events).outcome(BlockInterrupted))
    outcome["items"] = {"done": ["a"], "not_done": ["b", "c"], "unknown": []}
    page.take_outcome(outcome)
    assert [item.status for item in page.rows()] == ["complete_success", "interrupted", "initialized"]
    assert (
        page.sentence() == "Interrupted: a is done; b was stopped half-way and has to be looked at; c was not started."
    )


async def test_an_outcome_is_taken_once() -> None:
    """It comes as an event and as a message."""
    flow, events = await begun_and_cut_off()
    page = opened(flow, events)
    page.take_outcome(as_json(ExecutionFold.of(events).lost()))
    page.take_outcome(as_json(ExecutionFold.of(events).outcome(BlockInterrupted)))
    assert page.status_name() == Lost.model_fields["kind"].default


async def test_an_error_is_shown_in_its_row() -> None:
    """In the words of the error."""
    flow = chain(World(), apply=fails("no luck"))
    events = await journal(flow, "ensure")
    page = opened(flow, events)
    page.take_events([as_json(event) for event in events])
    failed = page.items["b"]
    assert (failed.status, failed.message, page.status_name()) == ("complete_fail", "no luck", "item_error")


def simple_page() -> Page:
    """Return a page with a flow of two items and nothing else."""
    return page_of({"id": "f", "items": [{"id": "a"}, {"id": "b"}], "edges": [{"predecessor": "a", "successor": "b"}]})


def test_edges_are_known_from_both_ends() -> None:
    """Each item names what comes before and after it."""
    page = simple_page()
    assert (page.items["b"].predecessors, page.items["a"].successors) == (["a"], ["b"])


def test_stored_states_are_shown_where_nothing_has_run() -> None:
    """At goal, not at goal, seen, not seen, unknown."""
    page = page_of({"id": "f", "items": [{"id": id} for id in "abcde"]})
    page.show_states(
        StoredItems(
            {
                "a": {"current": {"n": 1}, "goal": {"n": 1}},
                "b": {"current": {"n": 0}, "goal": {"n": 1}},
                "c": {"current": {"n": 0}},
                "e": {"current": {"n": 1}, "goal": {"n": 1}, "unknown": True, "unknown_reason": "begun"},
            }
        )
    )
    assert [item.status for item in page.rows()] == ["at_goal", "not_at_goal", "seen", "not_seen", "unknown"]
    assert page.sentence() == "a at goal, the others not."


def test_everything_at_its_goal_is_said() -> None:
    """And nothing is offered to be resumed."""
    page = simple_page()
    page.show_states(StoredItems({id: {"current": {"n": 1}, "goal": {"n": 1}} for id in "ab"}))
    assert (page.sentence(), page.can_resume(), page.status_name()) == ("Everything is at its goal.", False, "none")


def running_page() -> Page:
    """Return a page with an execution whose first item runs."""
    page = simple_page()
    page.begin("X", ["ensure"], False, {}, AT)
    page.take_progress({"execution_id": "X", "cmd": "ensure", "items": {"a": {"status": "running", "position": 3}}})
    return page


def test_each_press_raises_the_level_at_once() -> None:
    """Before anybody has answered; beyond abandon there is nothing."""
    page = running_page()
    assert [page.ask_stop(AT, "user", None) for _ in range(4)] == ["finish", "cancel", "abandon", "abandon"]
    assert page.status_name() == "stopping"


def test_a_stop_says_whom_it_waits_for() -> None:
    """From the last progress that is known."""
    page = running_page()
    page.ask_stop(AT, "user", None)
    assert page.sentence() == "Stopping (finish): waits for a to finish, nothing new starts."


def test_where_nothing_runs_there_is_nothing_to_stop() -> None:
    """Neither before nor after an execution."""
    page = simple_page()
    before = page.ask_stop(AT, "user", None)
    page.begin("X", ["ensure"], False, {}, AT)
    page.refuse("X", "held by another", AT)
    assert (before, page.ask_stop(AT, "user", None)) == (None, None)
    assert page.sentence() == "Refused: nothing was changed. held by another"


def test_a_stop_from_elsewhere_is_shown_with_who_and_why() -> None:
    """And a later, weaker word of it does not lower the level."""
    page = running_page()
    signal = {"source": "web", "reason": "lunch", "level": "cancel", "requested_at": AT}
    page.take_progress({"execution_id": "X", "cmd": "ensure", "items": {}, "stop": {"interrupt": signal}})
    page.take_progress(
        {"execution_id": "X", "cmd": "ensure", "items": {}, "stop": {"interrupt": {**signal, "level": "finish"}}}
    )
    assert page.execution is not None
    assert page.execution.stop is not None
    stop = page.execution.stop
    assert (stop.level, stop.source, stop.reason) == ("cancel", "web", "lunch")


def test_only_the_rows_that_changed_are_drawn_again() -> None:
    """A position touches one row and not the head."""
    page = running_page()
    page.drawn()
    page.take_events(
        [{"execution_id": "X", "seq": 0, "at": AT, "kind": "item_position", "item": "b", "position": 5, "message": ""}]
    )
    assert page.drawn() == (False, [page.items["b"]])
    assert page.drawn() == (False, [])


def test_what_belongs_to_another_execution_is_left_out() -> None:
    """A late message of the one before."""
    page = running_page()
    page.drawn()
    page.take_progress({"execution_id": "Y", "cmd": "clean", "items": {"a": {"status": "running"}}})
    page.take_outcome({"execution_id": "Y", "kind": "complete"})
    page.take_events([{"execution_id": "Y", "seq": 0, "at": AT, "kind": "cmd_started", "cmd": "clean"}])
    assert page.drawn() == (False, [])


async def test_the_reason_of_an_unknown_item_is_kept_until_it_is_known_again() -> None:
    """Resume looks at it first; then it is known."""
    page = simple_page()
    page.show_states(StoredItems({"a": {"current": {"n": 1}, "unknown": True, "unknown_reason": "begun"}}))
    page.begin("X", ["ensure"], False, {}, AT)
    before = page.items["a"].unknown_reason
    result = {"item": "a", "direction": "ensure", "result": "applied", "state": {"n": 2}}
    page.take_events([{"execution_id": "X", "seq": 0, "at": AT, "kind": "item_result", **result}])
    assert (before, page.items["a"].unknown_reason, page.items["a"].current) == ("begun", None, {"n": 2})


async def test_a_message_of_progress_is_shown_by_both_ways() -> None:
    """As events tell it, and as a snapshot does."""

    async def apply(
        cx: ItemContext, params: ThingParams, current: ThingState, target: ThingState, diff: Any
    ) -> ThingState:
        cx.progress.message("half-way")
        return target

    flow = chain(World(), apply=apply)
    events = await journal(flow, "ensure")
    page, fold = opened(flow, events), ExecutionFold()
    seen = []
    for event in events[:-1]:
        fold.apply(event)
        page.take_events([as_json(event)])
        seen.append((page.items["b"].message, fold.items["b"].message))
    assert [told for told, folded in seen if told != folded] == []
    assert ("half-way", "half-way") in seen


@pytest.mark.parametrize(
    ("cmd", "dry_run", "shown"),
    [
        ("discover", False, ["not_at_goal", "not_seen", "not_seen"]),
        ("ensure", True, ["not_at_goal", "not_seen", "not_seen"]),
        ("ensure", False, ["complete_success", "complete_success", "complete_success"]),
        ("clean", False, ["cleaned", "cleaned", "cleaned"]),
    ],
)
async def test_what_done_means_is_said_by_the_command(cmd: str, dry_run: bool, shown: list[str]) -> None:
    """After looking, or trying, nothing is done: the rows say how things stand."""
    flow = chain(World())
    async with CmdExecutionMap(MemoryStore(), ()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=[cmd], dry_run=dry_run))
        await execution
        events = await journal_of(execution)
    page = opened(flow, events)
    page.show_states(StoredItems({id: {"goal": {"value": 9, "stamp": None}} for id in "abc"}))
    page.take_events([as_json(event) for event in events])
    assert [item.status for item in page.rows()] == shown


def test_an_item_that_a_stop_held_back_is_shown_as_not_started() -> None:
    """Only one that had begun was interrupted."""
    page = running_page()
    for item in page.rows():
        item.status = "interrupted"
    page.items["a"].begun = True
    assert [item.shown_status() for item in page.rows()] == ["interrupted", "initialized"]


def test_a_question_is_gone_from_its_row_when_it_is_answered() -> None:
    """The message of an item that goes on is not what it once asked."""
    page = page_of(chain(World()))
    page.show_execution({"id": "X", "cmds": ["ensure"], "status": "running"})
    shown = []
    for seq, (status, message) in enumerate([("user_pending", "Which key?"), ("running", "")]):
        about = {"execution_id": "X", "seq": seq, "at": AT, "kind": "item_status", "item": "a"}
        page.take_events([about | {"status": status, "message": message}])
        shown.append(page.items["a"].message)
    assert shown == ["Which key?", ""]


async def told_in_each_way() -> list[tuple[Flow, list[dict[str, Any]], dict[str, Any]]]:
    """Return flows with their journals and outcomes: complete, failed, stopped, dry, cleaned, lost in the middle."""
    told = []
    for cmds, broken, dry_run in (
        (["ensure"], False, False),
        (["ensure"], True, False),
        (["ensure"], False, True),
        (["discover", "ensure", "clean"], False, False),
    ):
        flow = chain(World(), **({"apply": fails("no luck")} if broken else {}))
        async with CmdExecutionMap(MemoryStore(), ()) as executions:
            execution = executions.submit(CmdExecRequest(flow=flow, cmds=cmds, dry_run=dry_run))
            outcome = as_json(await execution)
            told.append((flow, [as_json(event) for event in await journal_of(execution)], outcome))
    flow, events = await begun_and_cut_off()
    fold = ExecutionFold.of(events)
    told.append((flow, [as_json(event) for event in events], as_json(fold.lost())))
    stopped = as_json(fold.outcome(BlockInterrupted))
    stopped["items"] = {"done": ["a"], "not_done": ["b", "c"], "unknown": []}
    told.append((flow, [as_json(event) for event in events], stopped))
    return told


def shown_by(page: Page) -> tuple[Any, ...]:
    """Return all that a page shows."""
    rows = [
        (item.id, item.shown_status(), item.position, item.message, item.current, item.goal, item.error, item.begun)
        for item in page.rows()
    ]
    return page.status_name(), page.sentence(), page.can_resume(), rows


@pytest.mark.parametrize("seen", ["", "a", "abc"])
@pytest.mark.parametrize("outcome_first", [True, False])
async def test_a_page_that_reads_a_journal_shows_the_same_as_one_that_heard_it(seen: str, outcome_first: bool) -> None:
    """Whichever rows were on screen already, and whether the outcome or the journal is there first."""
    for flow, events, outcome in await told_in_each_way():
        record = {"id": outcome["execution_id"], "status": outcome["kind"], "dry_run": outcome["dry_run"]}
        heard, read = page_of(flow), page_of(flow)
        heard.show_execution(record)
        heard.rows()
        heard.take_events([event for event in events if event["kind"] != "execution_ended"])
        heard.take_outcome(outcome)
        read.show_execution(record)
        for id in seen:
            assert read.items[id].status == "not_seen"
        if outcome_first:
            read.take_outcome(outcome)
        read.take_journal(ReadJournal([event for event in events if event["kind"] != "execution_ended"]))
        read.take_outcome(outcome)
        assert shown_by(read) == shown_by(heard)


@pytest.mark.parametrize("cut", range(1, 40))
async def test_a_page_goes_on_from_where_it_has_read(cut: int) -> None:
    """What is at work is known, though nobody has looked at it; and what happens next is shown."""
    flow = chain(World())
    events = [as_json(event) for event in await journal(flow, "ensure")][:-1]
    heard, read = (opened_at(flow, events[0]["execution_id"]) for _ in range(2))
    heard.rows()
    heard.take_events(events[:cut])
    read.take_journal(ReadJournal(events[:cut]))
    assert (read.waiting_for(), read.sentence()) == (heard.waiting_for(), heard.sentence())
    heard.take_events(events[cut:])
    read.take_events(events[cut - 1 :])
    assert shown_by(read) == shown_by(heard)


async def test_a_journal_that_has_ended_meanwhile_brings_its_outcome() -> None:
    """Its record said that it runs."""
    flow = chain(World())
    events = [as_json(event) for event in await journal(flow, "ensure")]
    page = opened_at(flow, events[0]["execution_id"])
    page.take_journal(ReadJournal(events))
    assert (page.status_name(), page.is_live()) == ("complete", False)


def test_only_items_that_somebody_looks_at_are_made() -> None:
    """Of ten thousand."""
    page = page_of({"id": "f", "items": [{"id": f"i{number}"} for number in range(10_000)]})
    page.show_states(StoredItems({}))
    page.begin("X", ["ensure"], False, {}, AT)
    page.take_progress({"execution_id": "X", "cmd": "ensure", "items": {"i7": {"status": "running"}}})
    assert page.sentence() == "Ensuring: i7."
    assert page.items["i9999"].status == "initialized"
    page.take_outcome({"execution_id": "X", "kind": "complete", "items": {"done": page.order}})
    assert page.drawn() == (True, [page.items["i7"], page.items["i9999"]])
    assert page.items["i5000"].status == "complete_success"


async def test_the_head_takes_an_outcome_when_every_item_has_it() -> None:
    """Of many items it takes several frames, in which the head would speak too soon."""
    flow, events = await many_ensured()
    page = opened(flow, events)
    page.take_events([as_json(event) for event in events[:-1]])
    steps = page.taking_outcome(as_json(events[-1])["outcome"])
    page.items["thing_34"].status = "running"
    next(steps)
    page.drawn()
    assert (page.status_name(), page.items["thing_34"].status) == ("running", "running")
    assert len(list(steps)) == 2
    assert (page.status_name(), page.items["thing_34"].status) == ("complete", "complete_success")
    assert (page.drawn()[0], page.waiting_for()) == (True, [])


async def test_an_item_that_is_met_while_an_outcome_is_taken_has_it_too() -> None:
    """Somebody scrolls."""
    flow, events = await many_ensured()
    page = opened(flow, events)
    for number in range(20):
        page.items.get(f"thing_{number}")
    steps = page.taking_outcome(as_json(events[-1])["outcome"])
    next(steps)
    assert (page.status_name(), page.items["thing_34"].status) == ("running", "complete_success")


async def test_an_outcome_that_is_being_taken_is_dropped_with_its_execution() -> None:
    """Another one came on screen meanwhile."""
    flow, events = await many_ensured()
    page = opened(flow, events)
    page.rows()
    steps = page.taking_outcome(as_json(events[-1])["outcome"])
    next(steps)
    page.show_execution({"id": "another", "cmds": ["ensure"], "status": "running"})
    assert list(steps) == []
    assert (page.status_name(), page.items["thing_34"].status) == ("running", "not_seen")
