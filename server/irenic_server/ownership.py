"""One server for one SQLite file: two would not hear of what the other stores."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from irenic.model.errors import StoreError


class DatabaseInUseError(StoreError):
    """A database that another server works on."""


class Ownership:
    """Holds a database for this process; the system lets go of it when the process ends, however it ends.

    :param database: the file.
    :raises DatabaseInUseError: if another server has it.
    """

    def __init__(self, database: Path) -> None:
        self._path = Path(f"{database.resolve()}.lock")
        try:
            self._file: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DatabaseInUseError(
                f"The database {database} cannot be used: {error.strerror}: {self._path}. Nothing was changed."
            ) from None
        if not _lock(self._file):
            other = self._read()
            self.release()
            where = f" at {other['address']} (process {other['pid']})" if other else ""
            raise DatabaseInUseError(
                f"A server works on {database} already{where}. Nothing was changed. Open that one, stop it "
                "first, or give this one another file by --database."
            )

    def announce(self, address: str) -> None:
        """Note where this server is, for whoever tries to start another one."""
        assert self._file is not None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"address": address, "pid": os.getpid()}).encode(), 0)

    def release(self) -> None:
        """Let go of the database."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read(self) -> dict[str, Any]:
        assert self._file is not None
        try:
            value = json.loads(os.pread(self._file, 4096, 0))
        except ValueError:
            # It is just starting.
            return {}
        return value if isinstance(value, dict) and {"address", "pid"} <= value.keys() else {}


def _lock(file: int) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
