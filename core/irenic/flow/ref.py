"""Typed references: another item's state, or a flow input, given in place of a param's value."""

import hashlib
import inspect
import typing
from collections.abc import Callable
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from irenic.flow.generated import generated_fields
from irenic.flow.types import strip_annotated
from irenic.model.errors import FlowError, ParamsError

T = TypeVar("T")
U = TypeVar("U")


class Ref(Generic[T]):
    """A reference that stands for a value of type ``T`` until the execution knows it.

    Attributes of the referred model are references in turn: ``archive.state.path``. ``map(fn)`` refers to what a named
    function makes of the value.
    """

    __slots__ = ("_generated", "_item", "_maps", "_path", "_type")

    def __init__(
        self,
        item: str | None,
        path: tuple[str, ...],
        type_: Any,
        maps: tuple[Callable[[Any], Any], ...] = (),
        generated: bool = False,
    ) -> None:
        self._item = item
        self._path = path
        self._type = type_
        self._maps = maps
        self._generated = generated

    def __getattr__(self, name: str) -> "Ref[Any]":
        if name.startswith("__"):
            raise AttributeError(name)
        model = _model_of(self._type)
        if model is None or self._maps:
            raise FlowError(f"{self!r} has no fields to refer to: {name!r} was asked for.")
        field = model.model_fields.get(name)
        if field is None:
            known = ", ".join(model.model_fields)
            raise FlowError(f"{self!r} has no field {name!r}; it has: {known}.")
        type_: Any = field.annotation
        if _is_optional(self._type):
            type_ = type_ | None if type_ is not None else None
        generated = self._generated or name in generated_fields(model)
        return Ref(self._item, (*self._path, name), type_, generated=generated)

    def map(self, function: "Callable[[T], U]") -> "Ref[U]":
        """Return a reference to what ``function`` makes of the value; it is called with a known value only.

        :raises FlowError: if the function has no name to be recorded by, or does not say what it returns.
        """
        if not hasattr(function, "__name__") or function.__name__ == "<lambda>":
            raise FlowError(f"map a reference with a named function, so that {self!r} can be recorded by name.")
        try:
            returns = typing.get_type_hints(function).get("return", Any)
        except NameError as error:
            raise FlowError(f"the return type of {function.__name__} cannot be read: {error}.") from error
        return Ref(self._item, self._path, returns, (*self._maps, function), self._generated)

    def __repr__(self) -> str:
        root = "inputs" if self._item is None else f"{self._item}.state"
        mapped = "".join(f".map({function.__name__})" for function in self._maps)
        return ".".join([root, *self._path]) + mapped


def ref_item(ref: Ref[Any]) -> str | None:
    """Return the id of the item that a reference points at; None for the flow's inputs."""
    return ref._item


def ref_type(ref: Ref[Any]) -> Any:
    """Return the type of the value that a reference stands for."""
    return ref._type


def ref_is_generated(ref: Ref[Any]) -> bool:
    """Return whether a reference leads through a generated field, so that None means that it is not known."""
    return ref._generated


def ref_input(ref: Ref[Any]) -> str | None:
    """Return the name of the input that a reference stands for as it is; None where it stands for anything else."""
    return ref._path[0] if ref._item is None and len(ref._path) == 1 and not ref._maps else None


def ref_value(ref: Ref[Any], root: Any) -> Any:
    """Return the value of a reference, starting from the state (or the inputs) that it points at.

    :param root: the state of the referred item, or the flow's inputs; None where it is not known.
    :return: the value, or None where any step on the way is None.
    """
    value = root
    for name in ref._path:
        if value is None:
            return None
        value = getattr(value, name)
    for function in ref._maps:
        if value is None:
            return None
        try:
            value = function(value)
        except Exception as error:
            raise ParamsError(f"{function.__name__}, which {ref!r} is mapped by, failed: {_text_of(error)}") from error
    return value


def _text_of(error: Exception) -> str:
    name = type(error).__name__
    if isinstance(error, ValidationError):  # without the values that were rejected
        return f"{name} of {error.title}"
    return f"{name}: {error}"


def ref_fingerprint(ref: Ref[Any]) -> str:
    """Return a text that changes when the reference, or the source of a mapping function, does."""
    sources = []
    for function in ref._maps:
        try:
            sources.append(inspect.getsource(function))
        except (OSError, TypeError):
            sources.append(function.__qualname__)
    return hashlib.sha256("\0".join([repr(ref), *sources]).encode()).hexdigest()


def _model_of(type_: Any) -> type[BaseModel] | None:
    type_ = strip_annotated(type_)
    if isinstance(type_, type) and issubclass(type_, BaseModel):
        return type_
    if get_origin(type_) in (Union, UnionType):
        models = [m for m in map(_model_of, get_args(type_)) if m is not None]
        return models[0] if len(models) == 1 else None
    return None


def _is_optional(type_: Any) -> bool:
    type_ = strip_annotated(type_)
    return get_origin(type_) in (Union, UnionType) and type(None) in get_args(type_)
