"""The client that the core has of this server, checked against the description of the API."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.server.harness import TOKEN, running_server

from irenic.engine.store import Store
from irenic.flow.context import HttpResponse
from irenic.items.http_native import NativeHttp
from irenic.model.events import ExecutionEnded, ExecutionStarted
from irenic.model.fold import ExecutionFold
from irenic.model.ids import new_execution_id
from irenic.model.interrupt import InterruptSignal
from irenic.model.outcome import Complete
from irenic.model.record import ExecutionRecord
from irenic.model.timestamps import timestamp
from irenic.stores import HttpStore

OPENAPI = json.loads((Path(__file__).parent / "openapi.json").read_text())


class Listener(NativeHttp):
    """Sends requests and notes what went to and fro."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, str, bytes | None, int, bytes]] = []

    @asynccontextmanager
    async def request(  # type: ignore[override]  # the body is read whole, which is all that the store wants
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> AsyncIterator[HttpResponse]:
        """See the base class."""
        async with super().request(method, url, headers=headers, body=body) as response:
            answer = await response.read()
            self.heard.append((method, url, body, response.status, answer))
            yield _Whole(response, answer)


class _Whole:
    """A response that was read."""

    def __init__(self, response: HttpResponse, body: bytes) -> None:
        self.status = response.status
        self.headers = response.headers
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the body in one piece."""
        yield self._body

    async def read(self) -> bytes:
        """Return the body."""
        return self._body


async def use_everything(store: Store) -> None:
    """Call every function of a store once, as an execution and a reader of it do."""
    record = ExecutionRecord(id=new_execution_id(), flow="letters", profile="dev", cmds=["ensure"], holder="a test")
    lease = await store.lease("letters", "dev", execution_id=record.id, holder="a test")
    journal = await store.create(record, lease)
    begun = ExecutionStarted(
        execution_id=record.id, seq=0, at=timestamp(), flow="letters", profile="dev", cmds=["ensure"], items=[]
    )
    journal.append(begun)
    await journal.durable()
    await store.interrupt(record.id, InterruptSignal(source="a test", reason="to see"))
    outcome = ExecutionFold.of([begun]).outcome(Complete)
    journal.append(ExecutionEnded.model_validate({**_place(record, 1), "outcome": outcome.model_dump()}))
    await journal.finish(Complete.model_validate(outcome.model_dump()))
    await lease.release()
    await store.save_inputs("letters", "dev", {"name": "Ada"})
    assert await store.inputs("letters", "dev") == {"name": "Ada"}
    assert await store.profiles("letters") == ["dev"]
    assert (await store.states("letters", "dev")).items == {}
    assert [found.id for found in (await store.executions(flow="letters")).items] == [record.id]
    assert [event.seq for event in await store.events(record.id)] == [0, 1]
    assert (await store.execution(record.id)) is not None
    assert (await store.outcome(record.id)) is not None
    assert await store.execution(new_execution_id()) is None


def _place(record: ExecutionRecord, seq: int) -> dict[str, Any]:
    return {"execution_id": record.id, "seq": seq, "at": timestamp()}


@pytest.fixture
async def heard(tmp_path: Path) -> list[tuple[str, str, bytes | None, int, bytes]]:
    """What went to and fro between a store and a server."""
    listener = Listener()
    with running_server(str(tmp_path / "server.db")) as server:
        store = HttpStore(server.address, token=TOKEN, http=listener)
        await use_everything(store)
        await store.close()
    return listener.heard


async def test_every_request_and_answer_is_as_the_description_says(
    heard: list[tuple[str, str, bytes | None, int, bytes]],
) -> None:
    """Path, method, body, status and answer."""
    assert len(heard) >= 14
    for method, url, body, status, answer in heard:
        operation = described(method, url)
        if body:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            check(json.loads(body), schema)
        response = operation["responses"][str(status)]
        content = response.get("content", {})
        for media in ("application/json", "application/problem+json"):
            if media in content and answer:
                check(json.loads(answer), content[media]["schema"])


def described(method: str, url: str) -> dict[str, Any]:
    """Return the description of the operation that a request is for."""
    path = "/" + url.partition("://")[2].partition("/")[2].partition("?")[0]
    for template, operations in OPENAPI["paths"].items():
        if method.lower() in operations and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            found: dict[str, Any] = operations[method.lower()]
            return found
    raise AssertionError(f"{method} {path} is not described")


def check(value: Any, schema: dict[str, Any]) -> None:
    """Check a value against a schema of the description."""
    jsonschema_rs.validator_for({**schema, "components": OPENAPI["components"]}).validate(value)
