"""What named tokens may do, store and see; and which tokens a server takes at all."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.conftest import Starter
from tests.server.harness import Execution, RunningServer, problem_name
from tests.server.test_hostile import PICTURE
from tests.server.test_streams import journal, stream

from irenic_server.tokens import Scope, TokenError, create_token, list_tokens, revoke_token

Stored = Callable[[Execution, str], httpx.Response]

BIG = "x" * 3000


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "{e.path}", {"flow": "f", "cmds": ["ensure"], "inputs": {"a": BIG}}),
        ("PUT", "{e.path}", {"flow": "f", "cmds": ["ensure"], "flow_info": PICTURE | {"summary": BIG}}),
        ("PUT", "{e.profile_path}/inputs", {"inputs": {"a": BIG}}),
        ("PUT", "{e.profile_path}/states", {"items": {"a": {"current": {"a": BIG}}}}),
        ("POST", "{made.path}/events", {"events": [{"a": BIG}]}),
        ("PUT", "{made.path}/outcome", {"message": BIG}),
        ("POST", "/v1/traces", {"resourceSpans": [{"resource": {"a": BIG}, "scopeSpans": [{"spans": [{}]}]}]}),
    ],
    ids=["inputs", "picture", "profile", "states", "events", "outcome", "telemetry"],
)
def test_all_that_is_stored_counts(server: RunningServer, method: str, path: str, body: dict[str, Any]) -> None:
    """Not only events; and it counts before it is stored."""
    with server.client() as owner:
        made = Execution(owner)
        made.create()
    if path.endswith("/events"):
        body = {"events": [made.event(0, text=BIG)]}
    elif path.endswith("/outcome"):
        body = made.outcome(**body)
    elif path == "/v1/traces":
        span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "n", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
        body = {"resourceSpans": [{"resource": {"a": BIG}, "scopeSpans": [{"spans": [span]}]}]}
    for limit, expected in ((1000, 507), (10_000, 200)):
        token = create_token(server.app.services.database, f"{made.id}-{limit}", list(Scope), storage_limit=limit)
        with server.client(token, **{"If-None-Match": "*"}) as client:
            answer = client.request(method, path.format(e=Execution(client), made=made), json=body)
            assert answer.status_code == expected or (expected == 200 and answer.status_code == 201), answer.text
    rows = {row.name: row.stored for row in list_tokens(server.app.services.database)}
    assert rows[f"{made.id}-1000"] == 0
    assert rows[f"{made.id}-10000"] >= 3000


def test_requests_of_one_moment_share_the_limit(server: RunningServer, client: httpx.Client) -> None:
    """Checking it one after the other is not enough."""
    made = [Execution(client) for _ in range(20)]
    for execution in made:
        execution.create()
    token = create_token(server.app.services.database, made[0].id, list(Scope), storage_limit=20_000)
    with server.client(token) as limited, ThreadPoolExecutor(20) as threads:

        def append(execution: Execution) -> int:
            events = {"events": [execution.event(0, text="x" * 9000)]}
            return limited.post(f"{execution.path}/events", json=events).status_code

        answers = list(threads.map(append, made))
    assert sorted(set(answers)) == [200, 507]
    assert answers.count(200) == 2


def test_a_refused_request_does_not_count(server: RunningServer, execution: Execution) -> None:
    """Else those who are refused often could store nothing any more."""
    token = create_token(server.app.services.database, execution.id, list(Scope), storage_limit=10_000)
    with server.client(token) as client:
        for _ in range(5):
            gap = {"events": [execution.event(7, text=BIG)]}
            assert problem_name(client.post(f"{execution.path}/events", json=gap)) == "gap"
            bad = {"flow": "f", "cmds": ["no such command", BIG]}
            assert problem_name(client.put(Execution(client).path, json=bad)) == "invalid-request"
        events = {"events": [execution.event(0, text=BIG)]}
        assert client.post(f"{execution.path}/events", json=events).status_code == 200


@pytest.mark.parametrize("path", ["/stream", "list"])
def test_a_revoked_token_loses_its_open_streams(server: RunningServer, execution: Execution, path: str) -> None:
    """Within seconds, also where nothing happens; others go on."""
    database = server.app.services.database
    token = create_token(database, execution.id, [Scope.READ])
    address = "/api/v1/stream" if path == "list" else execution.path + path
    with server.client(token) as reader, stream(reader, address) as messages, stream(execution.client, address) as own:
        revoke_token(database, execution.id)
        assert list(messages) == []
        execution.append(execution.event(0))
        execution.client.post(f"{execution.path}/interrupt")
        assert len(journal(own, 1)) == 1


def test_taking_over_needs_a_scope_of_its_own(server: RunningServer, execution: Execution) -> None:
    """Writing is not enough to end what others run."""
    execution.take_lease(ttl=60)
    tokens = {
        scopes: create_token(server.app.services.database, f"{execution.id}{len(scopes)}", scopes)
        for scopes in ((Scope.READ, Scope.WRITE), (Scope.READ, Scope.WRITE, Scope.TAKE_OVER))
    }
    for scopes, token in tokens.items():
        with server.client(token) as client:
            other = Execution(client, execution.flow)
            answer = other.take_lease(take_over=True)
            if Scope.TAKE_OVER in scopes:
                assert answer.status_code == 201
            else:
                assert (answer.status_code, problem_name(answer)) == (403, "forbidden")
                assert answer.json()["scope"] == "take_over"
                assert execution.record()["status"] == "running"


def test_a_token_for_metrics_reads_nothing_else(server: RunningServer) -> None:
    """A monitor has to see no journal; a token that reads may look at metrics too."""
    tokens = {
        scope: create_token(server.app.services.database, f"{scope}-{id(server)}", [scope])
        for scope in (Scope.METRICS, Scope.READ, Scope.WRITE)
    }
    statuses = {}
    for scope, token in tokens.items():
        with server.client(token) as client:
            statuses[scope] = (client.get("/metrics").status_code, client.get("/api/v1/executions").status_code)
    assert statuses == {Scope.METRICS: (200, 403), Scope.READ: (200, 200), Scope.WRITE: (403, 403)}


def test_a_writer_says_by_which_lease_it_writes(execution: Execution) -> None:
    """Where there is one: neither without a number, nor with one that was or that will be."""
    fencing = execution.take_lease(ttl=60).json()["fencing"]
    assert problem_name(execution.append(execution.event(0))) == "precondition-required"
    for number in (fencing - 1, fencing + 1):
        refused = execution.append(execution.event(0), **{"Irenic-Fencing": str(number)})
        assert (refused.status_code, problem_name(refused)) == (409, "stale-fencing")
    assert execution.append(execution.event(0), **{"Irenic-Fencing": str(fencing)}).status_code == 200
    other = Execution(execution.client, execution.flow)
    other.create()
    state = other.event(0, "item_state", item="a", which="current", state={"a": 1}, stored=True)
    assert problem_name(other.append(state)) == "precondition-required"
    states = {"items": {"a": {"current": {"a": 1}}}}
    path, first = f"{execution.profile_path}/states", {"If-None-Match": "*"}
    put = execution.client.put
    assert problem_name(put(path, json=states, headers=first)) == "precondition-required"
    assert problem_name(put(path, json=states, headers=first | {"Irenic-Fencing": "0"})) == "stale-fencing"
    assert put(path, json=states, headers=first | {"Irenic-Fencing": str(fencing)}).status_code == 200


@pytest.mark.parametrize(
    "token", ["", "a", "short", "x;y" * 10, "a b" * 10, "ü" * 20, 'a"b' * 10, "x\n" * 10, "x" * 600]
)
def test_a_token_that_is_weak_or_breaks_something_is_refused(tmp_path: Path, token: str) -> None:
    """It goes into a header, a cookie and an address."""
    command = [sys.executable, "-m", "irenic_server", "--database", str(tmp_path / "db"), "--port", "0"]
    done = subprocess.run([*command, f"--token={token}"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "--token: a token needs 16 characters" in done.stderr
    assert len(token) < 3 or token not in done.stderr


def test_no_named_token_is_called_as_the_one_of_the_start(start_server: Starter) -> None:
    """Logs name tokens."""
    with pytest.raises(TokenError, match="owner"):
        create_token(start_server().app.services.database, "owner", [Scope.READ])
