"""Params of an item: given as values and references, resolved against the states known so far."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, Generic, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from irenic.flow.ref import Ref, ref_input, ref_is_generated, ref_item, ref_type, ref_value
from irenic.flow.secret import public_values, secrets_in
from irenic.flow.types import element_type, is_satisfied_by, strip_annotated
from irenic.model.errors import FlowError, ParamsError

P = TypeVar("P", bound=BaseModel)


class PartialParams(Generic[P]):
    """Params of which some may not be known yet; an attribute that is not known reads as None."""

    __slots__ = ("_known", "_missing", "_model", "_whole")

    def __init__(self, model: type[P], known: dict[str, Any], missing: frozenset[str], whole: P | None = None) -> None:
        self._model = model
        self._known = known
        self._missing = missing
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        field = self._model.model_fields.get(name)
        if field is None:
            raise AttributeError(f"{self._model.__name__} has no field {name!r}")
        if name in self._missing:
            return None
        whole = self.whole()
        if whole is not None:
            return getattr(whole, name)
        if name not in self._known:
            return field.get_default(call_default_factory=True)
        with _explained(f"{self._model.__qualname__}.{name} cannot be read"):
            return _field_type(self._model, name).validate_python(self._known[name])

    @property
    def missing(self) -> frozenset[str]:
        """The names of the params that are not known yet."""
        return self._missing

    @property
    def known(self) -> Any:
        """What is known of the params: whole params, or values by name."""
        return self._known if self._whole is None else self._whole

    def whole(self) -> P | None:
        """Return the params if all are known, else None.

        :raises ParamsError: if they are known and not valid.
        """
        if self._whole is None and not self._missing:
            with _explained(f"{self._model.__qualname__} cannot be made"):
                self._whole = self._model.model_validate(self._known, by_alias=True, by_name=True)
        return self._whole


def model_of(partial: PartialParams[Any]) -> type[BaseModel]:
    """Return the model of partial params; it is no attribute of theirs, which could be a param's name."""
    model: type[BaseModel] = partial._model
    return model


_NONE_MISSING: frozenset[str] = frozenset()


class ParamsSpec(Generic[P]):
    """How an item's params are obtained: a value or a :class:`Ref` for each field, refs also inside lists and dicts.

    :raises FlowError: if a field is unknown, a required one is absent, a reference's type does not fit, or the values
        are not valid.
    """

    def __init__(self, item: str, model: type[P], given: Mapping[str, Any]) -> None:
        self.model = model
        self._check_names(item, given)
        self.given = by_field_name(model, given)
        self.refs = {name: refs for name, value in self.given.items() if (refs := list(_refs_in(value)))}
        self._check_types(item)
        self.plain: PartialParams[P] | None = None
        if not self.refs:
            try:
                whole = model.model_validate(self.given, by_alias=True, by_name=True)
            except ValidationError as error:
                raise FlowError(explain(error, f"the params of {item} are not valid")) from error
            self.plain = PartialParams(model, {}, _NONE_MISSING, whole)

    def _check_names(self, item: str, given: Mapping[str, Any]) -> None:
        fields = self.model.model_fields
        named = by_field_name(self.model, given)
        unknown = [name for name in named if name not in fields]
        if unknown:
            raise FlowError(f"{item} has no param {', '.join(unknown)}; it has: {', '.join(fields) or 'none'}.")
        absent = [name for name, field in fields.items() if field.is_required() and name not in named]
        if absent:
            raise FlowError(f"{item} needs a value for: {', '.join(absent)}.")

    def _check_types(self, item: str) -> None:
        for name, value in self.given.items():
            for wanted, ref in _places(self.model.model_fields[name].annotation, value):
                if not is_satisfied_by(wanted, ref_type(ref)):
                    raise FlowError(
                        f"{item}.{name} wants {_type_name(wanted)}, but {ref!r} is {_type_name(ref_type(ref))}: "
                        "refer to another field, or map it with a named function."
                    )

    def predecessors(self) -> list[str]:
        """Return the ids of the items that the references point at, each once."""
        items = (ref_item(ref) for refs in self.refs.values() for ref in refs)
        return list(dict.fromkeys(item for item in items if item is not None))

    def resolve(self, states: Mapping[str, Any], inputs: Any) -> PartialParams[P]:
        """Return the params as far as the given states and inputs make them known.

        :param states: state by item id; absent or None where not known.
        :param inputs: the flow's inputs model, or None.
        """
        if self.plain is not None:
            return self.plain
        known: dict[str, Any] = {}
        missing: set[str] = set()
        for name, value in self.given.items():
            if name not in self.refs:
                known[name] = value
                continue
            resolved = _resolve(value, states, inputs)
            if resolved is _MISSING or (resolved is None and not _takes_none(self.model, name)):
                missing.add(name)
            else:
                known[name] = resolved
        return PartialParams(self.model, known, frozenset(missing))

    def secret_inputs(self, params: BaseModel) -> dict[str, str]:
        """Return the names of the params that hold secrets, each with the input that it is taken from as it is."""
        sources: dict[str, str] = {}
        for name in self.refs:
            value = self.given[name]
            source = ref_input(value) if isinstance(value, Ref) else None
            if source is not None and any(True for _ in secrets_in(getattr(params, name))):
                sources[name] = source
        return sources


def stored_params(params: BaseModel) -> dict[str, Any]:
    """Return params as JSON-able data without those that are or hold a secret."""
    if _is_plain(type(params)):
        plain: dict[str, Any] = params.__pydantic_serializer__.to_python(params, mode="json")
        return plain
    return public_values(params, only_given=False)


def by_field_name(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by the names of a model's fields, where some may be given by a field's alias."""
    aliases = {field.alias: name for name, field in model.model_fields.items() if field.alias is not None}
    return {name if name in model.model_fields else aliases.get(name, name): value for name, value in values.items()}


def takes_none(model: type[BaseModel], name: str) -> bool:
    """Return whether None is a value of a model's field."""
    annotation = strip_annotated(model.model_fields[name].annotation)
    return annotation in (None, NoneType, Any) or NoneType in get_args(annotation)


def digest(value: Any) -> str:
    """Return the SHA-256 of data as canonical JSON; a secret counts by its own digest only."""
    if isinstance(value, BaseModel):
        if _is_plain(type(value)):
            return hashlib.sha256(value.__pydantic_serializer__.to_json(value)).hexdigest()
        plain: Any = value.model_dump()
    else:
        plain = value
    sha = hashlib.sha256(json.dumps(canonical(plain, repr), sort_keys=True).encode())
    for secret in secrets_in(value):
        sha.update(hashlib.sha256(secret).digest())
    return sha.hexdigest()


@lru_cache(maxsize=512)
def _is_plain(model: type[BaseModel]) -> bool:
    """Return whether a model's JSON is canonical as it is: nothing in it has an order of its own, or hides itself."""
    return all(strip_annotated(field.annotation) in _PLAIN for field in model.model_fields.values())


_PLAIN = (str, int, float, bool, str | None, int | None, float | None, bool | None, list[str], list[int])


def canonical(value: Any, fallback: Callable[[Any], Any] | None = None) -> Any:
    """Return plain data that is the same for equal values, in every process: the order of a set is none.

    :raises PydanticSerializationError: if it cannot be plain data, and there is no ``fallback``.
    """
    if isinstance(value, dict):
        return {str(key): canonical(element, fallback) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [canonical(element, fallback) for element in value]
    if isinstance(value, (set, frozenset)):
        return sorted((canonical(element, fallback) for element in value), key=repr)
    return to_jsonable_python(value, fallback=fallback)


def explain(error: ValidationError, what: str) -> str:
    """Return a validation error as one sentence for a person; the rejected values are left out."""
    problems = "; ".join(
        f"{'.'.join(str(step) for step in problem['loc']) or 'value'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    )
    return f"{what}: {problems}."


_MISSING = object()


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ParamsError(explain(error, what)) from error


@lru_cache(maxsize=512)
def _field_type(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    type_: Any = field.annotation
    return TypeAdapter(Annotated[(type_, *field.metadata)] if field.metadata else type_)


def _places(wanted: Any, value: Any) -> Iterator[tuple[Any, Ref[Any]]]:
    """Yield each reference in a param's value with the type that is wanted in its place."""
    if isinstance(value, Ref):
        yield wanted, value
    elif isinstance(value, dict):
        for element in value.values():
            yield from _places(element_type(wanted, Mapping, 1), element)
    elif isinstance(value, (list, tuple, set)):
        for number, element in enumerate(value):
            yield from _places(element_type(wanted, Iterable, number), element)


def _refs_in(value: Any) -> Iterator[Ref[Any]]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (list, tuple, set)):
        for element in value:
            yield from _refs_in(element)
    elif isinstance(value, dict):
        for element in value.values():
            yield from _refs_in(element)


def _resolve(value: Any, states: Mapping[str, Any], inputs: Any) -> Any:
    if isinstance(value, Ref):
        item = ref_item(value)
        root = inputs if item is None else states.get(item)
        if root is None:
            return _MISSING
        found = ref_value(value, root)
        return _MISSING if found is None and ref_is_generated(value) else found
    if isinstance(value, (list, tuple, set)):
        elements = [_resolve(element, states, inputs) for element in value]
        return _MISSING if any(e is _MISSING or e is None for e in elements) else type(value)(elements)
    if isinstance(value, dict):
        entries = {key: _resolve(element, states, inputs) for key, element in value.items()}
        return _MISSING if any(e is _MISSING or e is None for e in entries.values()) else entries
    return value


def _takes_none(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is None or is_satisfied_by(field.annotation, None)


def _type_name(type_: Any) -> str:
    return (
        type_.__name__
        if isinstance(type_, type) and not hasattr(type_, "__args__")
        else str(type_).replace("typing.", "")
    )
