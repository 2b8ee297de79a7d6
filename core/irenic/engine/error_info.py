"""An error as data: what it says, where in the user's own code it came from, and what caused it."""

import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from irenic.flow.params import explain
from irenic.model.outcome import ErrorFrame, ErrorInfo
from irenic.model.text import writable

MOST_CAUSES = 8
MOST_FRAMES = 8
MOST_MEMBERS = 16
LONGEST_LINE = 200
LONGEST_TRACEBACK = 16_000
"""Characters of a whole traceback; of a longer one its end is kept, where the error is."""

_REJECTED = re.compile(r" \[type=\w+, input_value=")

_PACKAGE = str(Path(__file__).resolve().parents[1])
_PYTHON = str(Path(traceback.__file__).parent)


def describe_error(error: BaseException, phase: str) -> ErrorInfo:
    """Return an error as data.

    :param phase: which function of the item it came from.
    """
    causes: list[str] = []
    cause = _cause_of(error)
    while cause is not None and len(causes) < MOST_CAUSES:
        causes.append(_headline(cause))
        cause = cause.__cause__ or cause.__context__
    members = error.exceptions[:MOST_MEMBERS] if isinstance(error, BaseExceptionGroup) else ()
    return ErrorInfo(
        type=type(error).__name__,
        message=writable(_text_of(error) or repr(error)),
        phase=phase,
        causes=causes,
        frames=list(own_frames(error))[-MOST_FRAMES:],
        members=[describe_error(member, phase) for member in members],
        traceback=_whole(error),
    )


def own_frames(error: BaseException) -> Iterator[ErrorFrame]:
    """Yield where in the user's own code an error, or what caused it, passed through; the innermost comes last."""
    cause = _cause_of(error)
    frames = traceback.extract_tb(error.__traceback__)
    if not any(_is_own(frame.filename) for frame in frames) and cause is not None:
        yield from own_frames(cause)
        return
    for frame in frames:
        if _is_own(frame.filename):
            source = (frame.line or "").strip()[:LONGEST_LINE]
            yield ErrorFrame(
                file=writable(frame.filename), line=frame.lineno or 0, function=frame.name, source=writable(source)
            )


def _cause_of(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its members, and what caused each."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()


def _headline(error: BaseException) -> str:
    return writable(f"{type(error).__name__}: {_text_of(error)}")


def _text_of(error: BaseException) -> str:
    """Return what an error says; a validation error without the values that were rejected, which may be secret."""
    if isinstance(error, ValidationError):
        return explain(error, f"{error.title} is not valid")
    return str(error)


def _is_own(filename: str) -> bool:
    """Return whether a file is neither irenic's nor Python's, nor an installed package's."""
    if filename.startswith("<"):
        return False
    return not filename.startswith((_PACKAGE, _PYTHON)) and "site-packages" not in filename


def _whole(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    for rejected in _chain(error):
        if isinstance(rejected, ValidationError):
            for line in filter(_REJECTED.search, str(rejected).splitlines()):  # a group indents each line
                text = text.replace(line.strip(), _REJECTED.split(line)[0].strip())
    text = writable(text)
    return text if len(text) <= LONGEST_TRACEBACK else f"…{text[-LONGEST_TRACEBACK:]}"
