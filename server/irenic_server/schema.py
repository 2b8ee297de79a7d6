"""The schema of the database: made, upgraded after a backup, or refused when it is newer than this server."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from irenic.model.errors import StoreError
from irenic_server.clock import as_text, now_ms
from irenic_server.database import Database

HEAD = "0005"
"""The newest revision in ``migrations/versions``; a test holds the two together."""

# Any number, the same in every version: servers that start together upgrade one after the other.
_UPGRADE_LOCK = 4_771_202

_log = logging.getLogger("irenic.server")


class SchemaError(StoreError):
    """A database whose schema this server cannot use; nothing in it was changed."""


def prepare_schema(database: Database) -> Path | None:
    """Bring the database to the newest schema.

    :return: where the backup was put, if an older SQLite database was upgraded.
    :raises SchemaError: if the schema is newer than this server, or is not irenic's.
    """
    with database.writer.begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        found = _revision(connection)
        if found == HEAD:
            return None
        known = _known_revisions()
        if found is not None and found not in known:
            raise SchemaError(
                f"The database has schema {found}, and this server knows schemas up to {HEAD}: it was written by a "
                "newer irenic. Nothing was changed. Start that version again, or give this one another database."
            )
        if found is None and _has_tables(connection):
            raise SchemaError(
                "The database holds tables that irenic did not make. Nothing was changed. Give the server a database "
                "of its own."
            )
        backup = _backup(database.path, found) if found is not None and database.path is not None else None
        _upgrade(connection)
    if found is not None:
        _log.info("schema upgraded", extra={"from": found, "to": HEAD, "backup": str(backup) if backup else None})
    return backup


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _has_tables(connection: Connection) -> bool:
    return bool(inspect(connection).get_table_names())


def _backup(path: Path, revision: str) -> Path:
    stamp = as_text(now_ms()).translate(str.maketrans("", "", "-:."))
    target = path.with_name(f"{path.name}.{revision}.{stamp}.backup")
    # A connection of its own: it sees what was committed last, whatever the upgrade is about to do.
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def _known_revisions() -> set[str]:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    return {revision.revision for revision in script.walk_revisions()}


def _upgrade(connection: Connection) -> None:
    # Alembic takes 0.2 s to import, and most starts need nothing of it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
