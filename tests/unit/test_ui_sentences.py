"""What the page says of an execution."""

from typing import Any

import pytest

from ui import sentences


def outcome(kind: str, done: str = "", not_done: str = "", unknown: str = "", **more: Any) -> dict[str, Any]:
    """Return an outcome as JSON has it; items are given as words."""
    lists = {"done": done.split(), "not_done": not_done.split(), "unknown": unknown.split()}
    return {"kind": kind, "items": lists, "cmds": {"done": ["ensure"], "not_done": []}, **more}


def test_names_are_listed_as_in_a_sentence() -> None:
    """Those beyond the first few are counted."""
    assert [sentences.listing(names.split()) for names in ("", "a", "a b", "a b c", "a b c d e f g h")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
        "a, b, c, d, e and 3 more",
    ]


def test_an_interrupted_execution_tells_done_from_not_started() -> None:
    """The very words of the product."""
    told = sentences.outcome_sentence(outcome("block_interrupted", "archive", "site manifest"))
    assert told == "Interrupted: archive is done; site and manifest were not started."


def test_an_item_that_was_cancelled_half_way_is_told_apart_from_one_that_never_began() -> None:
    """Both are not done, but only one may have left something behind."""
    told = sentences.outcome_sentence(outcome("block_interrupted", "", "archive site"), ["archive"])
    assert told == "Interrupted: archive was stopped half-way and has to be looked at; site was not started."


def test_a_lost_execution_says_what_is_unknown() -> None:
    """Its end was never heard."""
    told = sentences.outcome_sentence(outcome("lost", "archive", "manifest", "site"), ["archive", "site"])
    assert told == (
        "Lost: what ran this ended, or was taken over, before it was done; archive is done; site is unknown; "
        "manifest was not started."
    )


@pytest.mark.parametrize(
    ("cmd", "done", "dry_run", "told"),
    [
        ("ensure", "a", False, "Done: a is at its goal."),
        ("ensure", "a b", False, "Done: a and b are at their goal."),
        ("ensure", "", False, "Done."),
        ("ensure", "a", True, "Dry run done: nothing was changed."),
        ("clean", "a b", False, "Cleaned: a and b are gone."),
        ("clean", "", False, "Cleaned: there was nothing to clean."),
        ("discover", "a", False, "Discovered the state of a."),
        ("discover", "", False, "Discovered."),
        ("status", "a", False, "Done."),
    ],
)
def test_a_complete_execution_is_told_by_its_command(cmd: str, done: str, dry_run: bool, told: str) -> None:
    """What was asked for has happened."""
    ended = outcome("complete", done, dry_run=dry_run) | {"cmds": {"done": [cmd], "not_done": []}}
    assert sentences.outcome_sentence(ended) == told


def test_item_errors_are_told_with_what_was_left() -> None:
    """Two in full, the others counted."""
    errors = {"a": {"message": "no such file."}, "b": {"message": "no space"}, "c": {"message": "no luck"}}
    told = sentences.outcome_sentence(outcome("item_error", "z", "a b c d", errors=errors))
    assert told == "a failed: no such file. b failed: no space. 1 more failed. d was not started."


def test_an_error_of_an_unknown_item_is_not_told_twice() -> None:
    """It failed; that it is not known either is said in its row."""
    told = sentences.outcome_sentence(outcome("item_error", unknown="a", errors={"a": {"message": "gone"}}))
    assert told == "a failed: gone."


def test_a_refusal_says_why_and_that_nothing_was_changed() -> None:
    """By item, or as a whole."""
    refusals = {"b": {"message": "two."}, "a": {"message": "one."}, "c": {"message": "three."}}
    assert [
        sentences.outcome_sentence(outcome("refused", refusals=refusals)),
        sentences.outcome_sentence(outcome("refused", message="held by another.")),
    ] == [
        "Refused: nothing was changed. a: one. b: two. And 1 more.",
        "Refused: nothing was changed. held by another.",
    ]


def test_a_failed_execution_says_why() -> None:
    """In its own words, or in ours where it has none."""
    assert [sentences.outcome_sentence(outcome("failed", message=text)) for text in ("disk full.", "")] == [
        "Failed: disk full.",
        "Failed: the execution could not go on.",
    ]


@pytest.mark.parametrize(
    ("level", "items", "told", "next_rung"),
    [
        ("finish", ["a"], "Stopping (finish): waits for a to finish, nothing new starts.", "Cancel a now"),
        (
            "finish",
            ["a", "b"],
            "Stopping (finish): waits for a and b to finish, nothing new starts.",
            "Cancel a and b now",
        ),
        ("finish", [], "Stopping (finish): nothing new starts.", "Cancel now"),
        ("cancel", ["a"], "Stopping (cancel): a is being cancelled, nothing new starts.", "Abandon"),
        ("cancel", [], "Stopping: what ran is cancelled, nothing new starts.", "Abandon"),
        ("abandon", ["a"], "Stopping (abandon): what runs is left where it stands.", "Abandon"),
    ],
)
def test_a_stop_says_its_level_whom_it_waits_for_and_what_comes_next(
    level: str, items: list[str], told: str, next_rung: str
) -> None:
    """Every rung of the ladder."""
    assert (sentences.stop_sentence(level, items), sentences.rung(level, items)) == (told, next_rung)


def test_many_items_are_counted_on_the_button() -> None:
    """It has to stay a button."""
    assert (sentences.rung("finish", ["a", "b", "c"]), sentences.rung(None, [])) == ("Cancel 3 items now", "Interrupt")


def test_who_stopped_it_is_said_where_it_was_somebody_else() -> None:
    """Or where a reason was given."""
    assert [
        sentences.origin({"source": source, "reason": reason})
        for source, reason in (("user", None), ("user", "lunch"), ("web", None), ("failsafe", "too hot"))
    ] == ["", "Reason: lunch", "Asked for by web", "Asked for by failsafe: too hot"]


def test_what_runs_is_said_with_its_command() -> None:
    """With the items at work, where there are any."""
    assert [
        sentences.running_sentence("ensure", False, ["a", "b"]),
        sentences.running_sentence("clean", True, ["a"]),
        sentences.running_sentence("diff", False, []),
    ] == ["Ensuring: a and b.", "Cleaning (dry run): a.", "Running diff."]


def test_replies_have_the_words_of_the_product() -> None:
    """And one that is not known is said as it is."""
    assert [sentences.reply_text(reply) for reply in ("requested", "nothing_to_interrupt", "later")] == [
        "interruption request received",
        "nothing to interrupt",
        "later",
    ]


def test_each_level_is_explained() -> None:
    """A level that is not known is said as it is."""
    assert [sentences.level_words(level).split(":")[0] for level in ("finish", "cancel", "abandon", "x")] == [
        "finish",
        "cancel",
        "abandon",
        "x",
    ]
