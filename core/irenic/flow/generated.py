"""Marks a field of a State as generated: unknown until applied, and not compared while unknown."""

from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel

T = TypeVar("T")


class GeneratedMarker:
    """Stands in the ``Annotated`` metadata of a generated field."""

    def __repr__(self) -> str:
        return "Generated"


GENERATED = GeneratedMarker()

Generated = Annotated[T | None, GENERATED]
"""``server_id: Generated[str] = None``: made by the apply (a server's id, a time); None means not known yet."""


@lru_cache(maxsize=512)
def generated_fields(state: type[BaseModel]) -> frozenset[str]:
    """Return the names of a model's generated fields."""
    return frozenset(name for name, field in state.model_fields.items() if any(m is GENERATED for m in field.metadata))


def has_generated(state: BaseModel) -> bool:
    """Return whether a state holds the value of any generated field, which only this very thing has."""
    return any(getattr(state, name) is not None for name in generated_fields(type(state)))


def states_equal(one: Any, other: Any) -> bool:
    """Compare two states, leaving out the generated fields that are unknown on either side."""
    if one is None or other is None:
        return one is other
    return not changed_fields(one, other)


def changed_fields(one: BaseModel, other: BaseModel) -> list[str]:
    """Return the names of the fields in which two states of one class differ, in the order of their definition."""
    if one.__dict__ == other.__dict__:
        return []
    generated = generated_fields(type(one))
    changed = []
    for name in type(one).__pydantic_fields__:
        before, after = getattr(one, name), getattr(other, name)
        if before == after or (name in generated and (before is None or after is None)):
            continue
        changed.append(name)
    return changed
