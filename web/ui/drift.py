"""What was stored of an item, what was found and what its goal is, side by side."""

from __future__ import annotations

from typing import Any

from ui import difference
from ui.browser import make

_LONGEST = 160


def drift_table(drift: dict[str, Any], order: list[str]) -> Any:
    """Make a table of the fields that are not the same everywhere.

    :param order: the names of the fields in the order of their definition.
    """
    columns = [("Stored", drift.get("stored")), ("Found", drift.get("found"))]
    if drift.get("goal") is not None:
        columns.append(("Goal", drift["goal"]))
    table = make("table", cls="sides")
    head = table.createTHead().insertRow()
    for word in ["Field"] + [word for word, _ in columns]:
        head.appendChild(make("th", word, scope="col"))
    body = table.createTBody()
    for name in difference.changed(drift, order):
        row = body.insertRow()
        row.appendChild(make("th", name, scope="row"))
        for word, state in columns:
            row.appendChild(make("td", _text(state, name), "found" if word == "Found" else ""))
    return table


def _text(state: dict[str, Any] | None, name: str) -> str:
    value = (state or {}).get(name)
    return "nothing" if value is None else difference.value_text(name, value, _LONGEST)
