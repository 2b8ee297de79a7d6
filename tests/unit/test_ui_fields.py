"""The inputs form: fields read from the schemas that pydantic makes, and checked before anything is sent."""

import datetime as dt
import re
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, Field, HttpUrl, SecretStr

from irenic import Flow
from ui import fields


class Colour(StrEnum):
    """Two colours."""

    RED = "red"
    BLUE = "blue"


class Inputs(BaseModel):
    """One field of every kind."""

    url: HttpUrl
    name: str = Field("app", title="Name of it", description="Any name.", min_length=2, max_length=5)
    sha256: str | None = Field(None, pattern="^[0-9a-f]{4}$")
    password: SecretStr | None = None
    count: int = Field(3, ge=1, le=9)
    share: float | None = Field(None, gt=0, lt=1)
    fast: bool = False
    colour: Colour = Colour.RED
    mode: Literal["a", "b"] | None = None
    only: Literal["x"] = "x"
    extra: dict[str, int] | None = None
    really: bool | None = None
    colours: list[str] = ["red"]
    note: str = "none"
    day: dt.date = dt.date(2026, 1, 31)
    id: UUID = Field(default_factory=uuid4)


READ = fields.read(Inputs.model_json_schema())


def matches(pattern: str, text: str) -> bool:
    """Stand in for the browser's regular expressions."""
    return re.search(pattern, text) is not None


BY_NAME = {field.name: field for field in READ}


def test_every_field_of_a_model_has_its_kind_in_the_order_of_the_model() -> None:
    """References are followed and None is taken out of unions."""
    assert [(field.name, field.kind) for field in READ] == [
        ("url", "url"),
        ("name", "text"),
        ("sha256", "text"),
        ("password", "secret"),
        ("count", "integer"),
        ("share", "number"),
        ("fast", "boolean"),
        ("colour", "choice"),
        ("mode", "choice"),
        ("only", "choice"),
        ("extra", "json"),
        ("really", "choice"),
        ("colours", "json"),
        ("note", "text"),
        ("day", "text"),
        ("id", "text"),
    ]


def test_a_field_says_what_its_model_says_of_it() -> None:
    """Title, description, default, whether it is needed, and its pointer."""
    name, url = BY_NAME["name"], BY_NAME["url"]
    assert (name.label, name.description, name.default, name.required, name.pointer) == (
        "Name of it",
        "Any name.",
        "app",
        False,
        "/name",
    )
    assert (url.required, url.default, BY_NAME["sha256"].nullable, BY_NAME["colour"].choices) == (
        True,
        None,
        True,
        ["red", "blue"],
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("url", " https://example.org/a.zip ", "https://example.org/a.zip"),
        ("password", " spaces count ", " spaces count "),
        ("sha256", "", None),
        ("count", "4", 4),
        ("share", "0.25", 0.25),
        ("fast", "true", True),
        ("fast", "", False),
        ("colour", "blue", "blue"),
        ("mode", "", None),
        ("extra", '{"a": 1}', {"a": 1}),
        ("extra", "", None),
        ("really", "true", True),
        ("really", "false", False),
        ("really", "", None),
        ("count", "", None),
        ("colours", "", None),
        ("note", "", ""),
        ("day", "", None),
        ("id", "", None),
    ],
)
def test_what_stands_in_a_field_becomes_its_value(name: str, text: str, value: Any) -> None:
    """And back again."""
    assert BY_NAME[name].value_of(text) == value


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("url", "", "is needed"),
        ("url", "example.org", "has to be an address, such as https://example.org/file.zip"),
        ("name", "x", "has to be 2 characters or more"),
        ("name", "abcdef", "has to be 5 characters or less"),
        ("count", "1.5", "has to be a whole number"),
        ("count", "0", "has to be 1 or more"),
        ("count", "10", "has to be 9 or less"),
        ("share", "much", "has to be a number"),
        ("share", "0", "has to be more than 0"),
        ("share", "1", "has to be less than 1"),
        ("colour", "green", "has to be one of red, blue"),
        ("extra", "{", "has to be JSON"),
    ],
)
def test_what_cannot_be_a_value_is_told_in_words(name: str, text: str, problem: str) -> None:
    """Before anything is sent."""
    with pytest.raises(fields.FieldError) as caught:
        BY_NAME[name].value_of(text)
    assert str(caught.value) == problem


def test_collecting_returns_what_stands_on_screen_whatever_is_stored() -> None:
    """A field that is empty is null: it takes away what an earlier execution has stored."""
    inputs, problems = fields.collect(
        READ, {"url": "https://example.org/", "name": "apt", "count": "5", "only": "x", "colour": "red"}, matches
    )
    assert problems == {}
    assert inputs == {
        "url": "https://example.org/",
        "name": "apt",
        "sha256": None,
        "count": 5,
        "share": None,
        "fast": False,
        "colour": "red",
        "mode": None,
        "only": "x",
        "extra": None,
        "really": None,
        "colours": None,
        "note": "",
        "day": None,
        "id": None,
    }
    stored = Inputs(
        url=HttpUrl("https://example.com"), sha256="aaaa", share=0.5, mode="a", extra={}, really=True, note="old"
    )
    merged = Flow("any", inputs=Inputs).merge_inputs(stored.model_dump(mode="json"), inputs)
    assert isinstance(merged, Inputs)
    assert (merged.sha256, merged.share, merged.mode, merged.extra, merged.really) == (None, None, None, None, None)
    assert (merged.count, merged.note, merged.colours, merged.day) == (5, "", ["red"], dt.date(2026, 1, 31))


@pytest.mark.parametrize(
    ("name", "shown"),
    [("count", "3"), ("colours", '["red"]'), ("day", "2026-01-31"), ("note", ""), ("sha256", ""), ("id", "")],
)
def test_an_empty_field_says_which_value_counts_in_its_place(name: str, shown: str) -> None:
    """Where that is another than nothing."""
    assert BY_NAME[name].when_empty == shown


def test_collecting_tells_every_problem_by_its_pointer() -> None:
    """Not only the first."""
    _, problems = fields.collect(READ, {"url": "", "name": "app", "count": "x", "sha256": "xyz"}, matches)
    assert problems == {
        "/url": "Url is needed.",
        "/sha256": "Sha256 does not look right: it has to match ^[0-9a-f]{4}$.",
        "/count": "Count has to be a whole number.",
    }


def test_values_are_written_as_the_field_reads_them() -> None:
    """Also objects and booleans."""
    assert [
        BY_NAME["extra"].text_of({"a": 1}),
        BY_NAME["fast"].text_of(True),
        BY_NAME["count"].text_of(3),
        BY_NAME["sha256"].text_of(None),
    ] == ['{"a": 1}', "true", "3", ""]


def test_a_pointer_is_escaped() -> None:
    """As RFC 6901 has it."""
    assert fields.Field("a/b~c", {"type": "string"}, False).pointer == "/a~1b~0c"


def test_a_flow_without_inputs_has_no_fields() -> None:
    """Whether it says so by null or by an empty object."""
    assert (fields.read(None), fields.read({"type": "object"})) == ([], [])
