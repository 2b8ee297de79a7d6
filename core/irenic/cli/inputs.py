"""Inputs from the command line and the environment, made into what the flow's model takes."""

import getpass
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import SecretBytes, SecretStr, TypeAdapter, ValidationError

from irenic.flow.flow import Flow
from irenic.flow.params import takes_none
from irenic.model.errors import ParamsError

ENVIRONMENT_PREFIX = "IRENIC_INPUT_"


def parse_inputs(flow: Flow, given: Sequence[str], environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return inputs by name from ``NAME=VALUE`` texts and from the environment, which counts for less.

    A value is taken as it was typed where the field takes text; else it is read as JSON where it is that. ``null`` is
    no value where the field takes None: it takes a stored one away.

    :raises ParamsError: if a text has no ``=``, or names no input of the flow.
    """
    fields = flow.inputs_model.model_fields if flow.inputs_model is not None else {}
    texts = {
        name: environment[f"{ENVIRONMENT_PREFIX}{name.upper()}"]
        for name in fields
        if f"{ENVIRONMENT_PREFIX}{name.upper()}" in environment
    }
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise ParamsError(f"--input {text} has no value: write --input {text}=VALUE.")
        if name not in fields:
            known = f"it has: {', '.join(fields)}" if fields else "it takes none"
            raise ParamsError(f"{flow.id} has no input {name!r}; {known}.")
        texts[name] = value
    model = flow.inputs_model
    return {
        name: None
        if text == "null" and model is not None and takes_none(model, name)
        else _value_of(fields[name], text)
        for name, text in texts.items()
    }


def asked_secrets(flow: Flow, known: Mapping[str, Any]) -> dict[str, str]:
    """Ask in the terminal for secret inputs that are required and not known, without echo.

    Secrets are never stored, so that they have to be given each time.
    """
    if flow.inputs_model is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return {}
    return {
        name: getpass.getpass(f"{name}: ", stream=sys.stderr)
        for name, field in flow.inputs_model.model_fields.items()
        if field.annotation in (SecretStr, SecretBytes) and field.is_required() and name not in known
    }


def _value_of(field: Any, text: str) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, field])
    try:
        adapter.validate_python(text)
    except ValidationError:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
