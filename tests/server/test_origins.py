"""A host for each flow: which names are served, and what a flow's own cookie opens there."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import Starter
from tests.server.harness import TOKEN, problem_name

from irenic_server.origins import OriginError, Origins
from irenic_server.tokens import Scope, create_token


def write_flows(site: Path, *names: str) -> Path:
    """Write a site of flows, whose ids are their names with ``_id`` at the end."""
    (site / "flows").mkdir(parents=True, exist_ok=True)
    (site / "index.html").write_text("<!doctype html>")
    flows = [{"name": name, "id": f"{name}_id"} for name in names]
    (site / "flows" / "index.json").write_text(json.dumps({"flows": flows}))
    for name in names:
        (site / "flows" / f"{name}.json").write_text(json.dumps({"id": f"{name}_id", "connect": [f"https://{name}.x"]}))
    files = {f"flows/{name}.json": "0" for name in [*names, "index"]} | {"index.html": "0"}
    (site / "manifest.json").write_text(json.dumps({"files": files}))
    return site


@pytest.fixture
def client(start_server: Starter, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client without a token, of a server of two flows."""
    server = start_server(site=write_flows(tmp_path / "site", "One", "two"), origin_name="flows.example")
    with server.client(token=None) as opened:
        yield opened


def get(client: httpx.Client, host: str, path: str, **headers: str) -> httpx.Response:
    """Ask for a path at a host, with the owner's cookie unless the headers say otherwise."""
    return client.get(path, headers={"Host": host, "Cookie": f"irenic_token={TOKEN}"} | headers)


def test_only_hosts_of_flows_and_the_name_itself_are_served(client: httpx.Client) -> None:
    """With or without a port, in any case."""
    for host in ("one.flows.example", "ONE.flows.example:8000", "two.flows.example", "flows.example", "127.0.0.1"):
        assert get(client, host, "/").status_code == 200, host
    for host in (
        "three.flows.example",
        "a.one.flows.example",
        "oneflows.example",
        "flows.example.evil",
        "one.localhost",
    ):
        assert get(client, host, "/").status_code == 421, host


def test_a_host_has_its_flow_and_no_other(client: httpx.Client) -> None:
    """Nor another's policy, whatever the address asks for."""
    assert get(client, "one.flows.example", "/flows/index.json").json() == {"flows": [{"name": "One", "id": "One_id"}]}
    assert list(get(client, "one.flows.example", "/manifest.json").json()["files"]) == [
        "flows/One.json",
        "flows/index.json",
        "index.html",
    ]
    assert get(client, "one.flows.example", "/flows/One.json").status_code == 200
    assert get(client, "one.flows.example", "/flows/two.json").status_code == 404
    policy = get(client, "one.flows.example", "/flows/One.json?flow=two").headers["content-security-policy"]
    assert "https://One.x" in policy
    assert "https://two.x" not in policy
    assert get(client, "flows.example", "/flows/One.json").status_code == 404


def test_the_name_itself_lists_the_addresses(client: httpx.Client) -> None:
    """With the token, because a cookie is known at one host only."""
    page = get(client, "flows.example:8000", "/").text
    assert f'href="http://one.flows.example:8000/?token={TOKEN}">One</a>' in page
    assert f'href="http://two.flows.example:8000/?token={TOKEN}">two</a>' in page


def test_a_cookie_at_a_flows_host_opens_that_flow_only(client: httpx.Client) -> None:
    """A token in a header is nobody's cookie, and opens what it always does."""
    assert get(client, "one.flows.example", "/api/v1/executions?flow=One_id").status_code == 200
    for path in ("/api/v1/executions?flow=two_id", "/api/v1/executions", "/api/v1/flows/two_id/profiles/dev/states"):
        refused = get(client, "one.flows.example", path)
        assert (refused.status_code, problem_name(refused)) == (403, "forbidden"), path
    bearer = {"Host": "one.flows.example", "Authorization": f"Bearer {TOKEN}"}
    assert client.get("/api/v1/executions", headers=bearer).status_code == 200


def test_a_token_for_another_flow_opens_nothing_there(start_server: Starter, tmp_path: Path) -> None:
    """It is for one flow, and the host for another."""
    server = start_server(site=write_flows(tmp_path / "site", "one", "two"), origin_name="flows.example")
    token = create_token(server.app.services.database, "two", list(Scope), flows=["two_id/dev"])
    cookie = {"Cookie": f"irenic_token={token}"}
    with server.client(token=None) as client:
        assert get(client, "one.flows.example", "/api/v1/executions?flow=one_id", **cookie).status_code == 403
        path = "/api/v1/executions?flow=two_id"
        assert get(client, "two.flows.example", path, **cookie).status_code == 403
        assert get(client, "two.flows.example", f"{path}&profile=dev", **cookie).status_code == 200


@pytest.mark.parametrize(("names", "told"), [(("a b",), "is no host name"), (("Two", "two"), "would have one host")])
def test_names_that_are_no_hosts_are_refused(tmp_path: Path, names: tuple[str, ...], told: str) -> None:
    """At the start, with what to do."""
    with pytest.raises(OriginError, match=told):
        Origins(write_flows(tmp_path, *names), "localhost")
