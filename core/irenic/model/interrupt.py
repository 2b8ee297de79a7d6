"""Interrupts: how hard to stop, who asked, and what the reply is."""

from enum import IntEnum, StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from irenic.model.errors import ParamsError
from irenic.model.timestamps import Timestamp, timestamp


class InterruptLevel(IntEnum):
    """How hard an execution is told to stop; a higher level includes the lower ones."""

    FINISH = 1
    CANCEL = 2
    ABANDON = 3

    @property
    def word(self) -> str:
        """The level as it is written in JSON and on screen."""
        return self.name.lower()

    @property
    def next(self) -> "InterruptLevel":
        """The level that a further request raises this one to."""
        return InterruptLevel(min(self + 1, InterruptLevel.ABANDON))


def _level(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return InterruptLevel[value.upper()]
        except KeyError:
            raise ValueError(f"{value!r} is not an interrupt level: use finish, cancel or abandon") from None
    return value


Level = Annotated[
    InterruptLevel,
    BeforeValidator(_level, json_schema_input_type=Literal["finish", "cancel", "abandon"]),
    PlainSerializer(lambda level: level.word, return_type=Literal["finish", "cancel", "abandon"]),
]


class InterruptReply(StrEnum):
    """What the sender of an interrupt is told."""

    REQUESTED = "requested"
    NOTHING_TO_INTERRUPT = "nothing_to_interrupt"

    @property
    def text(self) -> str:
        """The reply as a sentence for a person."""
        return "interruption request received" if self is InterruptReply.REQUESTED else "nothing to interrupt"


class InterruptSignal(BaseModel):
    """One request to stop.

    ``level`` is None where the sender leaves it to the strategy, or, at a second request, asks for the next level.
    """

    model_config = ConfigDict(frozen=True)

    source: str = Field("user", min_length=1, max_length=64)
    reason: str | None = Field(None, max_length=2000)
    level: Level | None = None
    at: Timestamp = Field(default_factory=timestamp)


class InterruptRecord(BaseModel):
    """The interrupt as an outcome tells it."""

    source: str
    reason: str | None
    level: Level
    requested_at: Timestamp
    settled_at: Timestamp | None = None


class InterruptStrategy(BaseModel):
    """What a first interrupt without a level of its own does.

    ``ignore`` goes on as if nothing had been asked (only *abandon* is honoured), ``finish_current`` starts nothing new,
    ``poll_next_n`` lets ``n`` more starts of blocks and items through first, ``cancel_current`` cancels what runs.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["ignore", "finish_current", "poll_next_n", "cancel_current"] = "finish_current"
    n: int = Field(0, ge=0)

    Ignore: ClassVar["InterruptStrategy"]
    FinishCurrent: ClassVar["InterruptStrategy"]
    CancelCurrent: ClassVar["InterruptStrategy"]

    def heeds(self, level: InterruptLevel) -> bool:
        """Return whether a stop at this level is in force under the strategy."""
        return self.kind != "ignore" or level is InterruptLevel.ABANDON

    def starts_nothing_at(self, level: InterruptLevel) -> bool:
        """Return whether nothing new starts once a stop at this level was asked for."""
        return self.heeds(level) and (self.kind != "poll_next_n" or level is not InterruptLevel.FINISH)

    @classmethod
    def PollNextN(cls, n: int) -> "InterruptStrategy":  # noqa: N802 - named like its siblings, which are values
        """Return the strategy that lets ``n`` more starts through."""
        return cls(kind="poll_next_n", n=n)

    @classmethod
    def parse(cls, text: "str | InterruptStrategy") -> "InterruptStrategy":
        """Return the strategy that a word names: ignore, finish, cancel, poll_next_n:3 (or the long names).

        :raises ParamsError: if the word names none.
        """
        if isinstance(text, InterruptStrategy):
            return text
        word, _, number = text.strip().lower().replace("-", "_").partition(":")
        match word:
            case "ignore":
                return cls.Ignore
            case "finish" | "finish_current":
                return cls.FinishCurrent
            case "cancel" | "cancel_current":
                return cls.CancelCurrent
            case "poll_next_n" if number.isdecimal():
                return cls.PollNextN(int(number))
        raise ParamsError(f"{text!r} is not an interrupt strategy: use finish, cancel, ignore or poll_next_n:N.")


InterruptStrategy.Ignore = InterruptStrategy(kind="ignore")
InterruptStrategy.FinishCurrent = InterruptStrategy(kind="finish_current")
InterruptStrategy.CancelCurrent = InterruptStrategy(kind="cancel_current")
