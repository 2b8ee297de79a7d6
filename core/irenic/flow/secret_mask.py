"""Masks secrets by their values, wherever text or data leaves the process."""

import base64
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

from irenic.flow.params import PartialParams
from irenic.model.text import with_texts

T = TypeVar("T")

MASK = "**********"
"""What a secret is replaced by; the same that pydantic writes for one."""

SHORTEST = 4
"""Characters of the shortest text that is masked: shorter ones are parts of too much else."""

SHORTEST_LINE = 8
"""Characters of the shortest line of a secret of several lines that is masked by itself."""


class SecretMask:
    """Replaces the secrets that it has learned of in texts and data.

    A secret is recognised as it is, escaped as Python and JSON do, quoted for a URL, and in base64.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def learn(self, *values: Any) -> None:
        """Learn of the secrets in values, also in those inside models, lists and dicts."""
        for value in values:
            for text in _secret_texts(value):
                self.learn_text(text)

    def learn_text(self, text: str) -> None:
        """Learn that a text is a secret."""
        if text in self._known or len(text) < SHORTEST:
            return
        self._known.add(text)
        self._forms.update(form for form in _forms(text) if len(form) >= SHORTEST)
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def text(self, text: str) -> str:
        """Return a text without the secrets in it."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def data(self, value: T) -> T:
        """Return data, or a model, without the secrets in its texts; what holds none is the same object."""
        return value if self._pattern is None else with_texts(value, self.text)


class RecentSecrets:
    """Masks the secrets of the last few masks that it was given: of what runs in a process that goes on for long."""

    def __init__(self, most: int = 64) -> None:
        self._masks: deque[SecretMask] = deque(maxlen=most)

    def add(self, mask: SecretMask) -> None:
        """Mask what a mask does, also what it learns of later."""
        self._masks.append(mask)

    def text(self, text: str) -> str:
        """Return a text without the secrets in it."""
        for mask in tuple(self._masks):
            text = mask.text(text)
        return text


class MaskedStream:
    """A stream that passes text on without secrets; in all else it is the stream that it stands for."""

    def __init__(self, stream: Any, secrets: SecretMask | RecentSecrets) -> None:
        self._stream = stream
        self._secrets = secrets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text without the secrets in it."""
        self._stream.write(self._secrets.text(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts without the secrets in them."""
        for line in lines:
            self.write(line)


def _forms(text: str) -> Iterator[str]:
    """Yield how a secret may be written."""
    yield text
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    as_bytes = text.encode("utf-8", "surrogatepass")
    yield quote(as_bytes)
    yield quote(as_bytes, safe="")
    yield quote_plus(as_bytes)
    yield base64.b64encode(as_bytes).decode()
    yield base64.urlsafe_b64encode(as_bytes).decode()
    lines = text.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= SHORTEST_LINE)


def _secret_texts(value: Any) -> Iterator[str]:
    if isinstance(value, (Secret, SecretStr, SecretBytes)):
        yield from _texts(value.get_secret_value())
    elif isinstance(value, PartialParams):
        yield from _secret_texts(value.known)
    elif isinstance(value, BaseModel):
        if may_hold_secrets(type(value)):
            for field in value.__dict__.values():
                yield from _secret_texts(field)
    elif isinstance(value, dict):
        for element in value.values():
            yield from _secret_texts(element)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for element in value:
            yield from _secret_texts(element)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in the value of a secret."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "backslashreplace")
        yield repr(value)[2:-1]
        yield base64.b64encode(value).decode() if len(value) >= SHORTEST else ""
    elif isinstance(value, (list, tuple, set, frozenset)):
        for element in value:
            yield from _texts(element)
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, BaseModel):
        yield from _texts(list(value.__dict__.values()))
    elif value is not None and not isinstance(value, bool):
        yield str(to_jsonable_python(value, fallback=str))


@lru_cache(maxsize=512)
def may_hold_secrets(type_: type) -> bool:
    """Return whether a class is a model that has a field for a secret, or one that takes anything."""
    return issubclass(type_, BaseModel) and holds_secrets(type_)


def holds_secrets(type_: Any) -> bool:
    """Return whether a value of a type may be, or hold, a secret."""
    return _may_hold(type_, set())


def _may_hold(type_: Any, seen: set[Any]) -> bool:
    origin = get_origin(type_)
    if type_ in (Any, object, BaseModel) or isinstance(type_, TypeVar):
        return True
    if _is_class_of(type_, BaseModel):
        if type_ in seen:
            return False
        seen.add(type_)
        return any(_may_hold(field.annotation, seen) for field in type_.model_fields.values())
    if _is_class_of(type_, (SecretStr, SecretBytes, Secret)) or _is_class_of(origin, Secret):
        return True
    return any(_may_hold(argument, seen) for argument in get_args(type_))


def _is_class_of(type_: Any, bases: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, bases)
