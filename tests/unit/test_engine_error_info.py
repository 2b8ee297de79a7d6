"""Errors of the user's own code: where they came from, what caused them, and what a group holds."""

from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError
from tests.items import Thing, World
from tests.running import run

from irenic import Flow
from irenic.endpoints.outcome_text import TextLook, outcome_text
from irenic.flow.script import load_flow
from irenic.model.errors import FlowError
from irenic.stores import MemoryStore


def helper(answer: dict[str, Any]) -> Any:
    """Fail where a key is missing."""
    return answer["status"]


async def failing(*args: Any) -> Any:
    """Call the helper."""
    return helper({})


async def test_an_error_names_file_line_function_and_source() -> None:
    """Those of the user's own code, the innermost last; no frame of irenic is among them."""
    flow = Flow("f")
    flow.add(Thing("a", World(), apply=failing))
    error = (await run(MemoryStore(), flow, "ensure")).errors["a"]
    assert [(frame.function, frame.source) for frame in error.frames] == [
        ("failing", "return helper({})"),
        ("helper", 'return answer["status"]'),
    ]
    assert {frame.file for frame in error.frames} == {__file__}
    assert error.traceback.startswith("Traceback (most recent call last):")
    assert error.traceback.rstrip().endswith("KeyError: 'status'")


async def test_the_text_shows_the_frames_and_the_whole_traceback_only_where_it_is_asked_for() -> None:
    """The whole has irenic's own frames too."""
    flow = Flow("f")
    flow.add(Thing("a", World(), apply=failing))
    outcome = await run(MemoryStore(), flow, "ensure")
    text = outcome_text(outcome, look=TextLook())
    assert f"{__file__}:{helper.__code__.co_firstlineno + 2} in helper" in text
    assert "Traceback" not in text
    assert "engine/apply.py" in outcome_text(outcome, look=TextLook(traceback=True))


async def test_an_exception_group_shows_its_members() -> None:
    """Each with its own place."""

    async def several(*args: Any) -> Any:
        errors: list[Exception] = []
        for kind in (KeyError, ValueError):
            try:
                raise kind("x")
            except Exception as error:
                errors.append(error)
        raise ExceptionGroup("several", errors)

    flow = Flow("f")
    flow.add(Thing("a", World(), apply=several))
    error = (await run(MemoryStore(), flow, "ensure")).errors["a"]
    assert [member.type for member in error.members] == ["KeyError", "ValueError"]
    assert all(member.frames[-1].source == 'raise kind("x")' for member in error.members)


async def test_an_error_of_irenic_about_an_item_has_no_frames() -> None:
    """There is no place in the user's code to point at."""

    async def elsewhere(*args: Any) -> Any:
        return None

    flow = Flow("f")
    flow.add(Thing("a", World(), apply=elsewhere))
    error = (await run(MemoryStore(), flow, "ensure")).errors["a"]
    assert (error.type, error.frames) == ("ItemFailure", [])


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("def deep():\n    return undefined\ndeep()\n", "broken.py:2 in deep  return undefined"),
        ("x = (\n", "broken.py:1  x = ("),
    ],
)
def test_a_flow_file_that_cannot_be_run_says_where(source: str, place: str) -> None:
    """File, line and source line."""
    with pytest.raises(FlowError, match=r"broken\.py could not be run") as caught:
        load_flow(source, "broken.py")
    assert place in str(caught.value)


class Short(BaseModel):
    """Takes little."""

    text: str = Field(max_length=3)


async def test_a_rejected_value_is_in_no_part_of_a_validation_error() -> None:
    """It may be secret: in the message, the causes, the members and the traceback."""

    async def validates(*args: Any) -> Any:
        try:
            Short(text="rejected")
        except ValidationError as error:
            raise ExceptionGroup("several", [RuntimeError("other"), error]) from error

    flow = Flow("f")
    flow.add(Thing("a", World(), apply=validates))
    error = (await run(MemoryStore(), flow, "ensure")).errors["a"]
    assert error.causes == ["ValidationError: Short is not valid: text: String should have at most 3 characters."]
    assert error.members[1].message == "Short is not valid: text: String should have at most 3 characters."
    assert "rejected" not in error.model_dump_json().replace('Short(text=\\"rejected\\")', "")
