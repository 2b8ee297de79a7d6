"""Models made of values that are known to be valid, without the time and the memory that validating them takes."""

from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)

_set = object.__setattr__


def trusted(model: type[M], values: dict[str, Any]) -> M:
    """Return a model with the given values and the defaults of what is left out; nothing is checked or copied.

    For data that the engine makes itself, an item at a time: validation is for what comes from outside.
    """
    template, all_fields = _shape(model)
    made = model.__new__(model)
    _set(made, "__dict__", {**template, **values})
    _set(made, "__pydantic_fields_set__", all_fields)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


@cache
def _shape(model: type[BaseModel]) -> tuple[dict[str, Any], set[str]]:
    """Return a model's fields, in order, with their defaults, and the set of their names, which all instances share."""
    template = {name: None if field.is_required() else field.default for name, field in model.model_fields.items()}
    return template, set(template)
