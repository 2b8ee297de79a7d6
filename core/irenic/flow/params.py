"""Params of an item: given as values and references, resolved against the states known so far."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from irenic.flow.ref import Ref, ref_item, ref_type, ref_value
from irenic.flow.types import is_satisfied_by
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
        if self._whole is not None:
            return getattr(self._whole, name)
        if name in self._known:
            return self._known[name]
        field = self._model.model_fields.get(name)
        if field is None:
            raise AttributeError(f"{self._model.__name__} has no field {name!r}")
        return None if name in self._missing else field.get_default(call_default_factory=True)

    @property
    def missing(self) -> frozenset[str]:
        """The names of the params that are not known yet."""
        return self._missing

    def whole(self) -> P | None:
        """Return the params if all are known, else None.

        :raises ParamsError: if they are known and not valid.
        """
        if self._whole is None and not self._missing:
            try:
                self._whole = self._model.model_validate(self._known)
            except ValidationError as error:
                raise ParamsError(explain(error, f"{self._model.__qualname__} cannot be made")) from error
        return self._whole


class ParamsSpec(Generic[P]):
    """How an item's params are obtained: a value or a :class:`Ref` for each field, refs also inside lists and dicts.

    :raises FlowError: if a field is unknown, a required one is absent, a reference's type does not fit, or the values
        are not valid.
    """

    def __init__(self, item: str, model: type[P], given: Mapping[str, Any]) -> None:
        self.model = model
        self.given = dict(given)
        self.refs = {name: list(_refs_in(value)) for name, value in given.items()}
        self._check(item)
        self._plain: PartialParams[P] | None = None
        if not any(self.refs.values()):
            try:
                self._plain = PartialParams(model, {}, frozenset(), model.model_validate(self.given))
            except ValidationError as error:
                raise FlowError(explain(error, f"the params of {item} are not valid")) from error

    def _check(self, item: str) -> None:
        fields = self.model.model_fields
        names = {field.alias or name: name for name, field in fields.items()}
        unknown = [name for name in self.given if name not in fields and name not in names]
        if unknown:
            raise FlowError(f"{item} has no param {', '.join(unknown)}; it has: {', '.join(fields) or 'none'}.")
        absent = [
            n
            for n, field in fields.items()
            if field.is_required() and n not in self.given and field.alias not in self.given
        ]
        if absent:
            raise FlowError(f"{item} needs a value for: {', '.join(absent)}.")
        for name, value in self.given.items():
            wanted = fields[names.get(name, name)].annotation
            if isinstance(value, Ref) and not is_satisfied_by(wanted, ref_type(value)):
                raise FlowError(
                    f"{item}.{name} wants {_type_name(wanted)}, but {value!r} is {_type_name(ref_type(value))}: "
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
        if self._plain is not None:
            return self._plain
        known: dict[str, Any] = {}
        missing: set[str] = set()
        for name, value in self.given.items():
            if not self.refs[name]:
                known[name] = value
                continue
            resolved = _resolve(value, states, inputs)
            if resolved is _MISSING or (resolved is None and not _takes_none(self.model, name)):
                missing.add(name)
            else:
                known[name] = resolved
        return PartialParams(self.model, known, frozenset(missing))


def params_hash(params: BaseModel) -> str:
    """Return the SHA-256 of params as canonical JSON; a secret counts by its own digest only."""
    text = json.dumps(params.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), default=str)
    digest = hashlib.sha256(text.encode())
    for value in _secrets_in(params):
        digest.update(hashlib.sha256(value).digest())
    return digest.hexdigest()


def explain(error: ValidationError, what: str) -> str:
    """Return a validation error as one sentence for a person; the rejected values are left out."""
    problems = "; ".join(
        f"{'.'.join(str(step) for step in problem['loc']) or 'value'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    )
    return f"{what}: {problems}."


_MISSING = object()


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
        return _MISSING if root is None else ref_value(value, root)
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


def _secrets_in(model: BaseModel) -> Iterator[bytes]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value().encode()
        elif isinstance(value, SecretBytes):
            yield value.get_secret_value()
        elif isinstance(value, BaseModel):
            yield from _secrets_in(value)


def _type_name(type_: Any) -> str:
    return (
        type_.__name__
        if isinstance(type_, type) and not hasattr(type_, "__args__")
        else str(type_).replace("typing.", "")
    )
