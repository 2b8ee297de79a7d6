"""Words that stand in events."""

from irenic.model.cmd import StateKind
from irenic.model.progress import ProgressStatus


def test_a_word_is_its_text() -> None:
    """However it is asked for, and whatever it is made from."""
    assert [word.value for word in StateKind] == ["current", "goal"]
    assert StateKind("goal") is StateKind.GOAL
    assert f"{ProgressStatus.RUNNING}" == ProgressStatus.RUNNING.value == "running"
    assert repr(StateKind.GOAL) == "<StateKind.GOAL: 'goal'>"
