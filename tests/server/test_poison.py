"""Values that would be stored and then hide what is beside them: what is stored can be read by every client."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import httpx
import pytest
from tests.server.conftest import Starter
from tests.server.harness import TOKEN, Execution, problem_name
from tests.server.test_hostile import PICTURE

from irenic.items.http_native import NativeHttp
from irenic.stores import HttpStore

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1e309", "9" * 290 + "e99", "9" * 400 + ".5", "[[1.5E+400]]"])
@pytest.mark.parametrize("where", ["inputs", "flow_info", "event", "outcome", "profile", "states", "trace"])
def test_numbers_that_no_reader_can_hold_are_refused(client: httpx.Client, number: str, where: str) -> None:
    """They would be given back as Infinity, which is no JSON."""
    execution = Execution(client)
    create = {"flow": execution.flow, "profile": "dev", "cmds": ["ensure"]}
    if where not in ("inputs", "flow_info"):
        execution.create()
    method, path, body = {
        "inputs": ("PUT", execution.path, create | {"inputs": {"a": "HERE"}}),
        "flow_info": ("PUT", execution.path, create | {"flow_info": PICTURE | {"a": "HERE"}}),
        "event": ("POST", f"{execution.path}/events", {"events": [execution.event(0, a="HERE")]}),
        "outcome": ("PUT", f"{execution.path}/outcome", execution.outcome(a="HERE")),
        "profile": ("PUT", f"{execution.profile_path}/inputs", {"inputs": {"a": "HERE"}}),
        "states": ("PUT", f"{execution.profile_path}/states", {"items": {"a": {"current": {"a": "HERE"}}}}),
        "trace": ("POST", "/v1/traces", {"resourceSpans": [{"resource": {"a": "HERE"}}]}),
    }[where]
    text = json.dumps(body).replace('"HERE"', number)
    answer = client.request(method, path, content=text, headers=JSON | {"If-None-Match": "*"})
    assert answer.status_code == 400, answer.text
    assert "too large" in answer.text or "JSON" in answer.text


@pytest.mark.parametrize("text", ["1e999", "say 1e999, or Infinity, or NaN", "5e1234", "9" * 400, ":1e999", "[1e999"])
def test_texts_that_look_like_such_numbers_are_kept(client: httpx.Client, text: str) -> None:
    """And numbers that are as large as numbers get."""
    execution = Execution(client)
    assert execution.create(inputs={"a": text, "b": 1.7e308, "c": 10**200}).status_code == 201
    assert execution.append(execution.event(0, a=text)).status_code == 200
    assert execution.record()["inputs"] == {"a": text, "b": 1.7e308, "c": 10**200}
    assert execution.events()["events"][0]["a"] == text


@pytest.mark.parametrize("picture", [{}, {"id": "x"}, {"id": 1, "items": [], "edges": []}, PICTURE | {"items": [{}]}])
def test_a_picture_that_cannot_be_drawn_is_refused(client: httpx.Client, picture: dict[str, Any]) -> None:
    """It would hide every execution of the list from whoever reads it."""
    answer = Execution(client).create(flow_info=picture)
    assert (answer.status_code, problem_name(answer)) == (422, "invalid-request")


TIMES = ["2026-99-99T99:99:99.000Z", "2026-02-30T10:00:00.000Z", "2026-11-24T24:00:01.000Z", "0000-01-01T00:00:00.000Z"]


@pytest.mark.parametrize("at", TIMES)
def test_times_that_there_are_not_are_refused(client: httpx.Client, at: str) -> None:
    """A date may look right and be none."""
    execution = Execution(client)
    assert execution.create(started_at=at).status_code == 422
    execution.create()
    assert execution.append(execution.event(0) | {"at": at}).status_code == 422
    assert execution.end(started_at=at).status_code == 422
    assert execution.end(ended_at=at).status_code == 422


def test_a_nul_in_a_reason_is_refused_or_kept(client: httpx.Client) -> None:
    """By both databases alike: PostgreSQL has no such texts."""
    execution = Execution(client)
    execution.create()
    answer = client.post(f"{execution.path}/interrupt", json={"reason": "a\0b"})
    assert answer.status_code == 200
    answer = client.put("/api/v1/pause", json={"paused": False, "reason": "a\0b"})
    assert (answer.status_code, problem_name(answer)) == (422, "invalid-request")


async def test_rows_that_an_older_server_let_in_hide_nothing(start_server: Starter, sqlite_address: str) -> None:
    """Neither from a browser nor from the client of this project."""
    server = start_server()
    with server.client() as client:
        good, bad = Execution(client), Execution(client)
        for execution in (good, bad):
            execution.create(flow_info=PICTURE | {"id": execution.id})
            execution.append(execution.event(0), execution.event(1, "note_of_tomorrow"))
        with closing(sqlite3.connect(sqlite_address, isolation_level=None)) as other:
            key = other.execute("SELECT key FROM executions WHERE id = ?", [bad.id]).fetchone()[0]
            other.execute("UPDATE execution_details SET inputs = ? WHERE execution_key = ?", ['{"a":Infinity}', key])
            other.execute(
                "UPDATE events SET body = replace(body, '}', ',\"a\":-Infinity}') WHERE execution_key = ?", [key]
            )
            other.execute("UPDATE flow_infos SET body = ? WHERE body LIKE ?", ['{"a":NaN}', f"%{bad.id}%"])
            other.execute("UPDATE profiles SET inputs = ? WHERE flow = ?", ['{"a":Infinity}', bad.flow])
        for path in ("/api/v1/executions", bad.path, f"{bad.path}/events", f"{bad.profile_path}/inputs"):
            json.loads(client.get(path).text, parse_constant=_refuse)
    store = HttpStore(server.address, token=TOKEN, http=NativeHttp())
    assert {record.id for record in (await store.executions()).items} == {good.id, bad.id}
    assert [event.seq for event in await store.events(good.id)] == [0]
    await store.close()


def _refuse(constant: str) -> None:
    raise ValueError(constant)
