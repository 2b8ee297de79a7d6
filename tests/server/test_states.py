"""Stored states: folded from events as they are appended, and written whole only by whoever has seen them."""

import httpx
import pytest
from tests.server.harness import Execution, problem_name

from irenic.model.ids import new_execution_id


def test_states_follow_the_journal(execution: Execution) -> None:
    """An intent makes an item unknown, its result makes it known again."""
    execution.append(
        execution.started(["archive", "site"]),
        execution.event(1, "item_state", item="archive", which="goal", state={"a": 1}, stored=True),
        execution.intent(2, "archive"),
    )
    states = execution.states()
    assert states["items"]["archive"]["goal"] == {"path": "archive"}
    assert states["items"]["archive"]["unknown"] is True
    execution.append(execution.result(3, "archive"))
    later = execution.states()
    assert later["items"]["archive"]["unknown"] is False
    assert later["items"]["archive"]["current"] == {"path": "archive"}
    assert (later["items"]["archive"]["execution_id"], later["items"]["archive"]["seq"]) == (execution.id, 3)
    assert later["serial"] > states["serial"]


def test_repeated_events_are_folded_once(execution: Execution) -> None:
    """A batch that is sent again does not touch the states."""
    batch = [execution.started(["archive"]), execution.intent(1, "archive"), execution.result(2, "archive")]
    execution.append(*batch)
    states = execution.states()
    execution.append(*batch)
    assert execution.states() == states


def test_items_keep_the_order_in_which_they_came(execution: Execution) -> None:
    """Also where they come in several batches."""
    names = ["zebra", "apple", "mango", "kiwi"]
    for seq, name in enumerate(names):
        execution.append(execution.event(seq, "item_state", item=name, which="current", state={"n": seq}, stored=True))
    execution.append(execution.event(4, "item_state", item="apple", which="current", state={"n": 9}, stored=True))
    assert list(execution.states()["items"]) == names


def test_what_was_only_looked_at_is_not_stored(execution: Execution) -> None:
    """Ensure and clean compare what they find with what is stored; only discover stores it."""
    found = {"item": "archive", "which": "current"}
    execution.append(
        execution.event(0, "item_state", state={"n": 0}, stored=True, **found),
        execution.event(1, "item_state", state={"n": 1}, stored=False, **found),
    )
    assert execution.states()["items"]["archive"]["current"] == {"n": 0}


def test_inputs_of_a_profile_are_kept(execution: Execution) -> None:
    """A form is filled with what was given last."""
    path = f"{execution.profile_path}/inputs"
    assert execution.client.get(path).json() == {"inputs": {}}
    given = {"inputs": {"url": "https://example.org", "sizes": [1, 2]}}
    assert execution.client.put(path, json=given).json() == given
    assert execution.client.get(path).json() == given


def test_the_profiles_of_a_flow_are_listed(execution: Execution) -> None:
    """Those that anything is stored of."""
    path = f"/api/v1/flows/{execution.flow}/profiles"
    execution.client.put(f"{path}/a_new_one/inputs", json={"inputs": {}})
    assert execution.client.get(path).json() == {"profiles": ["a_new_one", "dev"]}


def test_there_may_be_no_states(client: httpx.Client) -> None:
    """Serial 0 stands for none."""
    path = f"/api/v1/flows/flow_{new_execution_id()}/profiles/dev/states"
    response = client.get(path)
    assert response.headers["etag"] == '"0"'
    assert (response.json()["serial"], response.json()["items"]) == (0, {})


def test_states_that_are_known_are_not_sent_again(execution: Execution) -> None:
    """The ETag is the serial."""
    execution.append(execution.intent(0, "archive"))
    path = f"{execution.profile_path}/states"
    etag = execution.client.get(path).headers["etag"]
    again = execution.client.get(path, headers={"If-None-Match": f'"0", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    execution.append(execution.result(1, "archive"))
    assert execution.client.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_states_are_replaced_only_by_whoever_has_seen_them(execution: Execution) -> None:
    """A writer without the ETag is told to read first, one with an old ETag that it is too late."""
    path = f"{execution.profile_path}/states"
    execution.append(execution.intent(0, "archive"))
    etag = execution.client.get(path).headers["etag"]
    body = {"items": {"site": {"current": {"a": 1}}, "archive": {"goal": None}}}

    without = execution.client.put(path, json=body)
    assert (without.status_code, problem_name(without)) == (428, "precondition-required")
    creating = execution.client.put(path, json=body, headers={"If-None-Match": "*"})
    assert (creating.status_code, problem_name(creating)) == (412, "states-changed")

    stored = execution.client.put(path, json=body, headers={"If-Match": etag})
    assert stored.status_code == 200
    assert stored.headers["etag"] == f'"{stored.json()["serial"]}"' != etag
    assert list(execution.states()["items"]) == ["site", "archive"]
    assert execution.states()["items"]["site"]["current"] == {"a": 1}

    late = execution.client.put(path, json=body, headers={"If-Match": etag})
    assert (late.status_code, problem_name(late)) == (412, "states-changed")


def test_states_can_be_created(client: httpx.Client) -> None:
    """If-None-Match: * says that there are none."""
    path = f"/api/v1/flows/flow_{new_execution_id()}/profiles/dev/states"
    made = client.put(path, json={"items": {}}, headers={"If-None-Match": "*"})
    assert (made.status_code, made.json()["serial"]) == (200, 1)


@pytest.mark.parametrize("etag", ["nonsense", '"x"', '"-1"', "*", '"99999999999999999999"'])
def test_an_etag_of_nobody_does_not_match(execution: Execution, etag: str) -> None:
    """It is no error of form: the states are just not those."""
    response = execution.client.put(f"{execution.profile_path}/states", json={"items": {}}, headers={"If-Match": etag})
    assert response.status_code == 412
