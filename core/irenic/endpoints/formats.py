"""The formats in which an outcome is written to standard output."""

import json
import re
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from irenic.endpoints.outcome_text import CommandLine, TextLook, outcome_text
from irenic.model.outcome import CmdOutcome
from irenic.model.progress import ExecutionProgress

_OBEYED = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that JSON does not escape, and a terminal obeys or cannot show."""


class Format(StrEnum):
    """How something is written: for a person, or for a program."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    NONE = "none"

    @property
    def is_for_programs(self) -> bool:
        """Whether nothing else may stand on standard output."""
        return self in (Format.JSON, Format.YAML)


def format_outcome(
    outcome: CmdOutcome,
    format: Format,
    *,
    look: TextLook,
    progress: ExecutionProgress | None = None,
    command_line: CommandLine | None = None,
) -> str:
    """Return an outcome in a format; empty for *none*."""
    if format is Format.TEXT:
        return outcome_text(outcome, look=look, progress=progress, command_line=command_line)
    data = outcome.model_dump(mode="json")
    return format_data({"kind": data.pop("kind"), **data}, format)


def format_data(data: BaseModel | list[Any] | dict[str, Any], format: Format) -> str:
    """Return data as JSON or YAML; empty for *none*."""
    if format is Format.NONE:
        return ""
    plain = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
    if format is Format.YAML:
        import yaml  # only where it is asked for: a program without irenic[cli] may use this endpoint

        text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
        return text
    text = json.dumps(plain, ensure_ascii=False, indent=2)
    return _OBEYED.sub(lambda match: f"\\u{ord(match.group()):04x}", text) + "\n"
