"""Interrupts: kept with the execution, and heard wherever it runs."""

import httpx
from tests.server.conftest import Starter
from tests.server.harness import Execution, problem_name


def test_an_interrupt_is_kept_and_heard(execution: Execution) -> None:
    """By the record, by the worker's poll, and by whoever renews the lease."""
    fencing = execution.take_lease().json()["fencing"]
    assert execution.client.get(f"{execution.path}/signal").text == "0"
    reply = execution.client.post(f"{execution.path}/interrupt", json={"source": "user", "reason": "lunch"})
    assert (reply.status_code, reply.json()) == (200, {"reply": "requested"})
    signal = execution.record()["interrupt"]
    assert (signal["source"], signal["reason"], signal["level"]) == ("user", "lunch", None)
    assert execution.client.get(f"{execution.path}/signal").text == "2"
    assert execution.renew_lease(fencing).json()["interrupt"] == signal


def test_a_request_without_a_body_is_an_interrupt_too(execution: Execution) -> None:
    """It comes from the user and gives no reason."""
    assert execution.client.post(f"{execution.path}/interrupt").json() == {"reply": "requested"}
    assert execution.record()["interrupt"]["source"] == "user"


def test_a_second_request_raises_the_level_by_one(execution: Execution) -> None:
    """Until there is none above."""
    levels = []
    for _ in range(4):
        execution.client.post(f"{execution.path}/interrupt")
        levels.append(execution.record()["interrupt"]["level"])
    assert levels == [None, "cancel", "abandon", "abandon"]


def test_a_level_can_be_asked_for_and_never_sinks(execution: Execution) -> None:
    """A harder request made before is not taken back."""
    for asked, expected in [("cancel", "cancel"), ("finish", "abandon")]:
        execution.client.post(f"{execution.path}/interrupt", json={"level": asked})
        assert execution.record()["interrupt"]["level"] == expected
    assert problem_name(execution.client.post(f"{execution.path}/interrupt", json={"level": "kill"})) == (
        "invalid-request"
    )


def test_there_is_nothing_to_interrupt_after_the_end(execution: Execution) -> None:
    """The reply says so, and the signal is down."""
    execution.client.post(f"{execution.path}/interrupt")
    execution.end()
    reply = execution.client.post(f"{execution.path}/interrupt")
    assert reply.json() == {"reply": "nothing_to_interrupt"}
    assert execution.client.get(f"{execution.path}/signal").text == "0"


def test_all_executions_can_be_interrupted_at_once(start_server: Starter) -> None:
    """Like a plain SIGINT."""
    with start_server().client() as client:
        assert client.post("/api/v1/interrupt").json() == {"reply": "nothing_to_interrupt"}
        running, ended = _two(client)
        assert client.post("/api/v1/interrupt", json={"source": "maintenance"}).json() == {"reply": "requested"}
        assert running.record()["interrupt"]["source"] == "maintenance"
        assert ended.record()["interrupt"] is None


def _two(client: httpx.Client) -> tuple[Execution, Execution]:
    running, ended = Execution(client), Execution(client)
    for execution in (running, ended):
        execution.create()
    ended.end()
    return running, ended
