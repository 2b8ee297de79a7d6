"""Models that are made without being validated are the same as those that are."""

from irenic.model import events as e
from irenic.model.cmd import StateKind
from irenic.model.outcome import ItemStatesOutcome
from irenic.model.trusted import trusted

HEAD = {"execution_id": "01J", "seq": 3, "at": "2026-01-31T08:15:00.000Z"}


def test_a_trusted_event_equals_a_validated_one() -> None:
    """In value, in JSON, and in the order of its fields."""
    given = {"item": "a", "which": StateKind.CURRENT, "state": {"value": 1}}
    made, checked = trusted(e.ItemState, {**given, **HEAD}), e.ItemState.model_validate({**HEAD, **given})
    assert made == checked
    assert made.model_dump_json() == checked.model_dump_json()
    assert made.model_copy(update={"seq": 4}).seq == 4
    assert made.kind == "item_state"


def test_what_is_left_out_has_its_default() -> None:
    """As in any model."""
    assert trusted(ItemStatesOutcome, {"goal": {"value": 1}}) == ItemStatesOutcome(goal={"value": 1})
