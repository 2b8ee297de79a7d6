"""Whatever is wrong with a request, the answer is a problem document of the right status, by whatever route."""

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.server.harness import Execution, RunningServer

from irenic_server.api import router
from irenic_server.problems import MEDIA_TYPE
from irenic_server.raw_routes import LIST_STREAM

ROUTES = [(sorted(route.methods or ())[0], route.path) for route in router.routes if isinstance(route, APIRoute)]
ROUTES += [("POST", "/api/v1/executions/{execution_id}/events"), ("GET", LIST_STREAM)]
ROUTES += [("GET", f"/api/v1/executions/{{execution_id}}/{name}") for name in ("stream", "signal")]
WRITING = [route for route in ROUTES if route[0] != "GET"]
LARGER_THAN_ALLOWED = 65 * 1024 * 1024


@pytest.fixture
def path(execution: Execution, route: tuple[str, str]) -> str:
    """The path of a route, of an execution that is there."""
    return route[1].format(flow=execution.flow, profile="dev", execution_id=execution.id)


def check(answer: httpx.Response, *statuses: int) -> None:
    """Check that an answer is a problem of one of the statuses, which says what to do."""
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"].startswith("urn:irenic:problem:")
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_method_that_is_not_allowed(client: httpx.Client, path: str) -> None:
    """The answer names those that are."""
    answer = client.patch(path)
    check(answer, 405)
    assert answer.headers["allow"]


@pytest.mark.parametrize("route", ROUTES)
def test_without_a_token(server: RunningServer, route: tuple[str, str], path: str) -> None:
    """Nor is anything told of what is there."""
    with server.client(token=None) as nobody:
        check(nobody.request(route[0], path), 401)


@pytest.mark.parametrize("route", WRITING)
def test_a_body_that_cannot_be_read(client: httpx.Client, route: tuple[str, str], path: str) -> None:
    """Of another type, broken, of another shape, and too large."""
    form, plain = {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "application/json"}
    check(client.request(route[0], path, content=b"a=1", headers=form), 415)
    check(client.request(route[0], path, content=b"{", headers=plain), 400)
    check(client.request(route[0], path, content=b"[1]", headers=plain), 422)
    check(client.request(route[0], path, content=b"1" * LARGER_THAN_ALLOWED, headers=plain), 413)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api/v2/executions",
        "/api/v1/executions/zzz",
        "/api/v1/executions?limit=x",
        "/api/v1/flows/%00",
    ],
)
def test_what_is_not_there(client: httpx.Client, path: str) -> None:
    """Or cannot be."""
    check(client.get(path), 404, 422)
