"""A backup that is made while the server works, and a server that starts on it."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from tests.server.harness import TOKEN, Execution, running_server
from tests.server.test_process import server_process

from irenic.cli.app import run as irenic


def test_a_backup_of_a_server_at_work_is_whole(tmp_path: Path) -> None:
    """Whatever was acknowledged before it began is in it: journals, states, inputs, tokens."""
    database, copy, restored = tmp_path / "db", tmp_path / "copy", tmp_path / "restored"
    with server_process(database, "--token", TOKEN) as server, server.client() as client:
        execution = Execution(client)
        execution.create(inputs={"a": 1})
        client.put(f"{execution.profile_path}/inputs", json={"inputs": {"b": 2}})
        state = execution.event(0, "item_state", item="a", which="current", state={"c": 3}, stored=True)
        assert execution.append(state).status_code == 200
        done = threading.Event()

        def write() -> None:
            seq = 1
            while not done.is_set():
                assert execution.append(execution.event(seq)).status_code == 200
                seq += 1

        writing = threading.Thread(target=write)
        writing.start()
        try:
            assert irenic(["server", "backup", str(copy), "--database", str(database)]) == 0
        finally:
            done.set()
            writing.join()
    assert irenic(["server", "restore", str(copy), "--database", str(restored)]) == 0
    with running_server(str(restored)) as second, second.client() as client:
        again = Execution(client, execution.flow)
        again.id, again.path = execution.id, execution.path
        events = again.events(limit=10_000)["events"]
        assert [event["seq"] for event in events] == list(range(len(events)))
        assert len(events) >= 1
        assert again.record()["inputs"] == {"a": 1}
        assert client.get(f"{execution.profile_path}/inputs").json() == {"inputs": {"b": 2}}
        assert again.states()["items"]["a"]["current"] == {"c": 3}


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither by a backup, nor by what is restored, nor under a server at work."""
    database, copy = tmp_path / "db", tmp_path / "copy"
    with server_process(database, "--token", TOKEN) as server:
        assert irenic(["server", "backup", str(copy), "--database", str(database)]) == 0
        before = copy.read_bytes()
        assert irenic(["server", "backup", str(copy), "--database", str(database)]) == 4
        assert irenic(["server", "restore", str(copy), "--database", str(database)]) == 4
        assert server.base in capsys.readouterr().err
    assert irenic(["server", "restore", str(copy), "--database", str(database)]) == 4
    assert "Move" in capsys.readouterr().err
    assert copy.read_bytes() == before


def test_what_is_no_backup_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a sentence, and nothing is left behind."""
    broken, other = tmp_path / "broken", tmp_path / "other"
    broken.write_bytes(b"this is no database" * 1000)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE a (b)")
    for path in (broken, other, tmp_path / "missing"):
        assert irenic(["server", "restore", str(path), "--database", str(tmp_path / "db")]) == 4
        assert "cannot be used" in capsys.readouterr().err
    assert irenic(["server", "backup", str(tmp_path / "copy"), "--database", str(tmp_path / "none")]) == 4
    assert irenic(["server", "backup", str(tmp_path / "copy"), "--database", "postgresql://127.0.0.1/x"]) == 4
    assert "pg_dump" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "other"]
