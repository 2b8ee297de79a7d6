"""A journal folds into progress and into an outcome."""

from typing import Any

import pytest
from tests.written_journals import Journal

from irenic import Complete, Failed, InterruptSignal, InterruptStrategy, ItemErrorOutcome, ProgressLimit, ProgressStatus
from irenic.model import events as e
from irenic.model.cmd import Block, Cmd, StateKind
from irenic.model.fold import ExecutionFold
from irenic.model.interrupt import InterruptLevel
from irenic.model.outcome import BlockInterrupted, ErrorInfo

ERROR = ErrorInfo(type="RuntimeError", message="no luck", phase="apply")


def fold(journal: Journal) -> ExecutionFold:
    """Return the picture that a journal gives."""
    return ExecutionFold.of(journal.events)


def status(journal: Journal, item: str = "a") -> ProgressStatus:
    """Return where an item stands."""
    return fold(journal).items[item].status


def stop(level: InterruptLevel, **fields: Any) -> dict[str, Any]:
    """Return the fields of an interrupt event."""
    return {"signal": InterruptSignal(level=level, **fields)}


def ended(journal: Journal, kind: Any) -> Journal:
    """End the journal with the outcome that it amounts to."""
    return journal.add(e.ExecutionEnded, outcome=fold(journal).outcome(kind))


def test_an_empty_journal_shows_nothing_and_has_no_outcome() -> None:
    """Its first event says what it is about."""
    empty = ExecutionFold()
    assert empty.progress().items == {}
    assert empty.progress().execution_id == ""
    with pytest.raises(ValueError, match="without its first event"):
        empty.outcome(Complete)


def test_an_item_begins_initialized_and_is_pending_in_each_block() -> None:
    """Scenario 109: what an item showed in one block is cleared for the next."""
    journal = Journal().started("a")
    assert status(journal) is ProgressStatus.INITIALIZED
    journal.add(e.CmdStarted, cmd=Cmd.ENSURE).block(Block.STATES_DISCOVER)
    assert status(journal) is ProgressStatus.EXEC_PENDING
    journal.add(e.ItemPosition, item="a", position=3, limit=ProgressLimit.steps(4), message="three")
    journal.block_done(Block.STATES_DISCOVER).block(Block.APPLY)
    shown = fold(journal).progress().items["a"]
    assert (shown.status, shown.position, shown.limit, shown.message) == (ProgressStatus.EXEC_PENDING, 0, None, "")


def test_a_discovered_item_is_complete_when_the_last_wanted_state_is_known() -> None:
    """Both states are wanted in one block, one in each of the others; also where the item could not say."""
    journal = Journal().started("a").block(Block.STATES_DISCOVER)
    journal.add(e.ItemState, item="a", which=StateKind.CURRENT, state={"value": 1})
    assert status(journal) is ProgressStatus.EXEC_PENDING
    journal.add(e.ItemState, item="a", which=StateKind.GOAL, state=None)
    assert status(journal) is ProgressStatus.COMPLETE_SUCCESS
    item = fold(journal).items["a"]
    assert (item.current, item.goal) == ({"value": 1}, None)
    only_current = Journal().started("a").block(Block.STATES_CURRENT_DISCOVER)
    assert status(only_current.add(e.ItemState, item="a", which="current", state=None)) is (
        ProgressStatus.COMPLETE_SUCCESS
    )


def test_a_state_read_outside_of_discovery_completes_nothing() -> None:
    """A read block says so itself."""
    journal = Journal().started("a")
    journal.add(e.ItemState, item="a", which="goal", state={"value": 2})
    assert status(journal) is ProgressStatus.INITIALIZED
    assert fold(journal).items["a"].goal == {"value": 2}


def test_an_item_whose_discovery_failed_stays_failed() -> None:
    """A goal that is found after the current state failed does not hide that."""
    journal = Journal().started("a").block(Block.STATES_DISCOVER).add(e.ItemError, item="a", error=ERROR)
    journal.add(e.ItemState, item="a", which="goal", state={"value": 2})
    assert status(journal) is ProgressStatus.COMPLETE_FAIL
    assert fold(journal).progress().items["a"].message == "no luck"


def test_an_applied_item_is_complete_and_its_bar_is_full() -> None:
    """Scenario 110: success finishes a bar."""
    journal = Journal().applying("a", "b").intent("a", current={"value": 1}, target={"value": 2})
    item = fold(journal).items["a"]
    assert (item.status, item.intent_open, item.current, item.goal) == (
        ProgressStatus.RUNNING,
        True,
        {"value": 1},
        {"value": 2},
    )
    journal.add(e.ItemPosition, item="a", position=1, limit=ProgressLimit.steps(5))
    journal.result("a", "applied", state={"value": 2})
    shown = fold(journal).progress().items["a"]
    assert (shown.status, shown.position, shown.started_at, shown.ended_at) == (
        ProgressStatus.COMPLETE_SUCCESS,
        5,
        journal.events[-3].at,
        journal.events[-1].at,
    )


def test_an_item_with_nothing_to_do_says_so() -> None:
    """Its states are those that were compared."""
    journal = Journal().applying("a").result("a", "unchanged", state={"value": 1}, goal={"value": 1})
    item = fold(journal).items["a"]
    assert (item.status, item.message, item.goal) == (
        ProgressStatus.COMPLETE_SUCCESS,
        "nothing to do",
        {"value": 1},
    )


def test_a_bar_of_unknown_length_stays_where_it_is() -> None:
    """Scenario 109: an unknown limit sets no length."""
    journal = Journal().applying("a").intent("a")
    journal.add(e.ItemPosition, item="a", position=7, limit=ProgressLimit.bytes(None))
    assert fold(journal.result("a", "applied")).items["a"].position == 7


@pytest.mark.parametrize(
    ("result", "error", "shown", "message"),
    [
        ("failed", ERROR, ProgressStatus.COMPLETE_FAIL, "no luck"),
        ("failed", None, ProgressStatus.COMPLETE_FAIL, ""),
        ("cancelled", None, ProgressStatus.INTERRUPTED, "cancelled"),
        ("cancelled", ERROR, ProgressStatus.INTERRUPTED, "cancelled, and failed: no luck"),
    ],
)
def test_a_failed_or_cancelled_item_is_not_done(
    result: str, error: ErrorInfo | None, shown: ProgressStatus, message: str
) -> None:
    """And shows why."""
    journal = Journal().applying("a").intent("a").result("a", result, error=error)
    assert fold(journal).progress().items["a"].message == message
    assert status(journal) is shown
    assert fold(journal).outcome(ItemErrorOutcome).items.not_done == ["a"]


def test_a_status_event_may_carry_a_message_a_limit_and_what_is_waited_for() -> None:
    """What it leaves out stays."""
    journal = Journal().applying("a").intent("a")
    waiting = {"status": "waiting", "waiting_for": "api", "message": "wait", "limit": ProgressLimit.steps(3)}
    journal.add(e.ItemStatus, item="a", **waiting)
    shown = fold(journal).progress().items["a"]
    assert (shown.waiting_for, shown.message, shown.limit) == ("api", "wait", ProgressLimit.steps(3))
    journal.add(e.ItemStatus, item="a", status="running")
    shown = fold(journal).progress().items["a"]
    assert (shown.waiting_for, shown.message, shown.limit) == (None, "wait", ProgressLimit.steps(3))


def test_a_question_is_no_message_any_more_once_it_was_answered() -> None:
    """It was the item's message while it was open."""
    journal = Journal().applying("a").intent("a")
    journal.add(e.ItemStatus, item="a", status="user_pending", message="Really?")
    assert fold(journal).progress().items["a"].message == "Really?"
    journal.add(e.ItemStatus, item="a", status="running")
    assert fold(journal).progress().items["a"].message == ""


def test_news_of_a_stalled_item_make_it_run_again() -> None:
    """Its position moved."""
    journal = Journal().applying("a").intent("a").add(e.ItemStatus, item="a", status="running_stalled")
    assert status(journal) is ProgressStatus.RUNNING_STALLED
    assert status(journal.add(e.ItemPosition, item="a", position=1)) is ProgressStatus.RUNNING


def test_a_diff_completes_an_item_that_was_pending_only() -> None:
    """One that failed before stays failed."""
    journal = Journal().started("a", "b", cmds=(Cmd.DIFF,)).block(Block.DIFF, Cmd.DIFF)
    journal.add(e.ItemError, item="b", error=ERROR)
    for item in ("a", "b"):
        journal.add(e.ItemDiff, item=item, diff={"changes": {}})
    assert [status(journal, item) for item in ("a", "b")] == [
        ProgressStatus.COMPLETE_SUCCESS,
        ProgressStatus.COMPLETE_FAIL,
    ]
    assert fold(journal).outcome(Complete).states["a"].diff == {"changes": {}}


def test_items_that_have_not_begun_show_that_they_will_not() -> None:
    """From the moment of the request; what runs goes on."""
    journal = Journal().applying("a", "b", "c").intent("a").add(e.ItemStatus, item="b", status="queued")
    journal.add(e.InterruptRequested, **stop(InterruptLevel.FINISH))
    assert [status(journal, item) for item in "abc"] == [
        ProgressStatus.RUNNING,
        ProgressStatus.INTERRUPTED,
        ProgressStatus.INTERRUPTED,
    ]


@pytest.mark.parametrize("strategy", [InterruptStrategy.Ignore, InterruptStrategy.PollNextN(1)])
def test_items_that_may_still_start_are_not_shown_as_interrupted(strategy: InterruptStrategy) -> None:
    """An item shown as interrupted does not start afterwards."""
    journal = Journal().applying("a", strategy=strategy).add(e.InterruptRequested, **stop(InterruptLevel.FINISH))
    assert status(journal) is ProgressStatus.EXEC_PENDING


def test_a_stop_says_at_which_level_it_is_and_for_what_it_waits() -> None:
    """Until it has settled."""
    journal = Journal().applying("a", "b", "c").intent("a").intent("b").result("b", "applied")
    journal.add(e.InterruptRequested, **stop(InterruptLevel.FINISH, reason="lunch"))
    journal.add(e.InterruptRequested, **stop(InterruptLevel.CANCEL, source="escalation", reason="too slow"))
    progress = fold(journal).progress()
    assert progress.stop is not None
    assert progress.stop.waiting_for == ["a"]
    assert (progress.stop.interrupt.source, progress.stop.interrupt.reason) == ("user", "lunch")
    assert progress.stop.interrupt.level is InterruptLevel.CANCEL
    outcome = fold(journal).outcome(BlockInterrupted)
    assert outcome.interrupt is not None
    assert outcome.interrupt.settled_at == outcome.ended_at
    assert fold(ended(journal, BlockInterrupted)).progress().stop is None


def test_a_later_reason_stands_where_the_first_request_gave_none() -> None:
    """And a signal without a level means the first one; also before the execution has started."""
    journal = Journal().add(e.InterruptRequested, signal=InterruptSignal())
    journal.add(e.InterruptRequested, **stop(InterruptLevel.ABANDON, reason="now"))
    progress = fold(journal).progress()
    assert progress.stop is not None
    assert progress.stop.interrupt.reason == "now"
    assert progress.stop.interrupt.level is InterruptLevel.ABANDON


def test_a_stop_that_is_ignored_is_recorded_and_not_shown() -> None:
    """Nobody waits for anything then."""
    journal = Journal().applying("a", strategy=InterruptStrategy.Ignore)
    journal.add(e.InterruptRequested, **stop(InterruptLevel.FINISH))
    assert fold(journal).progress().stop is None
    assert fold(journal).outcome(Complete).interrupt is not None


def test_after_the_end_nothing_is_shown_as_running_or_pending() -> None:
    """What has an intent and no result is unknown, all else was interrupted."""
    journal = Journal().applying("done", "unknown", "looking", "pending")
    journal.intent("done").result("done", "applied").intent("unknown")
    journal.add(e.ItemStatus, item="looking", status="running")
    ended(journal, BlockInterrupted)
    assert {item: status(journal, item) for item in ("done", "unknown", "looking", "pending")} == {
        "done": ProgressStatus.COMPLETE_SUCCESS,
        "unknown": ProgressStatus.UNKNOWN,
        "looking": ProgressStatus.INTERRUPTED,
        "pending": ProgressStatus.INTERRUPTED,
    }
    assert fold(journal).progress().done


def test_after_an_error_items_that_never_began_stay_pending() -> None:
    """Nobody interrupted them."""
    journal = Journal().applying("a", "b").intent("a").result("a", "failed", error=ERROR)
    assert status(ended(journal, ItemErrorOutcome), "b") is ProgressStatus.EXEC_PENDING


def test_a_lost_execution_names_what_nobody_knows() -> None:
    """Its outcome is derived from what is in the journal."""
    journal = Journal().applying("a", "b").intent("a")
    lost = fold(journal).lost(at="2026-01-31T09:00:00.000Z")
    assert lost.items.model_dump() == {"done": [], "not_done": ["b"], "unknown": ["a"]}
    assert "Not known: a; resume discovers them first." in lost.message
    assert lost.ended_at == "2026-01-31T09:00:00.000Z"
    assert "Not known" not in fold(Journal().applying("a")).lost().message


def test_blocks_are_those_of_the_command_concerned() -> None:
    """Scenario 59: the first of those not done is the one that it stopped in."""
    journal = Journal().started("a", cmds=(Cmd.DISCOVER, Cmd.ENSURE), plan=[[Block.STATES_DISCOVER], [Block.APPLY]])
    assert fold(journal).outcome(Failed).blocks.model_dump() == {"done": [], "not_done": [Block.STATES_DISCOVER]}
    journal.add(e.CmdStarted, cmd=Cmd.DISCOVER).block(Block.STATES_DISCOVER, Cmd.DISCOVER)
    journal.add(e.ItemState, item="a", which="goal", state={})
    journal.block_done(Block.STATES_DISCOVER, Cmd.DISCOVER)
    assert fold(journal).outcome(Failed).blocks.model_dump() == {"done": [Block.STATES_DISCOVER], "not_done": []}
    assert fold(journal).outcome(Failed).items.done == ["a"]
    journal.add(e.CmdEnded, cmd=Cmd.DISCOVER)
    between = fold(journal).outcome(Failed)
    assert between.cmds.model_dump() == {"done": ["discover"], "not_done": ["ensure"]}
    assert between.blocks.model_dump() == {"done": [], "not_done": [Block.APPLY]}
    assert between.items.not_done == ["a"]
    journal.add(e.CmdStarted, cmd=Cmd.ENSURE).block(Block.APPLY).result("a", "unchanged").block_done(Block.APPLY)
    journal.add(e.CmdEnded, cmd=Cmd.ENSURE)
    complete = fold(journal).outcome(Complete)
    assert complete.blocks.model_dump() == {"done": [Block.APPLY], "not_done": []}
    assert complete.items.done == ["a"]


def test_what_was_cut_or_swallowed_is_in_the_outcome() -> None:
    """Each item once; log lines and questions change nothing."""
    journal = Journal().applying("a").add(e.CancelSwallowed, item="a").add(e.CancelSwallowed, item="a")
    journal.add(e.EndpointCut, endpoint="Slow", reason="took more than 5 s").add(e.Log, text="hello")
    journal.add(e.Ask, item="a", ask_id="1", prompt="really?").add(e.Answered, item="a", ask_id="1")
    outcome = fold(journal).outcome(Complete, message="fine")
    assert outcome.swallowed_cancel == ["a"]
    assert outcome.endpoints_cut == {"Slow": "took more than 5 s"}
    assert outcome.message == "fine"
    assert fold(journal).next_seq == len(journal.events)


def test_progress_takes_times_from_whoever_knows_them() -> None:
    """The fold has no clock."""
    progress = fold(Journal().applying("a")).progress(lambda item: (2.0, 3.0))
    assert (progress.items["a"].elapsed, progress.items["a"].eta) == (2.0, 3.0)
    assert (progress.cmd, progress.block) == (Cmd.ENSURE, Block.APPLY)
