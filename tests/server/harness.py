"""A real server on a real socket and a real database, for the tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from irenic.model.ids import new_execution_id
from irenic_server import Settings, create_app
from irenic_server.app import App
from irenic_server.serve import listen, make_server

TOKEN = "token-of-the-tests"
STARTED_WITHIN = 20.0


class RunningServer:
    """A server in a thread of this process."""

    def __init__(self, app: App, address: str) -> None:
        self.app = app
        self.address = address

    def client(self, token: str | None = TOKEN, **headers: str) -> httpx.Client:
        """Return a client that sends a token."""
        given = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return httpx.Client(base_url=self.address, headers=given | headers, timeout=20)


@contextmanager
def running_server(database: str, **settings: Any) -> Iterator[RunningServer]:
    """Run a server until the block ends."""
    made = Settings(database=database, port=0, **({"token": TOKEN} | settings))
    app = create_app(made)
    listener = listen(made, lambda line: None)
    started = threading.Event()
    server = make_server(app, started.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert started.wait(STARTED_WITHIN)
        yield RunningServer(app, f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


class Execution:
    """An execution in the API: its id, and the requests about it."""

    def __init__(self, client: httpx.Client, flow: str | None = None) -> None:
        self.client = client
        self.id = new_execution_id()
        self.flow = flow or f"flow_{self.id}"
        self.path = f"/api/v1/executions/{self.id}"
        self.profile_path = f"/api/v1/flows/{self.flow}/profiles/dev"

    def create(self, **members: Any) -> httpx.Response:
        """Create it as a run of a flow of its own, unless told otherwise."""
        return self.client.put(self.path, json={"flow": self.flow, "profile": "dev", "cmds": ["ensure"]} | members)

    def event(self, seq: int, kind: str = "log", **members: Any) -> dict[str, Any]:
        """Return an event of it."""
        given = members or {"text": f"line {seq}"}
        return {"execution_id": self.id, "seq": seq, "at": "2026-11-24T10:15:00.000Z", "kind": kind} | given

    def started(self, items: list[str], seq: int = 0) -> dict[str, Any]:
        """Return its first event."""
        return self.event(seq, "execution_started", flow=self.flow, profile="dev", cmds=["ensure"], items=items)

    def intent(self, seq: int, item: str) -> dict[str, Any]:
        """Return the event that an item is about to be applied."""
        return self.event(
            seq,
            "item_intent",
            item=item,
            direction="ensure",
            params_hash="p",
            code_hash="c",
            current={"path": None},
            target={"path": item},
        )

    def result(self, seq: int, item: str, result: str = "applied") -> dict[str, Any]:
        """Return the event that an item was applied."""
        return self.event(
            seq,
            "item_result",
            item=item,
            direction="ensure",
            result=result,
            state={"path": item},
            params_hash="p",
            code_hash="c",
        )

    def append(self, *events: dict[str, Any], **headers: str) -> httpx.Response:
        """Append events."""
        return self.client.post(f"{self.path}/events", json={"events": list(events)}, headers=headers)

    def events(self, **query: Any) -> Any:
        """Return the page of events that a query gives."""
        return self.client.get(f"{self.path}/events", params=query).json()

    def outcome(self, kind: str = "complete", **members: Any) -> dict[str, Any]:
        """Return an outcome of it."""
        return {
            "kind": kind,
            "execution_id": self.id,
            "flow": self.flow,
            "profile": "dev",
            "started_at": "2026-11-24T10:15:00.000Z",
            "ended_at": "2026-11-24T10:16:00.000Z",
        } | members

    def end(self, kind: str = "complete", **members: Any) -> httpx.Response:
        """Store its outcome."""
        return self.client.put(f"{self.path}/outcome", json=self.outcome(kind, **members))

    def take_lease(self, **members: Any) -> httpx.Response:
        """Take the lease of its flow's profile."""
        return self.client.post(
            f"{self.profile_path}/lease", json={"holder": f"holder of {self.id}", "execution_id": self.id} | members
        )

    def renew_lease(self, fencing: int, **members: Any) -> httpx.Response:
        """Keep the lease."""
        return self.client.put(
            f"{self.profile_path}/lease", json={"holder": f"holder of {self.id}", "fencing": fencing} | members
        )

    def states(self) -> Any:
        """Return the stored states of its flow's profile."""
        return self.client.get(f"{self.profile_path}/states").json()

    def record(self) -> Any:
        """Return its record."""
        return self.client.get(self.path).json()


def problem_name(response: httpx.Response) -> str:
    """Return the name of a problem, after checking that the answer is one."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["title"]
    assert body["detail"]
    return str(body["type"]).removeprefix("urn:irenic:problem:")
