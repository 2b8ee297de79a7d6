"""Levels, signals, strategies and replies."""

import re

import pytest
from pydantic import ValidationError

from irenic import InterruptLevel, InterruptReply, InterruptSignal, InterruptStrategy
from irenic.model.errors import ParamsError
from irenic.model.interrupt import InterruptRecord


def test_each_level_is_followed_by_a_harder_one() -> None:
    """The last one stays."""
    assert [level.next for level in InterruptLevel] == [
        InterruptLevel.CANCEL,
        InterruptLevel.ABANDON,
        InterruptLevel.ABANDON,
    ]
    assert [level.word for level in InterruptLevel] == ["finish", "cancel", "abandon"]


@pytest.mark.parametrize("given", ["cancel", "CANCEL", InterruptLevel.CANCEL, 2])
def test_a_signal_takes_a_level_by_word_or_value(given: object) -> None:
    """And writes it as a word."""
    signal = InterruptSignal.model_validate({"level": given})
    assert signal.level is InterruptLevel.CANCEL
    assert InterruptSignal.model_validate_json(signal.model_dump_json()) == signal
    assert signal.model_dump(mode="json")["level"] == "cancel"


def test_a_level_that_there_is_not_is_named_with_those_that_there_are() -> None:
    """The message says what to use."""
    with pytest.raises(ValidationError, match="'hard' is not an interrupt level: use finish, cancel or abandon"):
        InterruptSignal.model_validate({"level": "hard"})


def test_a_signal_leaves_its_level_open() -> None:
    """The strategy decides then; the source is the user."""
    signal = InterruptSignal()
    assert (signal.source, signal.reason, signal.level) == ("user", None, None)


def test_the_schema_of_a_level_lists_the_words() -> None:
    """So that other programs know them."""
    schema = InterruptRecord.model_json_schema()
    assert schema["properties"]["level"]["enum"] == ["finish", "cancel", "abandon"]


def test_a_reply_is_a_sentence() -> None:
    """Both of them."""
    assert InterruptReply.REQUESTED.text == "interruption request received"
    assert InterruptReply.NOTHING_TO_INTERRUPT.text == "nothing to interrupt"


@pytest.mark.parametrize(
    ("text", "strategy"),
    [
        ("ignore", InterruptStrategy.Ignore),
        ("finish", InterruptStrategy.FinishCurrent),
        ("finish_current", InterruptStrategy.FinishCurrent),
        ("Finish-Current ", InterruptStrategy.FinishCurrent),
        ("cancel", InterruptStrategy.CancelCurrent),
        ("cancel_current", InterruptStrategy.CancelCurrent),
        ("poll_next_n:3", InterruptStrategy.PollNextN(3)),
        (InterruptStrategy.PollNextN(2), InterruptStrategy.PollNextN(2)),
    ],
)
def test_a_strategy_is_read_from_a_word(text: str | InterruptStrategy, strategy: InterruptStrategy) -> None:
    """Scenario 114: the words of the command line."""
    assert InterruptStrategy.parse(text) == strategy


@pytest.mark.parametrize("text", ["stop", "poll_next_n", "poll_next_n:x", "poll_next_n:-1", ""])
def test_a_word_that_names_no_strategy_is_an_error(text: str) -> None:
    """Scenario 114: the error holds the word and those that there are."""
    with pytest.raises(ParamsError, match=re.escape(repr(text)) + ".*finish, cancel, ignore"):
        InterruptStrategy.parse(text)


@pytest.mark.parametrize(
    ("strategy", "heeded", "final"),
    [
        (InterruptStrategy.Ignore, [False, False, True], [False, False, True]),
        (InterruptStrategy.FinishCurrent, [True, True, True], [True, True, True]),
        (InterruptStrategy.PollNextN(1), [True, True, True], [False, True, True]),
        (InterruptStrategy.CancelCurrent, [True, True, True], [True, True, True]),
    ],
)
def test_a_strategy_says_which_levels_it_heeds(
    strategy: InterruptStrategy, heeded: list[bool], final: list[bool]
) -> None:
    """And at which of them nothing new starts."""
    assert [strategy.heeds(level) for level in InterruptLevel] == heeded
    assert [strategy.starts_nothing_at(level) for level in InterruptLevel] == final
