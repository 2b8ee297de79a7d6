"""The small tree of errors; every message says what happened, what is safe and what to do next."""


class IrenicError(Exception):
    """Base of every error that irenic raises on purpose."""


def os_error_text(error: OSError) -> str:
    """Return what the system refuses, and of which file: ``notes.txt: Permission denied``."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


class InvalidIdError(IrenicError):
    """A text that is not a valid id, or not a valid profile name."""


class FlowError(IrenicError):
    """A flow that cannot be built: a cycle, a clash of ids, a Ref whose type does not fit."""


class ParamsError(IrenicError):
    """Params or inputs that cannot be used as they are."""


class StatesNotDiscoveredError(IrenicError):
    """A command that reads stored states found none."""


class StateShapeError(IrenicError):
    """A stored state that does not fit the State of its item, and that the item cannot bring up to date."""


class PlanError(IrenicError):
    """A plan that cannot be read, or that was made for something else."""


class HeldError(IrenicError):
    """Another execution holds the flow's profile.

    :param holder: who holds it, in words for a person.
    :param execution_id: the execution on whose behalf it is held.
    """

    def __init__(self, message: str, *, holder: str, execution_id: str | None) -> None:
        super().__init__(message)
        self.holder = holder
        self.execution_id = execution_id


class StillRunningError(IrenicError):
    """What an earlier execution has abandoned still runs in this process.

    :param items: the items that it is about.
    """

    def __init__(self, message: str, items: list[str]) -> None:
        super().__init__(message)
        self.items = items


class StoreError(IrenicError):
    """A store that could not read or keep what it was given; nothing acknowledged before is affected."""


class CorruptStoreError(StoreError):
    """Stored data that fails its checks; the message names the place."""


class FencedError(StoreError):
    """A write refused because another execution has taken over since."""


class ItemFailure(IrenicError):
    """Raised by an item for an error that its user can understand and fix without a traceback."""
