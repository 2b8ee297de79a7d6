"""Upkeep: schemas, backups, retention, tokens, and executions taken elsewhere."""

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from tests.server.conftest import Starter
from tests.server.harness import Execution, RunningServer, problem_name, running_server
from tests.server.test_telemetry import span, traces

from irenic.stores.file_import import Imported
from irenic_server import schema, upkeep
from irenic_server.database import Database, UnsupportedDatabaseError, database_url
from irenic_server.retention import delete_executions, delete_telemetry, give_room_back
from irenic_server.schema import HEAD, SchemaError, prepare_schema
from irenic_server.tables import metadata
from irenic_server.tokens import Scope, TokenError, create_token, list_tokens, revoke_token
from irenic_server.transaction import Transaction
from irenic_server.transfer import TransferError, export_executions, import_executions

MIGRATIONS = Path(schema.__file__).parent / "migrations"


@pytest.fixture
def opened(database: str) -> Iterator[Database]:
    """A database of each kind, with the newest schema."""
    made = Database(database)
    prepare_schema(made)
    yield made
    made.close()


def test_the_head_is_the_newest_migration() -> None:
    """Most starts look only at this constant."""
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_the_migrations_make_the_tables_that_the_code_uses(opened: Database) -> None:
    """Nothing is missing, nothing is left over."""
    with opened.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def _downgrade(database: Database) -> None:
    """Bring a database to the schema of the first release."""
    with database.writer.begin() as connection:
        for table in ("telemetry", "idempotency_keys", "pauses"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("ALTER TABLE execution_details DROP COLUMN request"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))


def test_an_older_schema_is_upgraded_and_keeps_what_it_holds(database: str) -> None:
    """When the server starts, without being asked."""
    with running_server(database) as server, server.client() as client:
        execution = Execution(client)
        execution.create()
        execution.append(execution.event(0))
    old = Database(database)
    _downgrade(old)
    old.close()
    with running_server(database) as server, server.client() as client:
        execution.client = client
        assert execution.events()["events"] == [execution.event(0)]
        assert client.post("/v1/traces", json=traces(span("archive"))).status_code == 200


def test_an_upgrade_of_sqlite_makes_a_backup_before(tmp_path: Path) -> None:
    """With all that was committed, also what is still in the write-ahead log."""
    database = Database(str(tmp_path / "db"))
    assert prepare_schema(database) is None
    _downgrade(database)
    with database.writer.begin() as connection:
        connection.execute(text("UPDATE counters SET value = 7"))
    backup = prepare_schema(database)
    database.close()
    assert backup is not None
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert copy.execute("SELECT value FROM counters").fetchone() == (7,)
    assert list(tmp_path.glob("*.backup")) == [backup]


def test_a_newer_schema_is_refused(opened: Database) -> None:
    """And left as it is."""
    with opened.writer.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="schema 9999"):
        prepare_schema(opened)


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    """Its tables are not touched."""
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute("CREATE TABLE events (x)")
    database = Database(str(tmp_path / "db"))
    with pytest.raises(SchemaError, match="irenic did not make"):
        prepare_schema(database)
    database.close()


def test_addresses_of_databases() -> None:
    """A path is SQLite; PostgreSQL is spoken to by psycopg."""
    assert database_url("x.db").database == str(Path("x.db").absolute())
    assert database_url("sqlite:///x.db").database == str(Path("x.db").absolute())
    assert database_url("postgres://a@b/c").drivername == "postgresql+psycopg"
    for unsupported in ("mysql://a/b", "://", "sqlite://", "postgresql+asyncpg://a/b"):
        with pytest.raises(UnsupportedDatabaseError):
            database_url(unsupported)


def _ended(client: Execution) -> None:
    client.create(flow_info={"id": client.flow, "items": [], "edges": []})
    client.append(client.event(0), client.intent(1, "archive"))
    client.client.post("/v1/traces", json=traces(span("archive", client.id)))
    client.end()


def test_a_long_journal_is_deleted_in_steps_and_its_room_given_back(sqlite_address: str) -> None:
    """Each step lets others write; in the end the file is as small as before."""
    with running_server(sqlite_address) as server, server.client() as client:
        old = Execution(client)
        old.create()
        for first in range(0, 12_000, 4_000):
            old.append(*[old.event(first + offset, text="x" * 500) for offset in range(4_000)])
        old.end()
    opened = Database(sqlite_address)
    steps = 0
    sizes = []
    while True:
        with opened.writer.begin() as connection:
            before = connection.execute(text("SELECT count(*) FROM events")).scalar_one()
            if delete_executions(Transaction(connection, True), 2**52, []) == 0:
                break
            left = connection.execute(text("SELECT count(*) FROM events")).scalar_one()
            assert before - left <= 5_000
            steps += 1
    assert steps == 3
    while True:
        with opened.writer.begin() as connection:
            sizes.append(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
            if give_room_back(Transaction(connection, True)) == 0:
                break
    opened.close()
    assert sizes[-1] < sizes[0] / 10


def test_what_is_too_old_is_deleted(database: str) -> None:
    """With its journal and telemetry; what runs, is pinned, or is stored as state, stays."""
    with running_server(database) as server, server.client() as client:
        old, pinned, running = (Execution(client) for _ in range(3))
        _ended(old)
        _ended(pinned)
        running.create()
        states = old.states()
    opened = Database(database)
    with opened.writer.begin() as connection:
        transaction = Transaction(connection, opened.is_sqlite)
        future = 2**52
        assert delete_executions(transaction, 0, []) == 0
        assert delete_executions(transaction, future, [f"{pinned.flow}/dev"]) == 1
        assert delete_executions(transaction, future, [f"{pinned.flow}/dev"]) == 0
        left = connection.execute(text("SELECT count(*) FROM telemetry")).scalar_one()
        assert delete_telemetry(transaction, future) == left == 1
        give_room_back(transaction)
        for table, expected in [("events", 2), ("execution_details", 2), ("flow_infos", 1)]:
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == expected
    opened.close()
    with running_server(database) as server, server.client() as client:
        for execution, status in [(old, 404), (pinned, 200), (running, 200)]:
            execution.client = client
            assert client.get(execution.path).status_code == status
        assert old.states() == states


def test_the_server_deletes_by_itself(start_server: Starter) -> None:
    """When it was told how long to keep."""
    server = start_server(keep_ms=1, retention_interval=0.05)
    with server.client() as client:
        execution = Execution(client)
        _ended(execution)
        while client.get(execution.path).status_code != 404:
            pass


def test_named_tokens_are_made_listed_and_revoked(opened: Database) -> None:
    """The secret is shown once, and not stored."""
    token = create_token(opened, "ci", [Scope.READ, Scope.WRITE], storage_limit=1000)
    assert token.startswith("irn_")
    (row,) = list_tokens(opened)
    assert (row.name, row.scopes, row.storage_limit, row.stored) == ("ci", (Scope.READ, Scope.WRITE), 1000, 0)
    with opened.reader.connect() as connection:
        assert token not in str(connection.execute(text("SELECT * FROM tokens")).all())
    with pytest.raises(TokenError, match="already"):
        create_token(opened, "ci", [Scope.READ])
    for name in ("", "a\nb", "a" * 65):
        with pytest.raises(TokenError, match="not a name"):
            create_token(opened, name, [Scope.READ])
    revoke_token(opened, "ci")
    assert list_tokens(opened) == []
    with pytest.raises(TokenError, match="no token named"):
        revoke_token(opened, "ci")


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.READ, {"read"}),
        (Scope.WRITE, {"write"}),
        (Scope.INTERRUPT, {"interrupt"}),
        (Scope.RUN, {"run"}),
    ],
)
def test_a_token_allows_what_its_scopes_say(server: RunningServer, scope: Scope, allowed: set[str]) -> None:
    """And nothing else."""
    token = create_token(server.app.services.database, f"only {scope} {id(server)}", [scope])
    with server.client(token) as client:
        execution = Execution(client)
        answers = {
            "read": client.get("/api/v1/executions"),
            "write": execution.create(),
            "interrupt": client.post(f"{execution.path}/interrupt"),
            "run": client.post("/api/v1/executions", json={}),
        }
        assert {name for name, answer in answers.items() if answer.status_code != 403} == allowed
        assert all(problem_name(answer) == "forbidden" for answer in answers.values() if answer.status_code == 403)
    revoke_token(server.app.services.database, f"only {scope} {id(server)}")


def test_a_revoked_token_is_refused_soon(server: RunningServer) -> None:
    """Servers look for changes once a second."""
    database = server.app.services.database
    token = create_token(database, "short", [Scope.READ])
    with server.client(token) as client:
        assert client.get("/api/v1/executions").status_code == 200
        revoke_token(database, "short")
        while client.get("/api/v1/executions").status_code != 401:
            pass


def test_a_token_may_store_so_much(server: RunningServer) -> None:
    """Beyond its limit it gets 507; what it stored before stays."""
    database = server.app.services.database
    token = create_token(database, "small", list(Scope), storage_limit=1000)
    with server.client(token) as client:
        execution = Execution(client)
        execution.create()
        statuses = [execution.append(execution.event(seq, text="x" * 300)).status_code for seq in range(5)]
        assert statuses == [200, 200, 507, 507, 507]
        refused = execution.append(execution.event(2, text="x" * 300))
        assert (problem_name(refused), refused.json()["limit"]) == ("storage-full", 1000)
        assert len(execution.events()["events"]) == 2
    row = next(row for row in list_tokens(database) if row.name == "small")
    assert 400 < row.stored <= 1000
    revoke_token(database, "small")


def test_executions_are_taken_to_another_database(database: str, tmp_path: Path) -> None:
    """Lines of JSON hold all of them; taking them in twice changes nothing."""
    with running_server(database) as server, server.client() as client:
        execution, running = Execution(client), Execution(client)
        execution.create(inputs={"a": 1}, flow_info={"id": "x", "items": [], "edges": []})
        execution.append(execution.started(["archive"]))
        execution.append(*[execution.event(seq) for seq in range(1, 1500)])
        execution.append(execution.intent(1500, "archive"), execution.result(1501, "archive"))
        execution.end()
        running.create()
        record, states, outcome = execution.record(), execution.states(), execution.outcome()
    source = Database(database)
    lines = list(export_executions(source))
    assert list(export_executions(source, execution_id=running.id)) == lines[-1:]
    assert list(export_executions(source, flow=execution.flow, profile="dev")) == lines[:-1]
    assert list(export_executions(source, profile="prod")) == []
    source.close()

    target = Database(str(tmp_path / "target"))
    assert import_executions(target, lines) == Imported(executions=2, known=0, events=1502)
    assert import_executions(target, ["", *lines, "\n"]) == Imported(executions=0, known=2, events=1502)
    target.close()
    with running_server(str(tmp_path / "target")) as server, server.client() as client:
        execution.client = client
        assert execution.record() | {"created_at": record["created_at"]} == record
        assert execution.events(limit=10_000)["events"][-1] == execution.result(1501, "archive")
        assert client.get(f"{execution.path}/outcome").json() == outcome
        assert execution.states()["items"] == states["items"]


def test_an_import_does_not_change_states_that_are_there(tmp_path: Path) -> None:
    """They are newer than the journals that are taken in."""
    address = str(tmp_path / "db")
    with running_server(address) as server, server.client() as client:
        old = Execution(client)
        old.create()
        old.append(old.intent(0, "archive"))
    database = Database(address)
    lines = list(export_executions(database))
    with database.writer.begin() as connection:
        for table in ("events", "execution_details", "executions"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text('UPDATE item_states SET body = \'{"current": {"newer": true}}\''))
    assert import_executions(database, lines).executions == 1
    database.close()
    with running_server(address) as server, server.client() as client:
        old.client = client
        assert old.states()["items"]["archive"]["current"] == {"newer": True}


@pytest.mark.parametrize("line", ["{", "[]", '{"event": {}}', '{"execution": {"flow": "f"}}', '{"outcome": {}}'])
def test_a_line_that_cannot_be_taken_in_is_named(tmp_path: Path, line: str) -> None:
    """So that a person finds it."""
    database = Database(str(tmp_path / "db"))
    with pytest.raises(TransferError, match="Line 2 cannot be taken in"):
        import_executions(database, ["", line])
    database.close()


def test_the_command_makes_tokens_and_takes_executions_along(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On any database, whether a server runs on it or not."""
    at = ["--database", str(tmp_path / "db")]
    assert upkeep.main([*at, "create-token", "ci", "--scope", "read", "--scope", "write"]) == 0
    token = capsys.readouterr().out.strip()
    assert upkeep.main([*at, "list-tokens"]) == 0
    assert capsys.readouterr().out.startswith("ci\tread write\t")
    with running_server(str(tmp_path / "db")) as server, server.client(token) as client:
        execution = Execution(client)
        execution.create()
        execution.append(execution.event(0))
    assert upkeep.main([*at, "export", "--flow", execution.flow]) == 0
    lines = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    other = ["--database", str(tmp_path / "other")]
    assert upkeep.main([*other, "import"]) == 0
    assert upkeep.main([*other, "export"]) == 0
    assert [json.loads(line).keys() for line in capsys.readouterr().out.splitlines()] == [{"execution"}, {"event"}]
    assert upkeep.main([*at, "revoke-token", "ci"]) == 0
    assert upkeep.main([*at, "revoke-token", "ci"]) == 4
    assert "no token named" in capsys.readouterr().err
