"""Leases: one holder at a time, by name, until it gives back, loses time, or is taken over from."""

import sqlite3
import time
from contextlib import closing
from types import SimpleNamespace

import httpx
import pytest
from tests.server.conftest import Starter
from tests.server.harness import Execution, problem_name, running_server

from irenic.model.timestamps import timestamp
from irenic_server.clock import now_ms


def lost(execution: Execution) -> httpx.Response:
    """Wait for the outcome by following the stream to its end, and return it."""
    with execution.client.stream("GET", f"{execution.path}/stream") as stream:
        for _ in stream.iter_lines():
            pass
    return execution.client.get(f"{execution.path}/outcome")


def test_a_lease_is_taken_renewed_and_given_back(execution: Execution) -> None:
    """Its fencing number stays the same as long as it is held."""
    taken = execution.take_lease()
    assert taken.status_code == 201
    fencing = taken.json()["fencing"]
    assert taken.json()["holder"] == f"holder of {execution.id}"
    assert execution.record()["fencing"] == fencing
    renewed = execution.renew_lease(fencing)
    assert (renewed.status_code, renewed.json()["fencing"], renewed.json()["interrupt"]) == (200, fencing, None)
    assert renewed.json()["expires_at"] >= taken.json()["expires_at"]
    execution.end()
    path = f"{execution.profile_path}/lease"
    assert execution.client.request("DELETE", path, json={"fencing": fencing}).status_code == 204
    assert execution.client.delete(path, params={"fencing": fencing}).status_code == 204
    assert problem_name(execution.client.delete(path)) == "invalid-request"


def by(fencing: int) -> dict[str, str]:
    """Return the header that names a lease."""
    return {"Irenic-Fencing": str(fencing)}


def test_a_lease_that_is_held_names_its_holder(execution: Execution) -> None:
    """So a person knows whom to ask."""
    execution.take_lease()
    other = Execution(execution.client, execution.flow)
    other.create()
    response = other.take_lease()
    assert (response.status_code, problem_name(response)) == (409, "held")
    body = response.json()
    assert (body["holder"], body["execution_id"]) == (f"holder of {execution.id}", execution.id)
    assert body["expires_at"].endswith("Z")


def test_the_same_request_for_a_lease_gets_the_same_lease(execution: Execution) -> None:
    """A client that did not get the answer asks once more."""
    first, second = execution.take_lease(), execution.take_lease()
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["fencing"] == second.json()["fencing"]


def test_a_lease_can_be_taken_over(execution: Execution) -> None:
    """The execution that had it is lost at once, and can write nothing more."""
    old = execution.take_lease().json()["fencing"]
    execution.append(execution.started(["archive"]), execution.intent(1, "archive"), **by(old))
    other = Execution(execution.client, execution.flow)
    other.create()
    new = other.take_lease(take_over=True).json()["fencing"]
    assert new > old

    outcome = execution.client.get(f"{execution.path}/outcome").json()
    assert (outcome["kind"], outcome["items"]["unknown"]) == ("lost", ["archive"])
    last = execution.events()["events"][-1]
    assert (last["seq"], last["kind"], last["outcome"]) == (2, "execution_ended", outcome)
    assert problem_name(execution.renew_lease(old)) == "stale-fencing"
    assert problem_name(execution.append(execution.event(2), **{"Irenic-Fencing": str(old)})) == "stale-fencing"
    assert problem_name(execution.append(execution.event(2))) == "execution-ended"
    assert other.append(other.event(0), **{"Irenic-Fencing": str(new)}).status_code == 200
    given_back = execution.client.delete(f"{execution.profile_path}/lease", params={"fencing": old})
    assert problem_name(given_back) == "stale-fencing"
    assert other.renew_lease(new).status_code == 200


def test_giving_back_without_an_outcome_loses_the_execution(execution: Execution) -> None:
    """A page that is closed says so, and nobody has to wait for the lease to run out."""
    fencing = execution.take_lease().json()["fencing"]
    execution.client.delete(f"{execution.profile_path}/lease", params={"fencing": fencing})
    assert execution.record()["status"] == "lost"
    outcome = execution.client.get(f"{execution.path}/outcome").json()
    assert outcome["cmds"] == {"done": [], "not_done": ["ensure"]}


def test_a_stop_that_its_holder_did_not_write_down_is_in_the_journal_of_what_is_lost(execution: Execution) -> None:
    """An abandoned worker writes nothing any more; once is enough, and what was written is not written again."""
    fencing = execution.take_lease().json()["fencing"]
    execution.append(execution.started(["archive"]), execution.intent(1, "archive"), **by(fencing))
    for level in ("cancel", "abandon"):
        body = {"source": "user", "reason": "lunch", "level": level}
        execution.client.post(f"{execution.path}/interrupt", json=body).raise_for_status()
    execution.client.delete(f"{execution.profile_path}/lease", params={"fencing": fencing})
    outcome = execution.client.get(f"{execution.path}/outcome").json()
    told = {name: outcome["interrupt"][name] for name in ("source", "reason", "level")}
    assert (outcome["kind"], told) == ("lost", {"source": "user", "reason": "lunch", "level": "abandon"})
    events = execution.events()["events"]
    kinds = ["execution_started", "item_intent", "interrupt_requested", "execution_ended"]
    assert [(event["seq"], event["kind"]) for event in events] == list(enumerate(kinds))


def test_the_journal_has_the_last_word_on_how_an_execution_ended(execution: Execution) -> None:
    """A writer that died between its last event and its outcome is not called lost."""
    fencing = execution.take_lease().json()["fencing"]
    execution.append(
        execution.started(["archive"]),
        execution.event(1, "execution_ended", outcome=execution.outcome("complete")),
        **by(fencing),
    )
    execution.client.delete(f"{execution.profile_path}/lease", params={"fencing": fencing})
    assert execution.record()["status"] == "complete"


def test_a_lease_that_is_not_renewed_runs_out(start_server: Starter) -> None:
    """Its execution becomes lost by itself; what was begun and has no result is unknown."""
    server = start_server(sweep_interval=0.05, lost_after=0)
    with server.client() as client:
        execution = Execution(client)
        execution.create()
        fencing = execution.take_lease(ttl=3).json()["fencing"]
        execution.append(execution.started(["archive", "site"]), **by(fencing))
        begun = [execution.intent(1, "archive"), execution.result(2, "archive"), execution.intent(3, "site")]
        execution.append(*begun, **by(fencing))
        outcome = lost(execution).json()
        assert outcome["kind"] == "lost"
        assert outcome["items"]["unknown"] == ["site"]
        assert problem_name(execution.renew_lease(fencing)) == "stale-fencing"
        assert execution.states()["items"]["site"]["unknown"] is True
        other = Execution(client, execution.flow)
        assert other.take_lease().json()["fencing"] == fencing + 1


def run_out(lease: httpx.Response) -> None:
    """Wait until a lease has run out."""
    while timestamp() <= lease.json()["expires_at"]:
        time.sleep(0.05)


def test_a_holder_that_comes_back_goes_on_with_a_lease_that_ran_out(start_server: Starter) -> None:
    """As after a laptop has slept: it has the same fencing number, and its journal takes events."""
    server = start_server(sweep_interval=0.05)
    with server.client() as client:
        execution = Execution(client)
        execution.create()
        taken = execution.take_lease(ttl=1)
        fencing = taken.json()["fencing"]
        run_out(taken)

        renewed, again = execution.renew_lease(fencing, ttl=1), execution.take_lease()
        appended = execution.append(execution.event(0), **{"Irenic-Fencing": str(fencing)})

        assert [lease.json()["fencing"] for lease in (renewed, again)] == [fencing, fencing]
        assert appended.status_code == 200
        assert execution.record()["status"] == "running"


def test_a_lease_that_ran_out_is_free_for_another(start_server: Starter) -> None:
    """Who comes first has it; the former holder's execution is lost then, and not before."""
    server = start_server(sweep_interval=0.05)
    with server.client() as client:
        execution, other = Execution(client), Execution(client)
        other.profile_path = execution.profile_path
        execution.create()
        taken = execution.take_lease(ttl=1)
        run_out(taken)
        before = execution.record()["status"]

        assert other.take_lease().status_code == 201

        assert (before, execution.record()["status"]) == ("running", "lost")
        assert problem_name(execution.renew_lease(taken.json()["fencing"])) == "stale-fencing"


def test_a_server_that_has_slept_ends_no_lease(
    start_server: Starter, sqlite_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could renew one meanwhile; a clock that is set forward looks the same."""
    server = start_server(sweep_interval=0.05, lost_after=0)
    with server.client() as client, closing(sqlite3.connect(sqlite_address)) as database:
        execution = Execution(client)
        execution.create()
        fencing = execution.take_lease(ttl=5).json()["fencing"]

        monkeypatch.setattr("irenic_server.clock.time", SimpleNamespace(time_ns=lambda: time.time_ns() + 120 * 10**9))
        expiries = "SELECT lease_expires_ms FROM profiles"
        while (expires := database.execute(expiries).fetchone()[0]) is not None and expires <= now_ms():
            pass

        assert expires is not None
        assert execution.renew_lease(fencing).status_code == 200
        assert execution.record()["status"] == "running"


def test_an_execution_may_be_made_after_its_lease(client: httpx.Client) -> None:
    """The lease is found by the execution's id."""
    execution = Execution(client)
    fencing = execution.take_lease().json()["fencing"]
    execution.create()
    assert execution.record()["fencing"] == fencing


def test_a_restart_gives_holders_time_to_renew(start_server: Starter, sqlite_address: str) -> None:
    """Nobody can renew a lease while the server is down."""
    with running_server(sqlite_address) as first, first.client() as client:
        execution = Execution(client)
        execution.create()
        fencing = execution.take_lease(ttl=1).json()["fencing"]
        before = execution.renew_lease(fencing, ttl=1).json()["expires_at"]
    second = start_server(sweep_interval=0.05, lease_ttl=30)
    with second.client() as client:
        again = Execution(client, execution.flow)
        again.id, again.path = execution.id, execution.path
        assert again.renew_lease(fencing).json()["expires_at"] > before


@pytest.mark.parametrize("members", [{"holder": ""}, {"ttl": 0}, {"ttl": 1e9}, {"execution_id": "x"}, {"ttl": "NaN"}])
def test_a_request_for_a_lease_is_checked(execution: Execution, members: dict[str, object]) -> None:
    """A lease without a name or for ever would block everybody else."""
    response = execution.take_lease(**members)
    assert (response.status_code, problem_name(response)) == (422, "invalid-request")


def test_two_profiles_have_two_leases(execution: Execution) -> None:
    """Who holds one does not hold the other."""
    execution.take_lease()
    path = execution.profile_path.replace("/dev", "/prod")
    assert execution.client.post(f"{path}/lease", json={"holder": "another"}).status_code == 201
