"""The fields of an inputs form: read from a JSON Schema, and checked before anything is sent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_TRUE_WORDS = ("true", "yes", "on", "1")


class Field:
    """One field of a form.

    ``kind`` is one of text, url, secret, number, integer, boolean, choice and json (anything else, written as JSON).
    A boolean that may also be null is a choice: a box that is not ticked could not tell False from null.
    """

    def __init__(self, name: str, schema: dict[str, Any], required: bool) -> None:
        self.name = name
        self.schema = schema
        self.required = required
        self.nullable = bool(schema.get("x-nullable"))
        self.label: str = schema.get("title") or name
        self.description: str = schema.get("description") or ""
        self.default = schema.get("default")
        self.choices = _choices(schema, self.nullable)
        self.kind = _kind(schema, self.choices)
        self.pointer = "/" + name.replace("~", "~0").replace("/", "~1")

    @property
    def may_be_empty(self) -> bool:
        """Whether the field may be left empty: null is its value then, or the flow has a value of its own."""
        return self.nullable or not self.required or self.default is not None

    @property
    def when_empty(self) -> str:
        """What the field says while it is empty: the value that counts then, where that is not emptiness itself."""
        if self.nullable or self.kind in ("boolean", "choice", "secret") or self.empty_is_text:
            return ""
        return self.text_of(self.default)

    @property
    def empty_is_text(self) -> bool:
        """Whether nothing at all is a value of the field: a text of no characters."""
        if self.kind != "text" or self.nullable or self.required or self.default is None:
            return False
        return self.schema.get("format") is None

    def text_of(self, value: Any) -> str:
        """Write a value as it stands in the field."""
        if value is None:
            return ""
        if self.kind == "json":
            return json.dumps(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    def value_of(self, text: str) -> Any:
        """Read the value from what stands in the field.

        :return: None where it is empty: null, or the flow's own value where null is none of the field's.
        :raises FieldError: if it cannot be a value of this field; the message says what is wanted.
        """
        given = text if self.kind == "secret" else text.strip()
        if self.kind == "boolean":
            return given.lower() in _TRUE_WORDS
        if given == "" and not self.empty_is_text:
            if not self.may_be_empty:
                raise FieldError("is needed")
            return None
        if self.kind == "integer" or self.kind == "number":
            value: Any = _number(given, self.kind == "integer")
            self._check_range(value)
            return value
        if self.kind == "choice":
            return self._choice(given)
        if self.kind == "json":
            return _loads(given)
        self._check_text(given)
        return given

    def _choice(self, given: str) -> Any:
        for choice in self.choices:
            if self.text_of(choice) == given:
                return choice
        raise FieldError("has to be one of " + ", ".join(self.text_of(choice) for choice in self.choices))

    def _check_range(self, value: float) -> None:
        least, most = self.schema.get("minimum"), self.schema.get("maximum")
        above, below = self.schema.get("exclusiveMinimum"), self.schema.get("exclusiveMaximum")
        if least is not None and value < least:
            raise FieldError(f"has to be {least} or more")
        if most is not None and value > most:
            raise FieldError(f"has to be {most} or less")
        if above is not None and value <= above:
            raise FieldError(f"has to be more than {above}")
        if below is not None and value >= below:
            raise FieldError(f"has to be less than {below}")

    def _check_text(self, value: str) -> None:
        least, most = self.schema.get("minLength"), self.schema.get("maxLength")
        if self.kind == "url" and re.match(r"^[A-Za-z][A-Za-z0-9+.\-]*://[^ /]+", value) is None:
            raise FieldError("has to be an address, such as https://example.org/file.zip")
        if least is not None and len(value) < least:
            raise FieldError(f"has to be {least} characters or more")
        if most is not None and len(value) > most:
            raise FieldError(f"has to be {most} characters or less")

    def check_pattern(self, value: Any, matches: Callable[[str, str], bool]) -> None:
        """Check a text against the schema's pattern; ``matches`` knows regular expressions as JavaScript has them.

        :raises FieldError: if it does not match.
        """
        pattern = self.schema.get("pattern")
        if pattern is not None and isinstance(value, str) and not matches(pattern, value):
            raise FieldError(f"does not look right: it has to match {pattern}")


class FieldError(Exception):
    """What stands in a field cannot be its value."""


def read(schema: dict[str, Any] | None) -> list[Field]:
    """Return the fields of an object schema, in its order."""
    if not schema:
        return []
    required = schema.get("required") or []
    return [
        Field(name, resolved(part, schema), name in required) for name, part in (schema.get("properties") or {}).items()
    ]


def resolved(part: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow references and take the null out of a union, so that a field has one plain type where it can."""
    merged = dict(part)
    if "$ref" in merged:
        merged.update(_with_defaults(resolved(_target(merged.pop("$ref"), root), root), merged))
    for word in ("anyOf", "oneOf", "allOf"):
        options = merged.get(word)
        if not options:
            continue
        plain = [option for option in options if option.get("type") != "null"]
        if len(plain) == 1:
            del merged[word]
            merged.update(_with_defaults(resolved(plain[0], root), merged))
            merged["x-nullable"] = len(plain) < len(options)
    return merged


def collect(
    fields: list[Field], texts: dict[str, str], matches: Callable[[str, str], bool]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the inputs and, by JSON pointer, what is wrong.

    What stands on screen is all that counts: a field that is left empty is null, so that no value of an earlier
    execution comes back in its place. Only secrets are left out, of which none is ever stored.

    :param matches: whether a pattern, a regular expression as JavaScript has them, is found in a text.
    """
    inputs: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field in fields:
        try:
            value = field.value_of(texts.get(field.name, ""))
            field.check_pattern(value, matches)
        except FieldError as error:
            problems[field.pointer] = f"{field.label} {error}."
            continue
        if value is not None or field.kind != "secret":
            inputs[field.name] = value
    return inputs, problems


def _with_defaults(target: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return what the target says and the part itself does not."""
    return {key: value for key, value in target.items() if key not in own}


def _target(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    found: Any = root
    for step in reference.split("/")[1:]:
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return dict(found)


def _choices(schema: dict[str, Any], nullable: bool) -> list[Any]:
    if "enum" in schema:
        return [choice for choice in schema["enum"] if choice is not None]
    if "const" in schema:
        return [schema["const"]]
    return [True, False] if nullable and schema.get("type") == "boolean" else []


def _kind(schema: dict[str, Any], choices: list[Any]) -> str:
    if choices:
        return "choice"
    type_ = schema.get("type")
    if type_ in ("integer", "number", "boolean"):
        return str(type_)
    if type_ == "string":
        if schema.get("format") == "password" or schema.get("writeOnly"):
            return "secret"
        return "url" if schema.get("format") in ("uri", "url") else "text"
    return "json"


# Errors are raised outside of the handlers because MicroPython cannot chain exceptions.


def _number(text: str, whole: bool) -> int | float:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        problem = "has to be a whole number" if whole else "has to be a number"
    raise FieldError(problem)


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        problem = "has to be JSON"
    raise FieldError(problem)
