"""Words that stand in events: enumerations of text."""

from enum import StrEnum
from operator import attrgetter


class Word(StrEnum):
    """A text out of a few."""


# Pydantic asks each one that it writes for its value, which an enumeration looks up by two calls of Python code.
type.__setattr__(Word, "value", property(attrgetter("_value_")))
