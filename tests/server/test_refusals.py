"""Wrong requests and wrong settings: always a problem or a sentence, and the one that says what is wrong."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import Starter
from tests.server.harness import Execution, RunningServer, problem_name

from irenic_server import api
from irenic_server.settings import Limits


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/executions"),
        ("POST", "/api/v1/interrupt"),
        ("PUT", "/api/v1/pause"),
        ("DELETE", "/api/v1/flows/f/profiles/p/lease"),
        ("POST", "/v1/traces"),
        ("GET", "/metrics"),
    ],
)
def test_a_request_without_a_token_is_401(server: RunningServer, method: str, path: str) -> None:
    """Not 403: with a token it would be let in."""
    with server.client(None) as client:
        answer = client.request(method, path, content=b"{}")
        assert (answer.status_code, problem_name(answer)) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None])
def test_a_body_that_is_said_to_be_no_json_is_415(client: httpx.Client, content_type: str | None) -> None:
    """On every path that takes JSON; nothing is done."""
    execution = Execution(client)
    execution.create()
    headers = {} if content_type is None else {"Content-Type": content_type}
    requests = [
        ("POST", "/api/v1/interrupt", b'{"reason": "x"}'),
        ("PUT", f"{execution.profile_path}/inputs", b'{"inputs": {}}'),
        ("POST", f"{execution.profile_path}/lease", b'{"holder": "x"}'),
        ("POST", "/v1/traces", b"{}"),
    ]
    if content_type is not None:
        requests.append(("POST", f"{execution.path}/events", b"[]"))
    for method, path, body in requests:
        answer = client.request(method, path, content=body, headers=headers)
        assert answer.status_code == 415, (path, answer.text)
    assert execution.record()["interrupt"] is None


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_taken_however_it_is_called(execution: Execution, content_type: str) -> None:
    """A parameter says nothing new."""
    headers = {"Content-Type": content_type}
    path = f"{execution.profile_path}/inputs"
    assert execution.client.put(path, content=b'{"inputs": {}}', headers=headers).status_code == 200


def test_a_failure_inside_the_framework_is_a_problem(start_server: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the id under which the log says why."""

    def fail(connection: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(api, "read_pause", fail)
    with start_server().client() as client:
        answer = client.get("/api/v1/pause")
        assert (answer.status_code, problem_name(answer)) == (500, "internal")
        assert answer.headers["x-request-id"]


def test_etags_that_a_proxy_has_made_weak_are_known(execution: Execution) -> None:
    """Proxies that compress answers do that."""
    path = f"{execution.profile_path}/states"
    states = {"items": {"a": {"current": {"a": 1}}}}
    put = execution.client.put
    etag = put(path, json=states, headers={"If-None-Match": "*"}).headers["etag"]
    assert execution.client.get(path, headers={"If-None-Match": f"W/{etag}"}).status_code == 304
    assert put(path, json=states, headers={"If-Match": f"W/{etag}"}).status_code == 200
    assert put(path, json=states, headers={"If-Match": f"W/{etag}"}).status_code == 412


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tls-certificate", "none.pem"], "none.pem"),
        (["--tls-certificate", "broken.pem", "--tls-key", "broken.pem"], "cannot be used for HTTPS"),
        (["--tls-key", "broken.pem"], "--tls-certificate"),
        (["--site", "nowhere"], "no built site in nowhere"),
        (["--database", "postgresql://h:port/x"], "cannot be read"),
        (["--database", "postgresql://[::1/x"], "cannot be read"),
        (["--database", "no/such/folder/db"], "No such file or directory"),
        (["--database", "broken.pem"], "not a database"),
        (["--database", "."], "cannot be used"),
        (["--run", "nowhere.py"], "nowhere.py"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_settings_that_cannot_be_used_are_said_in_a_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    """Before anything listens."""
    (tmp_path / "broken.pem").write_text("this is no certificate and no database\n" * 100)
    command = [sys.executable, "-m", "irenic_server", "--port", "0", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (2, 4)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_body_beyond_the_limit_of_the_framework_is_a_problem(start_server: Starter) -> None:
    """The limit is this server's, and the framework's own never comes first."""
    with start_server(limits=Limits(body=8 * 1024 * 1024)).client() as client:
        answer = client.post("/api/v1/interrupt", json={"reason": "x" * 7_000_000})
        assert (answer.status_code, problem_name(answer)) == (422, "invalid-request")
