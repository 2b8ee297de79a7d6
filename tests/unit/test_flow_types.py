"""Whether a value of one type can stand where another is wanted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional, TypeVar
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, HttpUrl, SecretStr
from typing_extensions import TypeAliasType

from irenic.flow.types import element_type, is_satisfied_by, strip_annotated

T = TypeVar("T")
Name = NewType("Name", str)
Port = TypeAliasType("Port", Annotated[int, Field(gt=0)])


class Colour(Enum):
    """Something that is read from text."""

    RED = "red"


class Base(BaseModel):
    """A model."""


class Derived(Base):
    """A model that is one of those."""


FITS = [
    (int, int),
    (int, bool),
    (float, int),
    (complex, float),
    (Decimal, int),
    (str, str),
    (Path, str),
    (Path, Path),
    (HttpUrl, str),
    (UUID, str),
    (datetime, str),
    (SecretStr, str),
    (IPv4Address, str),
    (Colour, str),
    (Any, int),
    (int, Any),
    (T, int),
    (int, T),
    (Base, Derived),
    (Annotated[int, Field(gt=3)], int),
    (int, Annotated[int, Field(gt=3)]),
    (int | None, int),
    (int | str, str),
    (int, int | None),
    (int | str, int | str | None),
    (Optional[int], None),  # noqa: UP045 - the old spelling is another type at run time
    (None, None),
    (list[int], list[int]),
    (list[int], tuple[int, ...]),
    (list[int], tuple[int, bool]),
    (set[str], list[str]),
    (Sequence[int], list[int]),
    (Iterable[int], set[int]),
    (list[int], list),
    (list, list[int]),
    (dict[str, int], dict[str, bool]),
    (Mapping[str, int], dict[str, int]),
    (Literal["a", "b"], Literal["a"]),
    (Literal["a", "b"], str),
    (str, Literal["a", "b"]),
    (Name, Name),
    (Port, int),
    (int, Port),
    (Callable[[int], int], Callable[[int], int]),
]

DOES_NOT_FIT = [
    (int, str),
    (str, int),
    (str, Path),
    (str, HttpUrl),
    (int, float),
    (str, Base),
    (Derived, Base),
    (int, int | str),
    (int | str, bytes | int),
    (int, None),
    (None, int),
    (list[int], list[str]),
    (list[int], int),
    (list[int], tuple[int, str]),
    (dict[str, int], dict[str, str]),
    (dict[str, int], list[int]),
    (Literal["a"], Literal["a", "b"]),
    (Literal["a"], int),
    (int, Literal["a"]),
    (Name, int),
]


@pytest.mark.parametrize(("wanted", "offered"), FITS)
def test_a_value_that_pydantic_takes_fits(wanted: Any, offered: Any) -> None:
    """None is left aside: where it may come, the field stays open until there is a value."""
    assert is_satisfied_by(wanted, offered)


@pytest.mark.parametrize(("wanted", "offered"), DOES_NOT_FIT)
def test_a_value_that_pydantic_refuses_does_not_fit(wanted: Any, offered: Any) -> None:
    """Nor one that could lose something on the way."""
    assert not is_satisfied_by(wanted, offered)


@pytest.mark.parametrize(
    ("wanted", "kind", "number", "element"),
    [
        (list[int], Iterable, 3, int),
        (Annotated[list[int], Field(min_length=1)], Iterable, 0, int),
        (list[int] | None, Iterable, 0, int),
        (list[int] | tuple[str, ...], Iterable, 0, Any),
        (tuple[int, str], Iterable, 1, str),
        (tuple[int, str], Iterable, 2, Any),
        (tuple[int, ...], Iterable, 7, int),
        (dict[str, int], Mapping, 1, int),
        (dict[str, int], Iterable, 0, Any),
        (list[int], Mapping, 1, Any),
        (list, Iterable, 0, Any),
        (int, Iterable, 0, Any),
        (Any, Mapping, 1, Any),
    ],
)
def test_a_containers_type_says_what_its_elements_are(wanted: Any, kind: type, number: int, element: Any) -> None:
    """Any where it does not say."""
    assert element_type(wanted, kind, number) == element


def test_metadata_and_names_are_taken_off() -> None:
    """However deep they are."""
    assert strip_annotated(Annotated[Port, "x"]) is int
