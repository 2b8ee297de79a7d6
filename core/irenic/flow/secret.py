"""Secrets among inputs and params: they stay in the process that was given them."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, Secret, SecretBytes, SecretStr


def public_values(inputs: BaseModel | None, *, only_given: bool = True) -> dict[str, Any]:
    """Return the inputs that were given, or all, as JSON-able data, without those that are or hold a secret."""
    if inputs is None:
        return {}
    secret = {name for name in type(inputs).model_fields if any(True for _ in secrets_in(getattr(inputs, name)))}
    return inputs.model_dump(mode="json", by_alias=False, exclude_unset=only_given, exclude=secret)


def secrets_in(value: Any) -> Iterator[bytes]:
    """Yield the secrets in a value, also those inside models, lists and dicts."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value().encode()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value()
    elif isinstance(value, Secret):
        yield repr(value.get_secret_value()).encode()
    else:
        for part in _parts(value):
            yield from secrets_in(part)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, BaseModel):
        return (getattr(value, name) for name in type(value).model_fields)
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()
