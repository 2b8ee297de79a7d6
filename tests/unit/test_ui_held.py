"""What the page holds in JavaScript says of a flow and of a journal what plain Python says of them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.items import World
from tests.pictures import FlowPicture, ReadJournal, as_json
from tests.running import fails
from tests.unit.test_ui_state import chain, journal

HELD = Path(__file__).parents[2] / "web" / "ui" / "held.mjs"
ANSWER = f"""
import * as held from "{HELD.as_uri()}";
let text = "";
for await (const part of process.stdin) text += part;
const {{ kind, made, calls }} = JSON.parse(text);
const thing = new held[kind](...made);
const ask = ([name, ...values]) => (typeof thing[name] === "function" ? thing[name](...values) : thing[name]);
console.log(JSON.stringify(calls.map(ask)));
"""


def asked(kind: str, made: list[Any], calls: list[list[Any]]) -> list[Any]:
    """Make something, call it, and return its answers; texts among them are JSON."""
    node = shutil.which("node")
    assert node is not None
    run = subprocess.run(
        [node, "--input-type=module", "--eval", ANSWER],
        input=json.dumps({"kind": kind, "made": made, "calls": calls}),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(answer) if isinstance(answer, str) else answer for answer in json.loads(run.stdout)]


def test_a_flows_picture_is_looked_up_item_by_item() -> None:
    """With its edges from both ends, and its fields in the order of their definition."""
    info = as_json(chain(World()).info())
    plain = FlowPicture(info)
    numbers = range(len(plain.ids))
    questions: list[list[Any]] = [["ids"], *(["item", at] for at in numbers), *(["fields", at] for at in numbers)]
    ids, *rest = asked("Picture", [info], questions)
    known = ("id", "type", "summary", "predecessors", "successors")
    assert ids == plain.ids
    assert rest[: len(ids)] == [{key: plain.item(at)[key] for key in known} for at in numbers]
    assert rest[len(ids) :] == [plain.fields(at) for at in numbers] != [[], [], []]


async def test_a_journal_says_of_each_item_what_it_holds() -> None:
    """However it is cut into pages."""
    flow = chain(World(), apply=fails("no luck"))
    events = [as_json(event) for event in await journal(flow, "discover", "ensure")]
    plain = ReadJournal(events)
    for size in (1, 7, len(events)):
        pages = [["add", events[at : at + size]] for at in range(0, len(events), size)]
        questions = [["nextSeq"], ["ended"], ["common"], ["begun"], *(["of", id] for id in "abc")]
        next_seq, ended, common, begun, *said = asked("Journal", [[], 1], [*pages, *questions])[len(pages) :]
        assert (next_seq, ended["outcome"], common, begun) == (
            plain.next_seq,
            plain.outcome(),
            plain.common(),
            plain.begun(),
        )
        telling = [[event for event in plain.of(id) if event["kind"] not in ("log", "ask")] for id in "abc"]
        assert said == telling


def event(seq: int, kind: str, item: str | None = "a", **more: Any) -> dict[str, Any]:
    """Return an event of a journal."""
    return {"execution_id": "X", "seq": seq, "at": "", "kind": kind, **({"item": item} if item else {}), **more}


def test_of_positions_that_follow_each_other_the_last_is_kept_with_the_limit() -> None:
    """A long execution has very many of them."""
    limit = {"unit": "steps", "total": 9}
    events = [
        event(0, "item_position", position=1, limit=limit, message="begins"),
        event(1, "item_position", position=2, message=""),
        event(2, "item_position", "b", position=1, message=""),
        event(3, "item_position", position=3, message=""),
        event(4, "item_status", status="running"),
        event(5, "item_position", position=4, message=""),
    ]
    (_, said) = asked("Journal", [[], 1], [["add", events], ["of", "a"]])
    assert [(each["seq"], each.get("limit")) for each in said] == [(3, limit), (4, None), (5, None)]


def test_items_whose_end_was_not_said_are_open() -> None:
    """They may be at work."""
    events = [
        event(0, "item_intent", "a", direction="ensure"),
        event(1, "item_intent", "b", direction="ensure"),
        event(2, "item_result", "a", result="applied"),
        event(3, "item_state", "c", which="current", state={}),
    ]
    (_, opened, begun) = asked("Journal", [[], 1], [["add", events], ["open"], ["begun"]])
    assert (opened, begun) == (["b", "c"], ["a", "b"])


def test_the_last_events_are_kept_and_the_last_of_those_that_matter() -> None:
    """In order, each once."""
    events = [event(seq, "item_result" if seq % 10 == 0 else "item_position", position=0) for seq in range(100)]
    pages = [["add", events[at : at + 30]] for at in range(0, 100, 30)]
    *_, tail = asked("Journal", [["item_result"], 3], [*pages, ["tail"]])
    assert [each["seq"] for each in tail] == [70, 80, 90, 97, 98, 99]
