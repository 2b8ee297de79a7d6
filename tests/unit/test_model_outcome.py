"""Outcomes, errors and progress as data."""

import pytest
from pydantic import ValidationError

from irenic import (
    BlockInterrupted,
    Complete,
    ExecutionInterrupted,
    Failed,
    ItemErrorOutcome,
    Lost,
    ProgressLimit,
    ProgressStatus,
    Refused,
)
from irenic.model.errors import HeldError
from irenic.model.outcome import DoneList, ItemList, Outcome, cmd_outcome
from irenic.model.timestamps import timestamp

KINDS: list[tuple[type[Outcome], str, str]] = [
    (Complete, "complete", "is_complete"),
    (BlockInterrupted, "block_interrupted", "is_interrupted"),
    (ExecutionInterrupted, "execution_interrupted", "is_interrupted"),
    (ItemErrorOutcome, "item_error", "is_err"),
    (Failed, "failed", "is_err"),
    (Refused, "refused", ""),
    (Lost, "lost", ""),
]


def outcome(kind: type[Outcome]) -> Outcome:
    """Return an outcome of a kind."""
    return kind(
        execution_id="01J", flow="f", profile="default", started_at=timestamp(), ended_at=timestamp(), message="so"
    )


@pytest.mark.parametrize(("kind", "name", "true"), KINDS)
def test_an_outcome_says_of_which_sort_it_is(kind: type[Outcome], name: str, true: str) -> None:
    """Scenarios 64 and 67: each question is answered with yes by its own kinds only."""
    made = outcome(kind)
    answers = {question: getattr(made, question) for question in ("is_complete", "is_interrupted", "is_err")}
    assert answers == {question: question == true for question in answers}
    assert made.model_dump()["kind"] == name


@pytest.mark.parametrize(("kind", "name", "true"), KINDS)
def test_an_outcome_comes_back_from_json_as_what_it_was(kind: type[Outcome], name: str, true: str) -> None:
    """Scenarios 63, 65 and 69: kind and lists are kept on the way."""
    made = outcome(kind).model_copy(update={"items": ItemList(done=["a"], not_done=["b"], unknown=["c"])})
    again = cmd_outcome.validate_json(made.model_dump_json())
    assert type(again) is kind
    assert again == made


def test_an_outcome_of_no_known_kind_is_refused() -> None:
    """The kind is what tells outcomes apart."""
    with pytest.raises(ValidationError):
        cmd_outcome.validate_python({**outcome(Complete).model_dump(), "kind": "perhaps"})


def test_the_base_of_outcomes_is_of_no_sort() -> None:
    """It answers every question with no."""
    made = outcome(Outcome)
    assert not (made.is_complete or made.is_interrupted or made.is_err)


def test_lists_are_empty_before_anything_was_done() -> None:
    """Scenario 69: the default is that nothing started."""
    assert (DoneList().done, DoneList().not_done, ItemList().unknown) == ([], [], [])


def test_who_holds_a_profile_is_in_the_error() -> None:
    """For whoever wants to interrupt the holder."""
    error = HeldError("held", holder="ada", execution_id="01J")
    assert (str(error), error.holder, error.execution_id) == ("held", "ada", "01J")


def test_statuses_say_whether_an_item_is_at_work() -> None:
    """Or has come to its end."""
    running = [status for status in ProgressStatus if status.is_running]
    complete = [status for status in ProgressStatus if status.is_complete]
    assert running == [
        ProgressStatus.WAITING,
        ProgressStatus.RUNNING,
        ProgressStatus.RUNNING_STALLED,
        ProgressStatus.USER_PENDING,
    ]
    assert complete == [ProgressStatus.COMPLETE_SUCCESS, ProgressStatus.COMPLETE_FAIL]


def test_a_limit_is_in_steps_in_bytes_or_unknown() -> None:
    """Scenario 109: an unknown limit has no length."""
    assert ProgressLimit.steps(3).model_dump() == {"unit": "steps", "total": 3}
    assert ProgressLimit.bytes(None).model_dump() == {"unit": "bytes", "total": None}
    assert ProgressLimit().model_dump() == {"unit": "unknown", "total": None}
    with pytest.raises(ValidationError):
        ProgressLimit.steps(-1)
