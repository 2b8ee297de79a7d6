"""Models made of values that are known to be valid, without the time and the memory that validating them takes."""

from typing import Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)

_shapes: dict[type[BaseModel], tuple[dict[str, Any], set[str]]] = {}
_new = object.__new__
_slots: Any = BaseModel.__dict__
_set_dict = _slots["__dict__"].__set__
_set_fields = _slots["__pydantic_fields_set__"].__set__
_set_extra = _slots["__pydantic_extra__"].__set__
_set_private = _slots["__pydantic_private__"].__set__


def trusted(model: type[M], values: dict[str, Any]) -> M:
    """Return a model with the given values and the defaults of what is left out; nothing is checked or copied.

    For data that the engine makes itself, an item at a time: validation is for what comes from outside.
    """
    try:
        template, all_fields = _shapes[model]
    except KeyError:
        template, all_fields = _shape(model)
    made = _new(model)
    _set_dict(made, template | values)
    _set_fields(made, all_fields)
    _set_extra(made, None)
    _set_private(made, None)
    return made


def _shape(model: type[BaseModel]) -> tuple[dict[str, Any], set[str]]:
    """Return a model's fields, in order, with their defaults, and the set of their names, which all instances share."""
    template = {name: None if field.is_required() else field.default for name, field in model.model_fields.items()}
    _shapes[model] = template, set(template)
    return _shapes[model]
