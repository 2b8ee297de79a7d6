"""Stored states follow from journals, event by event."""

from tests.written_journals import Journal

from irenic.model import events as e
from irenic.model.states import FlowStates, ItemStates


def stored(journal: Journal) -> FlowStates:
    """Return the states that a journal leaves."""
    states = FlowStates(flow="f", profile="default")
    for event in journal.events:
        states.apply(event)
    return states


def entry(journal: Journal, item: str = "a") -> ItemStates:
    """Return what is stored of an item."""
    return stored(journal).items[item]


def test_events_without_a_state_change_nothing() -> None:
    """The serial number stays."""
    states = stored(Journal().applying("a").add(e.Log, text="hello"))
    assert (states.serial, states.items) == (0, {})


def test_a_discovered_state_is_stored_where_the_command_means_it() -> None:
    """Ensure and clean only compare."""
    journal = Journal().add(e.ItemState, item="a", which="current", state={"value": 1})
    assert stored(journal).items == {}
    journal.add(e.ItemState, item="a", which="current", state={"value": 1}, stored=True)
    journal.add(e.ItemState, item="a", which="goal", state={"value": 2}, stored=True)
    found = entry(journal)
    assert (found.current, found.goal, found.current_at, found.seq) == (
        {"value": 1},
        {"value": 2},
        journal.events[1].at,
        2,
    )
    assert stored(journal).serial == 2


def test_a_known_state_is_never_overwritten_by_none() -> None:
    """Scenarios 33 and 102: what an item could not say this time is left as it was."""
    journal = Journal().add(e.ItemState, item="a", which="current", state={"value": 1}, stored=True)
    journal.add(e.ItemState, item="a", which="current", state=None, stored=True)
    assert entry(journal).current == {"value": 1}
    assert stored(journal).serial == 1


def test_an_intent_makes_an_item_unknown_and_its_result_makes_it_known() -> None:
    """With what it was before, and what it is now."""
    journal = Journal().intent("a", current={"value": 1}, target={"value": 2})
    found = entry(journal)
    assert (found.unknown, found.current, found.goal) == (True, {"value": 1}, {"value": 2})
    assert found.unknown_reason == "its ensure was begun and no result was recorded"
    journal.result("a", "applied", state={"value": 2}, params_hash="p", code_hash="c")
    found = entry(journal)
    assert (found.unknown, found.unknown_reason, found.current) == (False, None, {"value": 2})
    assert (found.params_hash, found.code_hash, found.applied_at, found.duration) == (
        "p",
        "c",
        journal.events[1].at,
        1.0,
    )


def test_an_intent_that_knows_neither_state_keeps_those_that_are_stored() -> None:
    """A clean has no goal."""
    journal = Journal().add(e.ItemState, item="a", which="current", state={"value": 1}, stored=True)
    journal.add(e.ItemState, item="a", which="goal", state={"value": 2}, stored=True)
    journal.intent("a", direction="clean", target={"value": None}).intent("a")
    assert (entry(journal).current, entry(journal).goal) == ({"value": 1}, {"value": 2})


def test_an_unchanged_item_is_known_again() -> None:
    """It was discovered; nothing was applied, so there is no time of an apply."""
    journal = Journal().intent("a").result("a", "unchanged", state={"value": 1}, goal={"value": 1}, params_hash="p")
    found = entry(journal)
    assert (found.unknown, found.current, found.goal, found.params_hash, found.applied_at) == (
        False,
        {"value": 1},
        {"value": 1},
        "p",
        None,
    )


def test_a_result_without_its_intent_has_no_duration() -> None:
    """A compacted journal may begin with it."""
    assert entry(Journal().result("a", "applied")).duration is None


def test_an_item_that_failed_or_was_cancelled_half_way_is_unknown() -> None:
    """The last known state stays, marked."""
    for result, words in (("failed", "its ensure failed half-way"), ("cancelled", "its ensure was cancelled half-way")):
        found = entry(Journal().intent("a", current={"value": 1}).result("a", result))
        assert (found.unknown, found.unknown_reason, found.current) == (True, words, {"value": 1})


def test_an_item_that_was_cancelled_before_it_was_touched_is_known() -> None:
    """Its result carries the state."""
    journal = Journal().intent("a", current={"value": 1}).result("a", "cancelled", state={"value": 1})
    assert (entry(journal).unknown, entry(journal).current) == (False, {"value": 1})


def test_a_discovery_makes_an_unknown_item_known() -> None:
    """It was looked at."""
    journal = Journal().intent("a").add(e.ItemState, item="a", which="current", state={"value": 3}, stored=True)
    assert (entry(journal).unknown, entry(journal).current) == (False, {"value": 3})
