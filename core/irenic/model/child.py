"""A process that an item has started."""

from pydantic import BaseModel


class ChildProcess(BaseModel):
    """A process as it can be known again: its id alone may be another's by now.

    :param pid: its id, which is also that of its process group.
    :param started: when it started, by a clock that nobody can set.
    :param machine: the machine, since it was started, within which the id counts.
    """

    pid: int
    started: str
    machine: str
