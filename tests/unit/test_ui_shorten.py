"""What is cut of the values of states before the page's Python reads them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SHORTEN = Path(__file__).parents[2] / "web" / "boot" / "shorten.mjs"
ANSWER = f"""
import {{ shorten }} from "{SHORTEN.as_uri()}";
let text = "";
for await (const part of process.stdin) text += part;
const value = JSON.parse(text);
console.log(JSON.stringify([shorten(value), value]));
"""
LONG = "x" * 100_000
ROWS = list(range(5_000))


def shortened(value: Any) -> tuple[bool, Any]:
    """Return whether anything was cut, and what is left."""
    node = shutil.which("node")
    assert node is not None
    run = subprocess.run(
        [node, "--input-type=module", "--eval", ANSWER],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        check=True,
    )
    cut, left = json.loads(run.stdout)
    return cut, left


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "item_state", "state": {"data": LONG, "rows": ROWS}},
        {"kind": "item_intent", "current": None, "target": {"rows": {str(n): n for n in ROWS}}},
        {"items": {"a": {"current": {"data": LONG}, "goal": {"data": LONG + "y"}}}},
        {"outcome": {"states": {"a": {"current": {"data": [LONG]}}}, "message": LONG}},
        [{"kind": "log", "text": LONG}],
    ],
)
def test_what_is_long_is_cut_wherever_it_stands(value: Any) -> None:
    """In events, outcomes and stored states."""
    cut, left = shortened(value)
    assert cut
    assert len(json.dumps(left)) < 6_000


@pytest.mark.parametrize(
    "value",
    [
        {"outcome": {"items": {"done": [f"item_{n}" for n in ROWS]}}},
        {"inputs": {"text": LONG}},
        {"type": "preview", "plan": LONG},
        {"state": {"text": "short", "rows": [1, 2, 3]}},
        None,
    ],
)
def test_everything_else_stays_as_it_is(value: Any) -> None:
    """Lists of items above all."""
    assert shortened(value) == (False, value)


def test_values_are_equal_exactly_where_they_were() -> None:
    """Whatever the order of their keys, and however far their beginnings agree."""
    _, left = shortened(
        {
            "current": {"a": LONG, "b": LONG, "c": {"x": ROWS, "y": 1}, "d": ROWS},
            "goal": {"a": LONG, "b": LONG[:-1] + "y", "c": {"y": 1, "x": ROWS}, "d": [*ROWS[:-1], 0]},
        }
    )
    equal = {name: left["current"][name] == left["goal"][name] for name in "abcd"}
    assert equal == {"a": True, "b": False, "c": True, "d": False}


def test_a_cut_value_says_how_large_it_was() -> None:
    """In characters, or in entries."""
    _, left = shortened({"state": {"data": LONG, "rows": ROWS}})
    assert "100000 characters" in left["state"]["data"]
    assert left["state"]["rows"].startswith("5000 entries")
