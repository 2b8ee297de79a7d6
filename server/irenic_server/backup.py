"""A copy of an SQLite database, made while a server works on it, and put in its place again."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from irenic.model.errors import StoreError
from irenic_server.database import Database
from irenic_server.ownership import Ownership

PAGES_AT_ONCE = 2_000
"""Pages that are copied in one step; a server writes between two."""


class BackupError(StoreError):
    """A backup that cannot be made or used; nothing was changed."""


def back_up(database: Database, target: Path) -> int:
    """Copy a database to a new file, and return its size; a server may go on with it meanwhile.

    :raises BackupError: if the copy cannot be made.
    """
    source = _file_of(database)
    if not source.is_file():
        raise BackupError(f"There is no database {source}. Name it by --database.")
    if target.exists():
        raise BackupError(f"There is a file {target} already. Nothing was changed. Choose another name.")
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(unfinished)) as copy:
            original.backup(copy, pages=PAGES_AT_ONCE)
            # One file, without a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        _check(unfinished)
        _sync(unfinished)
        unfinished.rename(target)
    except (OSError, sqlite3.Error) as error:
        unfinished.unlink(missing_ok=True)
        raise BackupError(f"The backup {target} could not be made: {error}. The database is as it was.") from None
    return target.stat().st_size


def restore(database: Database, backup: Path) -> None:
    """Put a backup where a database belongs and none is.

    :raises BackupError: if there is one, or the backup is not whole.
    """
    target = _file_of(database)
    try:
        _check(backup)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{backup} cannot be used: {error}. Nothing was changed.") from None
    ownership = Ownership(target)
    try:
        beside = [path for path in (target, *(Path(f"{target}{end}") for end in ("-wal", "-shm"))) if path.exists()]
        if beside:
            raise BackupError(
                f"There is a database {target} already. Nothing was changed. Move {', '.join(map(str, beside))} away "
                "first, or name another place by --database."
            )
        unfinished = target.with_name(f"{target.name}.unfinished")
        shutil.copyfile(backup, unfinished)
        _sync(unfinished)
        unfinished.rename(target)
    except OSError as error:
        raise BackupError(f"The backup could not be put to {target}: {error}. Nothing was changed.") from None
    finally:
        ownership.release()


def _file_of(database: Database) -> Path:
    if database.path is None:
        raise BackupError("This is for SQLite. PostgreSQL has commands of its own: pg_dump, and pg_restore.")
    return database.path


def _check(path: Path) -> None:
    with closing(sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
            raise sqlite3.DatabaseError("it is no database of irenic")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
