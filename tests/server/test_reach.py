"""Tokens that are for some flows or profiles only: they reach nothing else, by whatever route."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.server.harness import Execution, RunningServer, problem_name
from tests.server.test_streams import stream

from irenic.model.ids import new_execution_id
from irenic_server.api import router
from irenic_server.raw_routes import LIST_STREAM
from irenic_server.tokens import Scope, TokenError, create_token, list_tokens

OPEN_TO_ALL = {("GET", "/api/v1/pause"), ("GET", "/api/v1/flows/{flow}/profiles")}
RAW = [("POST", "/api/v1/executions/{execution_id}/events"), ("GET", "/api/v1/executions/{execution_id}/stream")]
RAW += [("GET", "/api/v1/executions/{execution_id}/signal"), ("GET", LIST_STREAM)]
ROUTES = [(sorted(route.methods or ())[0], route.path) for route in router.routes if isinstance(route, APIRoute)]
BODIES = {"/api/v1/executions": {"flow": "{flow}"}, "/api/v1/executions/{execution_id}": {"flow": "{flow}"}}


@pytest.fixture
def own(server: RunningServer, execution: Execution) -> Iterator[Execution]:
    """An execution, by a client whose token is for its flow only."""
    token = create_token(server.app.services.database, execution.id, list(Scope), flows=[execution.flow])
    with server.client(token=token) as client:
        mine = Execution(client, execution.flow)
        mine.id, mine.path = execution.id, execution.path
        yield mine


@pytest.fixture
def others(client: httpx.Client) -> Execution:
    """An execution of another flow."""
    made = Execution(client)
    assert made.create().status_code == 201
    return made


@pytest.mark.parametrize(("method", "path"), [route for route in [*ROUTES, *RAW] if route not in OPEN_TO_ALL])
def test_no_route_leads_to_another_flow(own: Execution, others: Execution, method: str, path: str) -> None:
    """Nor to all flows at once; what it is for is said."""
    names = {"flow": others.flow, "profile": "dev", "execution_id": others.id}
    body = {name: value.format(**names) for name, value in BODIES.get(path, {}).items()}
    more = {"cmds": ["ensure"]} if "flow" in body else {}
    answer = own.client.request(method, path.format(**names), json=body | more)
    assert (answer.status_code, problem_name(answer)) == (403, "forbidden")
    assert own.flow in answer.json()["detail"]
    assert others.client.get(others.path).json()["status"] == "running"


def test_everything_of_its_own_flow_is_open(own: Execution) -> None:
    """Made, written, followed, listed and stopped."""
    made = Execution(own.client, own.flow)
    assert made.create().status_code == 201
    assert made.append(made.event(0)).status_code == 200
    assert own.client.post(f"{made.path}/interrupt").json() == {"reply": "requested"}
    assert own.client.put(f"{made.path}/outcome", json=made.outcome()).status_code == 201
    with stream(own.client, f"{made.path}/stream") as messages:
        assert next(messages).event == "journal"
    listed = own.client.get("/api/v1/executions", params={"flow": own.flow}).json()["items"]
    assert {record["id"] for record in listed} == {own.id, made.id}
    assert own.client.put(f"{own.profile_path}/inputs", json={"inputs": {}}).status_code == 200
    assert own.client.get("/api/v1/pause").status_code == 200


def test_an_execution_of_another_flow_cannot_be_made(own: Execution) -> None:
    """Under a new id."""
    answer = own.client.put(f"/api/v1/executions/{new_execution_id()}", json={"flow": "x", "cmds": ["ensure"]})
    assert answer.status_code == 403


def test_a_token_may_be_for_one_profile(server: RunningServer, execution: Execution) -> None:
    """And sees the names of no others."""
    flow = execution.flow
    assert execution.client.put(f"/api/v1/flows/{flow}/profiles/prod/inputs", json={"inputs": {}}).status_code == 200
    token = create_token(server.app.services.database, f"p{execution.id}", list(Scope), flows=[f"{flow}/dev"])
    with server.client(token=token) as client:
        assert client.get(f"/api/v1/flows/{flow}/profiles").json() == {"profiles": ["dev"]}
        assert client.get(f"/api/v1/flows/{flow}/profiles/dev/inputs").status_code == 200
        assert client.get(f"/api/v1/flows/{flow}/profiles/prod/inputs").status_code == 403
        assert client.get("/api/v1/executions", params={"flow": flow}).status_code == 403
        assert client.get("/api/v1/executions", params={"flow": flow, "profile": "dev"}).status_code == 200


@pytest.mark.parametrize("flow", ["", "a b", "a/b/c", "/dev", "a/", "-x"])
def test_what_names_no_flow_is_refused(server: RunningServer, flow: str) -> None:
    """Before a token is made."""
    database = server.app.services.database
    with pytest.raises(TokenError, match="names no flow"):
        create_token(database, "nobody", [Scope.READ], flows=[flow])
    assert "nobody" not in {row.name for row in list_tokens(database)}
