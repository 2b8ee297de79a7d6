"""Appending to a journal: in order, once, and only by the one who may."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.server.harness import TOKEN, Execution, RunningServer, problem_name


def test_events_are_given_back_as_they_came(execution: Execution) -> None:
    """What the server does not know of an event is kept all the same."""
    odd = execution.event(1, "of_a_later_version", text="ä\u2028\u0000", deep={"list": [1, 2.5, None, True]})
    assert execution.append(execution.event(0), odd).json() == {"next_seq": 2}
    assert execution.events() == {"events": [execution.event(0), odd], "next_after": None}


def test_the_same_events_again_change_nothing(execution: Execution) -> None:
    """A client that did not get the answer sends its batch once more."""
    batch = [execution.event(0), execution.event(1)]
    first = execution.append(*batch)
    second = execution.append(*batch)
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (200, {"next_seq": 2})
    assert execution.events()["events"] == batch


def test_a_batch_may_overlap_what_is_stored(execution: Execution) -> None:
    """Only what is new of it is appended."""
    events = [execution.event(seq) for seq in range(5)]
    execution.append(*events[:3])
    assert execution.append(*events[1:]).json() == {"next_seq": 5}
    assert execution.events()["events"] == events


def test_an_append_by_cookie_is_answered_as_one_by_token(server: RunningServer, execution: Execution) -> None:
    """The way of a request through the server shows in nothing but its number, whether it is granted or refused."""
    by_token = {"X-Request-Id": "short-way"}
    by_cookie = {"X-Request-Id": "short-way", "Cookie": f"irenic_token={TOKEN}", "Sec-Fetch-Site": "same-origin"}
    with server.client(None) as nobody:
        for events in ([execution.event(0)], [execution.event(5)], [{"seq": -1}]):
            short = execution.append(*events, **by_token)
            long = nobody.post(f"{execution.path}/events", json={"events": events}, headers=by_cookie)
            assert (short.status_code, short.content) == (long.status_code, long.content)
            headers = [sorted(item for item in answer.headers.items() if item[0] != "date") for answer in (short, long)]
            assert headers[0] == headers[1]


def test_the_order_of_members_does_not_make_an_event_another(execution: Execution) -> None:
    """Equal means equal in meaning."""
    execution.append(execution.event(0))
    again = dict(reversed(execution.event(0).items()))
    assert execution.append(again).status_code == 200


@pytest.mark.parametrize("seqs", [[1], [0, 2], [0, 0], [1, 0]])
def test_a_gap_is_refused_and_says_what_is_expected(execution: Execution, seqs: list[int]) -> None:
    """Nothing of such a batch is stored."""
    response = execution.append(*[execution.event(seq) for seq in seqs])
    assert problem_name(response) == "gap"
    assert response.status_code == 409
    assert response.json()["expected_seq"] == 0
    assert execution.events()["events"] == []


def test_another_event_with_a_known_number_is_refused(execution: Execution) -> None:
    """And the events after it in the same batch are not stored either."""
    execution.append(execution.event(0), execution.event(1))
    response = execution.append(execution.event(1, text="another"), execution.event(2))
    assert problem_name(response) == "conflicting-event"
    assert response.status_code == 409
    assert response.json()["seq"] == 1
    assert len(execution.events()["events"]) == 2


def test_true_and_one_are_not_the_same(execution: Execution) -> None:
    """Python would say that they are."""
    execution.append(execution.event(0, value=1))
    assert problem_name(execution.append(execution.event(0, value=True))) == "conflicting-event"


def test_an_execution_that_is_not_known_takes_no_events(client: httpx.Client) -> None:
    """The problem says how to create it."""
    unknown = Execution(client)
    response = unknown.append(unknown.event(0))
    assert response.status_code == 404
    assert problem_name(response) == "unknown-execution"
    assert f"PUT {unknown.path}" in response.json()["detail"]


def test_after_the_outcome_only_known_events_are_accepted(execution: Execution) -> None:
    """A repeated batch is answered as before; a new event comes too late."""
    execution.append(execution.event(0))
    execution.end()
    assert execution.append(execution.event(0)).json() == {"next_seq": 1}
    response = execution.append(execution.event(0), execution.event(1))
    assert response.status_code == 409
    assert problem_name(response) == "execution-ended"


def test_a_bare_array_is_a_batch_too(execution: Execution) -> None:
    """As the contract of the API says."""
    response = execution.client.post(f"{execution.path}/events", json=[execution.event(0)])
    assert response.json() == {"next_seq": 1}


def test_a_batch_may_be_gzipped(execution: Execution) -> None:
    """Journals compress well."""
    body = gzip.compress(json.dumps([execution.event(0)]).encode())
    path = f"{execution.path}/events"
    assert execution.client.post(path, content=body, headers={"Content-Encoding": "gzip"}).json() == {"next_seq": 1}
    broken = execution.client.post(path, content=body[:-9], headers={"Content-Encoding": "gzip"})
    assert problem_name(broken) == "malformed-body"
    brotli = execution.client.post(path, content=body, headers={"Content-Encoding": "br"})
    assert problem_name(brotli) == "unsupported-media-type"


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"seq": -1}, "/events/0/seq"),
        ({"seq": True}, "/events/0/seq"),
        ({"seq": 1.0}, "/events/0/seq"),
        ({"seq": 2**53}, "/events/0/seq"),
        ({"execution_id": "01JDF3Q4RZ8Y3X5W6V7T8S9R0Q"}, "/events/0/execution_id"),
        ({"at": "yesterday"}, "/events/0/at"),
        ({"at": "2026-13-01T00:00:00Z"}, "/events/0/at"),
        ({"kind": ""}, "/events/0/kind"),
        ({"kind": None}, "/events/0/kind"),
        ({"kind": "item_state", "item": "a b", "which": "current", "state": None}, "/events/0"),
        ({"kind": "item_state", "item": "a", "which": "neither", "state": None}, "/events/0"),
    ],
)
def test_an_envelope_that_is_wrong_is_refused_and_named(
    execution: Execution, members: dict[str, object], pointer: str
) -> None:
    """The rest of an event is free; the envelope, and what changes stored states, is not."""
    response = execution.append(execution.event(0) | members)
    assert response.status_code == 422
    assert problem_name(response) == "invalid-event"
    assert response.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"events": {}}', b"[1]", b'["\xff"]', b'[{"seq": NaN}]'])
def test_a_body_that_holds_no_events_is_refused(execution: Execution, body: bytes) -> None:
    """Whatever it is, the answer is a problem that says so."""
    response = execution.client.post(f"{execution.path}/events", content=body)
    assert response.status_code in (400, 422)
    assert problem_name(response) in ("malformed-body", "invalid-event")


def test_events_are_read_in_pages(execution: Execution) -> None:
    """Each page says where the next one begins."""
    events = [execution.event(seq) for seq in range(5)]
    execution.append(*events)
    assert execution.events(limit=2) == {"events": events[:2], "next_after": 1}
    assert execution.events(limit=2, after=1) == {"events": events[2:4], "next_after": 3}
    assert execution.events(limit=2, after=3) == {"events": events[4:], "next_after": None}


def test_many_clients_append_to_their_journals_at_once(client: httpx.Client) -> None:
    """Requests that share a commit do not get into each other's way, also where one of them is refused."""
    executions = [Execution(client) for _ in range(8)]
    for one in executions:
        one.create()

    def write(one: Execution) -> list[int]:
        statuses = []
        for seq in range(20):
            statuses.append(one.append(one.event(seq)).status_code)
            if seq % 5 == 0:
                statuses.append(one.append(one.event(seq + 7)).status_code)
        return statuses

    with ThreadPoolExecutor(8) as threads:
        for statuses in threads.map(write, executions):
            assert statuses.count(200) == 20
            assert statuses.count(409) == 4
    for one in executions:
        assert one.events()["events"] == [one.event(seq) for seq in range(20)]
