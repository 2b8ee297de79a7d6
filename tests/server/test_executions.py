"""Executions: made once, read, listed page by page; their outcomes are stored once."""

import httpx
import pytest
from tests.server.harness import Execution, problem_name

from irenic.model.ids import new_execution_id

FLOW_INFO = {"id": "download", "items": [{"id": "archive", "type": "FileDownload"}], "edges": []}


def test_an_execution_is_created_and_read(client: httpx.Client) -> None:
    """What was given comes back, with what the server knows of it."""
    execution = Execution(client)
    made = execution.create(
        holder="tab of Ada",
        inputs={"url": "https://example.org"},
        flow_info=FLOW_INFO,
        started_at="2026-11-24T10:15:00.000Z",
    )
    assert made.status_code == 201
    record = execution.record()
    assert record == made.json()
    created_at = record.pop("created_at")
    assert created_at.endswith("Z")
    assert record == {
        "id": execution.id,
        "flow": execution.flow,
        "profile": "dev",
        "cmds": ["ensure"],
        "dry_run": False,
        "status": "running",
        "holder": "tab of Ada",
        "fencing": None,
        "started_at": "2026-11-24T10:15:00.000Z",
        "ended_at": None,
        "next_seq": 0,
        "inputs": {"url": "https://example.org"},
        "interrupt": None,
        "request": None,
        "flow_info": FLOW_INFO,
    }


def test_the_same_execution_again_is_not_made_twice(client: httpx.Client) -> None:
    """A client that did not get the answer asks once more, perhaps later."""
    execution = Execution(client)
    first = execution.create(started_at="2026-11-24T10:15:00.000Z")
    second = execution.create(started_at="2026-11-24T10:15:01.000Z")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


@pytest.mark.parametrize("members", [{"cmds": ["clean"]}, {"dry_run": True}, {"inputs": {"a": 1}}, {"profile": "prod"}])
def test_another_execution_with_the_same_id_is_refused(execution: Execution, members: dict[str, object]) -> None:
    """The problem names what differs."""
    response = execution.create(**members)
    assert response.status_code == 409
    assert problem_name(response) == "conflicting-execution"
    assert response.json()["differ"] == list(members)


@pytest.mark.parametrize(
    "members",
    [
        {"flow": "../etc"},
        {"flow": ""},
        {"profile": "a b"},
        {"cmds": []},
        {"cmds": ["destroy"]},
        {"holder": "a\u0000b"},
        {"holder": "a" * 257},
        {"fencing": 2**63},
        {"started_at": "now"},
        {"inputs": []},
    ],
)
def test_an_execution_that_is_not_valid_is_refused(client: httpx.Client, members: dict[str, object]) -> None:
    """The problem names the member."""
    response = Execution(client).create(**members)
    assert response.status_code == 422
    assert problem_name(response) == "invalid-request"
    assert response.json()["errors"][0]["pointer"].startswith(f"/{next(iter(members))}")


@pytest.mark.parametrize(
    "execution_id", ["1", "01JDF3Q4RZ8Y3X5W6V7T8S9R0U", "a" * 5000, "%00", "..%2f..%2fetc", "'; DROP TABLE events; --"]
)
def test_hostile_ids_are_refused(client: httpx.Client, execution_id: str) -> None:
    """None of them reaches the database."""
    for method, path in [("PUT", ""), ("GET", ""), ("POST", "/events"), ("GET", "/stream"), ("GET", "/signal")]:
        response = client.request(method, f"/api/v1/executions/{execution_id}{path}", json={})
        assert response.status_code in (404, 405, 422)
        problem_name(response)


def test_executions_are_listed_newest_first_in_pages(client: httpx.Client) -> None:
    """The cursor goes on where the page before ended, whatever was added since."""
    flow = f"flow_{new_execution_id()}"
    made = [Execution(client, flow) for _ in range(5)]
    for execution in made:
        execution.create()
    first = client.get("/api/v1/executions", params={"flow": flow, "limit": 2}).json()
    Execution(client, flow).create()
    second = client.get("/api/v1/executions", params={"flow": flow, "limit": 3, "cursor": first["next_cursor"]}).json()
    ids = [record["id"] for record in first["items"] + second["items"]]
    assert ids == [execution.id for execution in reversed(made)]
    assert second["next_cursor"] is None


def test_executions_are_filtered(client: httpx.Client) -> None:
    """By flow, by profile, and by status."""
    flow = f"flow_{new_execution_id()}"
    running, ended, elsewhere = (Execution(client, flow) for _ in range(3))
    running.create(flow_info=FLOW_INFO)
    ended.create()
    ended.end()
    elsewhere.create(profile="prod")

    def ids(**query: str) -> list[str]:
        items = client.get("/api/v1/executions", params={"flow": flow} | query).json()["items"]
        return [record["id"] for record in items]

    assert ids(profile="dev") == [ended.id, running.id]
    assert ids(status="complete") == [ended.id]
    assert ids(status="running", profile="dev") == [running.id]
    assert ids(status="lost") == []


def test_the_list_can_leave_the_pictures_of_flows_out(client: httpx.Client) -> None:
    """They are large, and a history of thousands needs none."""
    execution = Execution(client)
    execution.create(flow_info=FLOW_INFO)
    query = {"flow": execution.flow}
    assert client.get("/api/v1/executions", params=query).json()["items"][0]["flow_info"] == FLOW_INFO
    query |= {"flow_info": "false"}
    assert client.get("/api/v1/executions", params=query).json()["items"][0]["flow_info"] is None


@pytest.mark.parametrize("cursor", ["nonsense", "a2E", "azk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "ä"])
def test_a_cursor_of_nobody_is_refused(client: httpx.Client, cursor: str) -> None:
    """Only a cursor that the server gave says where to go on."""
    response = client.get("/api/v1/executions", params={"cursor": cursor})
    assert response.status_code == 400
    assert problem_name(response) == "invalid-cursor"


def test_there_is_no_outcome_before_the_end(execution: Execution) -> None:
    """The answer is 404 until there is one."""
    response = execution.client.get(f"{execution.path}/outcome")
    assert response.status_code == 404
    assert problem_name(response) == "no-outcome"


def test_an_outcome_is_stored_once(execution: Execution) -> None:
    """The same again is no error; another one is."""
    first, second = execution.end(), execution.end()
    assert (first.status_code, second.status_code) == (201, 200)
    assert execution.client.get(f"{execution.path}/outcome").json() == execution.outcome()
    record = execution.record()
    assert (record["status"], record["ended_at"]) == ("complete", "2026-11-24T10:16:00.000Z")
    other = execution.end("failed")
    assert other.status_code == 409
    assert problem_name(other) == "conflicting-outcome"
    assert other.json()["outcome"] == "complete"


def test_an_outcome_that_is_not_valid_is_refused(execution: Execution) -> None:
    """Its kind and its execution are checked."""
    assert execution.end("fine").status_code == 422
    assert execution.end(execution_id=new_execution_id()).status_code == 422
    assert execution.client.put(f"{execution.path}/outcome", json=[]).status_code == 422
    assert execution.client.get(f"{execution.path}/outcome").status_code == 404


def test_progress_is_folded_from_the_journal(execution: Execution) -> None:
    """Also after more was appended, and until the end."""
    execution.append(execution.started(["archive", "site"]))
    execution.append(execution.intent(1, "archive"))
    first = execution.client.get(f"{execution.path}/progress").json()
    assert first["done"] is False
    assert [item["status"] for item in first["progress"]["items"].values()] == ["running", "initialized"]
    execution.append(execution.result(2, "archive"), execution.event(3, "of_a_later_version"))
    second = execution.client.get(f"{execution.path}/progress").json()
    assert second["progress"]["items"]["archive"]["status"] == "complete_success"
    assert second["progress"]["next_seq"] == 4
    execution.end()
    assert execution.client.get(f"{execution.path}/progress").json() == {"done": True}


def test_what_is_not_there_is_a_problem(client: httpx.Client) -> None:
    """So is a method that an address does not have."""
    unknown = f"/api/v1/executions/{new_execution_id()}"
    for path in ("", "/events", "/outcome", "/progress", "/stream", "/signal"):
        assert problem_name(client.get(unknown + path)) == "unknown-execution"
    assert problem_name(client.post(f"{unknown}/interrupt")) == "unknown-execution"
    assert problem_name(client.get("/api/v1/nothing")) == "not-found"
    refused = client.delete("/api/v1/executions")
    assert problem_name(refused) == "method-not-allowed"
    assert refused.headers["allow"] == "GET, POST"
