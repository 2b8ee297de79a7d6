"""What a failure of the database means for a request: try again, make room, or send something else."""

from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from irenic_server.problems import Problem

DISK_FULL = "53100"
DEADLOCK_DETECTED = "40P01"
READ_ONLY = "25006"
"""A primary that is being replaced, or a standby."""

_FULL = ("disk is full", "No space left", "disk I/O error")
_FOR_GOOD = (
    "does not exist",
    "authentication failed",
    "no pg_hba.conf entry",
    "unable to open",
    "no password supplied",
)


def sql_state(error: DBAPIError) -> str | None:
    """Return the SQLSTATE of an error of PostgreSQL."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def is_worth_a_second_try(error: DBAPIError) -> bool:
    """Tell whether the connection was lost or another server stood in the way, so that the same may succeed at once."""
    return error.connection_invalidated or sql_state(error) == DEADLOCK_DETECTED


def is_for_good(error: Exception) -> bool:
    """Tell whether a database that cannot be reached will not be reached later either: its address is wrong."""
    return any(words in str(error) for words in _FOR_GOOD)


def problem_of(error: Exception) -> Problem | None:
    """Return the problem that a failure of the database is for a request; None for a fault of this server."""
    if isinstance(error, PoolTimeoutError):
        return _unavailable("The database is busy.")
    if not isinstance(error, DBAPIError):
        return None
    state = sql_state(error)
    if state == DISK_FULL or any(words in str(error.orig) for words in _FULL):
        return Problem(
            "storage-full",
            "The disk of the server is full. Nothing of this request was stored; what was acknowledged before is "
            "safe. Make room, then send the same request again.",
        )
    if state == READ_ONLY or "readonly database" in str(error.orig):
        return _unavailable("The database can only be read just now.")
    if isinstance(error, DataError):
        return Problem(
            "invalid-request",
            f"The database cannot hold a value of this request: {str(error.orig).splitlines()[0]}. Nothing of it was "
            "stored.",
        )
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)):
        return _unavailable("The database cannot be reached, or is held by another program.")
    return None


def _unavailable(what: str) -> Problem:
    return Problem(
        "unavailable",
        f"{what} Nothing of this request was stored. Send the same request again in a second.",
        headers={"Retry-After": "1"},
    )
