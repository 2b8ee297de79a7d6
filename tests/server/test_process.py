"""The server as a process: its address, its port, its end, and what it keeps when it is killed."""

import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.server.harness import TOKEN, Execution


class Process:
    """A server process and what it has printed."""

    def __init__(self, process: "subprocess.Popen[str]", lines: list[str]) -> None:
        self.process = process
        self.lines = lines
        self.address = lines[-1]
        self.base = self.address.partition("/?")[0]

    def client(self) -> httpx.Client:
        """Return a client with the token of the printed address."""
        token = self.address.partition("?token=")[2]
        return httpx.Client(base_url=self.base, headers={"Authorization": f"Bearer {token}"}, timeout=20)

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@contextmanager
def server_process(database: Path | str, *arguments: str, **environment: str) -> Iterator[Process]:
    """Start a server as a process; it is killed at the end if it still runs."""
    command = [sys.executable, "-m", "irenic_server", "--database", str(database), "--port", "0", *arguments]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    lines: list[str] = []
    try:
        while not lines or "/?token=" not in lines[-1]:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            lines.append(line.strip())
        yield Process(process, lines)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the server's command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "irenic_server", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_one_address_is_printed(tmp_path: Path) -> None:
    """With a token that is another one at each start."""
    tokens = set()
    for _ in range(2):
        with server_process(tmp_path / "db") as server, server.client() as client:
            assert len(server.lines) == 1
            match = re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=([A-Za-z0-9_-]{43})", server.address)
            assert match is not None
            tokens.add(match[1])
            assert client.get("/api/v1/executions").status_code == 200
    assert len(tokens) == 2


def test_a_taken_port_is_said_and_another_one_is_used(tmp_path: Path) -> None:
    """Both lines are for a person to read."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with server_process(tmp_path / "db", "--port", str(port), "--token", TOKEN) as server:
            assert len(server.lines) == 2
            assert server.lines[0].startswith(f"Port {port} is taken")
            assert f":{port}/" not in server.address
            assert httpx.get(f"{server.base}/livez").status_code == 200


def test_a_taken_port_ends_a_server_that_wants_no_other(tmp_path: Path) -> None:
    """For those who have written the address down somewhere."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = run("--database", str(tmp_path / "db"), "--port", port, "--strict-port")
    assert (done.returncode, done.stdout) == (4, "")
    assert f"Port {port} is taken" in done.stderr
    assert "--port" in done.stderr


def test_a_second_server_on_one_file_is_refused(tmp_path: Path) -> None:
    """Whatever its port, and by whatever path it names the file; the next step that is named works."""
    database = tmp_path / "db"
    (tmp_path / "link").symlink_to(tmp_path)
    with server_process(database, "--token", TOKEN) as server:
        port = server.base.rpartition(":")[2]
        for path, wished in ((database, port), (database, "0"), (tmp_path / "link" / "db", port)):
            done = run("--database", str(path), "--port", wished)
            assert (done.returncode, done.stdout) == (4, "")
            assert server.base in done.stderr
            assert TOKEN not in done.stderr + (tmp_path / "db.lock").read_text()
        with server_process(tmp_path / "other", "--port", port) as second:
            assert second.lines[0].startswith(f"Port {port} is taken")
        server.end(signal.SIGKILL)
    with server_process(database):
        pass


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """Right after the answer, with nothing in between."""
    with server_process(tmp_path / "db", "--token", TOKEN) as server, server.client() as client:
        execution = Execution(client)
        execution.create(inputs={"a": 1})
        events = [execution.event(seq) for seq in range(20)]
        for event in events:
            assert execution.append(event).status_code == 200
        server.end(signal.SIGKILL)
    with server_process(tmp_path / "db", "--token", TOKEN) as server, server.client() as client:
        execution.client = client
        assert execution.events()["events"] == events
        assert execution.record()["inputs"] == {"a": 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """Open streams are ended, not waited for; nothing is said of it on stderr."""
    with server_process(tmp_path / "db") as server, server.client() as client:
        execution = Execution(client)
        execution.create()
        with client.stream("GET", f"{execution.path}/stream") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 1000"
            code = server.end(number)
            assert list(lines) == [""]
        assert code == (0 if number is signal.SIGINT else -signal.SIGTERM)
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """The message says what to do, and nothing is changed."""

    with server_process(tmp_path / "db"):
        pass
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    done = run("--database", str(tmp_path / "db"), "--port", "0")
    assert done.returncode == 4
    assert "schema 9999" in done.stderr
    assert "Nothing was changed" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--keep", "soon"],
        ["--port", "99999"],
        ["--database", "mysql://localhost/x", "--port", "0"],
        ["--host", "nowhere."],
    ],
)
def test_settings_that_cannot_be_used_are_said(tmp_path: Path, arguments: list[str]) -> None:
    """In a sentence, without a traceback."""
    done = run("--database", str(tmp_path / "db"), *arguments)
    assert done.returncode in (2, 4)
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_the_database_comes_from_the_environment(tmp_path: Path) -> None:
    """Where no option names one."""
    database = tmp_path / "from-environment"
    process = subprocess.Popen(
        [sys.executable, "-m", "irenic_server", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"IRENIC_DATABASE_URL": f"sqlite:///{database}", "IRENIC_TOKEN": TOKEN},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().endswith(f"/?token={TOKEN}\n")
        assert database.exists()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_https_is_served_with_a_certificate(tmp_path: Path) -> None:
    """And the cookie is then sent over HTTPS only."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *files, *subject]
    subprocess.run(command, check=True, capture_output=True)
    with server_process(tmp_path / "db", "--tls-certificate", str(certificate), "--tls-key", str(key)) as server:
        assert server.address.startswith("https://")
        trust = ssl.create_default_context(cafile=str(certificate))
        answer = httpx.get(server.address, verify=trust)
        assert answer.status_code == 303
        assert "Secure" in answer.headers["set-cookie"]


def test_logs_are_lines_of_json_without_secrets(tmp_path: Path) -> None:
    """With the number of the request, its token's name, and never the token."""

    with server_process(tmp_path / "db", "--log-format", "json", "--log-level", "debug", "--token", TOKEN) as server:
        with server.client() as client:
            client.get("/", params={"token": TOKEN})
            client.get("/api/v1/executions", headers={"X-Request-Id": "mine-0001"})
            client.get("/a%0ab")
        server.end(signal.SIGTERM)
        assert server.process.stderr is not None
        text = server.process.stderr.read()
    assert TOKEN not in text
    lines = [json.loads(line) for line in text.splitlines()]
    found = next(line for line in lines if line.get("request_id") == "mine-0001")
    assert found["message"] == "GET /api/v1/executions 200"
    assert (found["level"], found["token"]) == ("info", "owner")
    assert found["milliseconds"] > 0
