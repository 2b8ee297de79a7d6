"""How statuses are shown: every one that the core knows has a word, a shape and a tone of its own."""

from typing import get_args

from irenic.model.outcome import CmdOutcome
from irenic.model.progress import ProgressStatus
from irenic.model.verdict import VerdictKind
from ui import status


def test_every_status_of_an_item_is_shown() -> None:
    """None falls back to unknown but unknown itself."""
    missing = [name for name in ProgressStatus if name not in status.ITEM_STATUSES]
    assert missing == []


def test_every_kind_of_outcome_is_shown() -> None:
    """The statuses of an execution are these, and running."""
    kinds = {kind.model_fields["kind"].default for kind in get_args(get_args(CmdOutcome)[0])}
    assert kinds | {"running"} <= status.EXECUTION_STATUSES.keys()
    assert set(status.RESUMABLE_KINDS) | set(status.INTERRUPTED_KINDS) <= kinds


def test_every_verdict_is_shown() -> None:
    """Nothing, create, change and so on."""
    assert set(VerdictKind) == status.VERDICTS.keys()


def test_running_is_what_the_core_calls_running() -> None:
    """A stop waits for the same items here and there."""
    assert set(status.RUNNING_STATUSES) == {name for name in ProgressStatus if name.is_running}


def test_no_two_words_of_different_meaning_share_tone_and_shape() -> None:
    """Done, failed, interrupted and unknown are told apart without reading."""
    shown = [
        status.item_status(name) for name in ("complete_success", "complete_fail", "interrupted", "unknown", "running")
    ]
    assert len({(each.icon, each.tone) for each in shown}) == len(shown)


def test_what_nobody_has_heard_of_is_unknown() -> None:
    """A server may be newer than the page."""
    assert [
        status.item_status("x").word,
        status.execution_status("x").word,
        status.verdict("x").word,
    ] == ["Unknown"] * 3
