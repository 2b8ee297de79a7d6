"""The description of the API: complete, unchanged unless somebody means it, and true."""

import inspect
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from tests.server.harness import TOKEN, RunningServer

from irenic.stores import http, http_journal, http_lease
from irenic_server import Settings, create_app
from irenic_server.problems import KINDS

SNAPSHOT = Path(__file__).with_name("openapi.json")
EXAMPLES = int(os.environ.get("IRENIC_TEST_API_EXAMPLES", "4"))
"""Requests that are made up for each operation; hundreds in the long form."""

METHODS = ("get", "put", "post", "delete")


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The description as this version gives it."""
    database = str(tmp_path_factory.mktemp("openapi") / "db")
    return json.loads(json.dumps(create_app(Settings(database=database)).api.openapi()))


def operations(description: Any) -> dict[tuple[str, str], Any]:
    """Return the operations of a description by method and path."""
    return {
        (method, path): item[method]
        for path, item in description["paths"].items()
        for method in METHODS
        if method in item
    }


def test_nothing_that_clients_rely_on_was_taken_away(description: Any) -> None:
    """Compared with the description that is kept beside this test.

    Clients of an earlier version go on to work: operations, answers, members of answers stay; parameters and members of
    requests do not become required. Where this is meant to change, the path has to get another version.
    """
    before = json.loads(SNAPSHOT.read_text())
    assert breaking_changes(before, description) == []


def breaking_changes(before: Any, after: Any) -> list[str]:
    """Return what would break a client, in words, sorted."""
    found: list[str] = []
    now = operations(after)
    for key, old in operations(before).items():
        found += _broken_operation(" ".join(key), old, now.get(key))
    for name, old in before["components"]["schemas"].items():
        found += _broken_model(name, old, after["components"]["schemas"].get(name))
    return sorted(found)


def _broken_operation(name: str, old: Any, new: Any) -> Iterator[str]:
    if new is None:
        yield f"{name} is gone"
        return
    for status in old["responses"]:
        if status not in new["responses"]:
            yield f"{name} does not answer {status} any more"
    known = {(parameter["in"], parameter["name"]) for parameter in old.get("parameters", [])}
    for parameter in new.get("parameters", []):
        if parameter.get("required") and (parameter["in"], parameter["name"]) not in known:
            yield f"{name} needs {parameter['name']} now"


def _broken_model(name: str, old: Any, new: Any) -> Iterator[str]:
    if new is None:
        yield f"{name} is gone"
        return
    for member in old.get("properties", {}):
        if member not in new.get("properties", {}):
            yield f"{name}.{member} is gone"
    for member in new.get("required", []):
        if member not in old.get("required", []):
            yield f"{name}.{member} is required now"


def test_breaking_changes_are_found(description: Any) -> None:
    """The comparison sees what it is for."""
    changed = json.loads(json.dumps(description))
    del changed["paths"]["/api/v1/interrupt"]
    del changed["components"]["schemas"]["Appended"]["properties"]["next_seq"]
    changed["components"]["schemas"]["LeaseTake"]["required"].append("ttl")
    del changed["paths"]["/api/v1/executions"]["get"]["responses"]["400"]
    found = breaking_changes(description, changed)
    assert found == [
        "Appended.next_seq is gone",
        "LeaseTake.ttl is required now",
        "get /api/v1/executions does not answer 400 any more",
        "post /api/v1/interrupt is gone",
    ]


def test_the_kept_description_is_of_this_version(description: Any) -> None:
    """So that a change shows in the history of the file: IRENIC_UPDATE_OPENAPI=1 writes it anew."""
    if os.environ.get("IRENIC_UPDATE_OPENAPI"):
        SNAPSHOT.write_text(json.dumps(description, indent=1, sort_keys=True) + "\n")
    kept = json.loads(SNAPSHOT.read_text())
    assert {**kept, "info": None} == {**description, "info": None}


def test_every_operation_is_described(description: Any) -> None:
    """With a summary, a tag that is explained, and the problems that it may answer with."""
    tags = {tag["name"] for tag in description["tags"]}
    for operation in operations(description).values():
        assert operation["summary"]
        assert set(operation["tags"]) <= tags
        assert {"401", "403", "429"} <= set(operation["responses"])
    assert description["openapi"].startswith("3.1")
    statuses = {str(kind.status) for kind in KINDS.values()}
    assert statuses >= {
        status for o in operations(description).values() for status in o["responses"] if status >= "400"
    }


def test_the_client_in_the_core_asks_only_for_what_is_described(description: Any) -> None:
    """The paths that the store on the server names are among those of the description."""
    sources = "".join(inspect.getsource(module) for module in (http, http_journal, http_lease))
    steps = set(re.findall(r'"(executions|events|outcome|interrupt|flows|profiles|states|inputs|lease)"', sources))
    described = {step for path in description["paths"] for step in path.split("/")}
    assert {"executions", "events", "outcome", "states", "lease"} <= steps <= described


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_no_request_makes_the_server_fail(server: RunningServer, data: st.DataObject) -> None:
    """Whatever is sent to any operation, the answer is one that is described, and never a 5xx."""
    schema = schemathesis.openapi.from_dict(server.app.api.openapi())
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.path.endswith("stream"):
            continue
        case = data.draw(operation.as_strategy())
        response = case.call(base_url=server.address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
        assert response.status_code < 500, (case.method, case.path, case.body, response.text)
        described = operation.definition.raw["responses"]
        assert str(response.status_code) in {*described, "404", "405"}, (case.method, case.path, response.text)
