"""Questions of items: which of them are on screen."""

from collections.abc import Callable

import pytest

from ui.questions import Questions


class Notices:
    """Notices that are shown nowhere."""

    def __init__(self) -> None:
        self.shown: dict[str, tuple[str, Callable[[str], None]]] = {}

    def ask(self, kind: str, text: str, on_answer: Callable[[str], None]) -> None:
        """Remember a question."""
        self.shown[kind] = (text, on_answer)

    def withdraw(self, kind: str) -> None:
        """Forget a question."""
        del self.shown[kind]

    def texts(self) -> list[str]:
        """Return what is asked."""
        return [text for text, _ in self.shown.values()]


@pytest.fixture
def notices() -> Notices:
    """No notices yet."""
    return Notices()


@pytest.fixture
def answers() -> list[tuple[str, str]]:
    """The answers that were given."""
    return []


@pytest.fixture
def questions(notices: Notices, answers: list[tuple[str, str]]) -> Questions:
    """Two questions."""
    asked = Questions(notices, lambda id, value: answers.append((id, value)))
    asked.ask("1", "one", "Name?")
    asked.ask("2", "two", "Colour?")
    return asked


def test_each_question_is_shown_and_answered(
    questions: Questions, notices: Notices, answers: list[tuple[str, str]]
) -> None:
    """In whatever order."""
    assert notices.texts() == ["one asks: Name?", "two asks: Colour?"]
    for value in ("blue", "Ada"):
        list(notices.shown.values())[-1][1](value)
    assert (answers, notices.texts()) == ([("2", "blue"), ("1", "Ada")], [])
    questions.hear({"kind": "answered", "item": "two", "ask_id": "2"})


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "answered", "item": "one", "ask_id": "1"},
        {"kind": "item_result", "item": "one", "result": "cancelled"},
        {"kind": "item_error", "item": "one"},
    ],
)
def test_a_question_is_taken_away_when_it_is_over(
    questions: Questions, notices: Notices, event: dict[str, str]
) -> None:
    """The other stays."""
    questions.hear({"kind": "log", "text": "any"})
    questions.hear(event)
    assert notices.texts() == ["two asks: Colour?"]
    questions.clear()
    assert notices.texts() == []
