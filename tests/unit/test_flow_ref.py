"""Typed references."""

from typing import Annotated, Any, Optional

import pytest
from pydantic import BaseModel, Field

from irenic import Flow, Ref
from irenic.flow.ref import ref_fingerprint, ref_item, ref_type, ref_value
from irenic.model.errors import FlowError, ParamsError


class Part(BaseModel):
    """A part of a state."""

    path: str = "p"
    size: Annotated[int, Field(ge=0)] = 3


class Other(BaseModel):
    """Another part."""


class Whole(BaseModel):
    """A state with parts, of which one may be absent."""

    part: Part = Part()
    maybe: Part | None = None
    old: Optional[Part] = None  # noqa: UP045 - the old spelling is another type at run time
    either: Part | int = 1
    two: Part | Other = Part()


STATE: Any = Ref("a", (), Whole)


def double(value: int) -> int:
    """Map a reference."""
    return 2 * value


def size_of(part: Part) -> int | None:
    """Map a reference; None for an empty part."""
    return part.size or None


def untyped(value):  # type: ignore[no-untyped-def]  # what a function says is read where it says it
    """Map a reference, who knows to what."""
    return value


def misspelt(value: int) -> "NoSuchType":  # type: ignore[name-defined]  # noqa: F821 - the point of the test
    """Map a reference to nothing."""


def test_attributes_of_a_reference_are_references() -> None:
    """With the type of the field."""
    ref = STATE.part.size
    assert repr(ref) == "a.state.part.size"
    assert (ref_item(ref), ref_value(ref, Whole())) == ("a", 3)
    assert ref_type(STATE.part) is Part


def test_what_comes_after_a_part_that_may_be_absent_may_be_absent() -> None:
    """In either spelling."""
    assert ref_type(STATE.maybe.path) == (str | None)
    assert ref_type(STATE.old.path) == (str | None)
    assert ref_value(STATE.maybe.path, Whole()) is None
    assert ref_value(STATE.maybe.path, Whole(maybe=Part(path="q"))) == "q"
    assert ref_value(STATE.part, None) is None


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: STATE.nothing, r"a.state has no field 'nothing'; it has: part, maybe, old, either, two"),
        (lambda: STATE.part.size.more, r"a.state.part.size has no fields to refer to: 'more' was asked for"),
        (lambda: STATE.two.path, "has no fields to refer to"),
        (lambda: STATE.part.size.map(double).real, r"a.state.part.size.map\(double\) has no fields"),
        (lambda: Flow("f").inputs.url, "inputs has no field 'url'"),
    ],
)
def test_a_field_that_is_not_there_is_an_error_when_the_flow_is_built(ask: Any, message: str) -> None:
    """The message names what there is."""
    with pytest.raises(FlowError, match=message):
        ask()


def test_a_union_with_one_model_has_its_fields() -> None:
    """The other members have none."""
    assert ref_type(STATE.either.path) is str


def test_a_reference_is_mapped_with_a_named_function() -> None:
    """Scenario 87: the function is called with a known value only."""
    ref = STATE.part.map(size_of).map(double)
    assert repr(ref) == "a.state.part.map(size_of).map(double)"
    assert ref_type(ref) is int
    assert ref_value(ref, Whole()) == 6
    assert ref_value(ref, Whole(part=Part(size=0))) is None
    assert ref_value(STATE.maybe.map(size_of), Whole()) is None


def fails(part: Part) -> int:
    """Fail as code of a user does."""
    return {"other": part.size}["size"]


def validates(part: Part) -> Part:
    """Fail as pydantic does, which shows what it was given."""
    return Part.model_validate({"size": "hush"})


def test_an_error_of_a_function_names_it() -> None:
    """And what it was to map; a rejected value is not shown."""
    with pytest.raises(
        ParamsError, match=r"a\.state\.part\.map\(fails\) is mapped by, failed: KeyError: 'size'"
    ) as error:
        ref_value(STATE.part.map(fails), Whole())
    assert str(error.value).startswith("fails, ")
    with pytest.raises(ParamsError, match=r"failed: ValidationError of Part$"):
        ref_value(STATE.part.map(validates), Whole())


def test_a_function_that_says_nothing_returns_anything() -> None:
    """Its type is not checked then."""
    assert ref_type(STATE.part.map(untyped)) is Any


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda value: value, "named function"),
        (object(), "named function"),
        (misspelt, "the return type of misspelt cannot be read: name 'NoSuchType' is not defined"),
    ],
)
def test_a_function_that_cannot_be_recorded_is_refused(function: Any, message: str) -> None:
    """It needs a name, and a type that can be read."""
    with pytest.raises(FlowError, match=message):
        STATE.part.map(function)


def test_a_reference_is_no_value() -> None:
    """Python's own protocols are not answered."""
    with pytest.raises(AttributeError):
        STATE.__iter__()


def test_a_fingerprint_changes_with_the_reference_and_with_the_function() -> None:
    """Where there is no source, the name stands for it."""
    fingerprints = {
        ref_fingerprint(ref)
        for ref in (STATE.part, STATE.part.size, STATE.part.size.map(double), STATE.part.size.map(abs))
    }
    assert len(fingerprints) == 4
    assert ref_fingerprint(STATE.part) == ref_fingerprint(STATE.part)
