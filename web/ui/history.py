"""The history panel: the executions of this profile, newest first; a press shows one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import units
from ui.browser import by_id, clear, listen, local_time, make, make_icon, show
from ui.status import execution_status

if TYPE_CHECKING:
    from collections.abc import Callable


class HistoryPanel:
    """Draws pages of executions; ``on_choose`` is called with a record, ``on_more`` when an older page is wanted."""

    def __init__(self, on_choose: Callable[[dict[str, Any]], None], on_more: Callable[[str], None]) -> None:
        self._on_choose = on_choose
        self._on_more = on_more
        self._list = by_id("history")
        self._more = by_id("history-more")
        self._records: dict[str, dict[str, Any]] = {}
        self._cursor: str | None = None
        listen(self._list, "click", self._clicked)
        listen(self._more, "click", lambda event: self._on_more(self._cursor or ""))

    def draw(self, page: dict[str, Any], shown: str | None, older: bool = False) -> None:
        """Show a page of executions, below those already shown where it is an older one."""
        if not older:
            clear(self._list)
            self._records = {}
        for record in page.get("items", []):
            self._records[record["id"]] = record
            self._list.appendChild(_row(record, record["id"] == shown))
        self._cursor = page.get("next_cursor")
        show(self._more, self._cursor is not None)
        show(by_id("history-empty"), not self._records)

    def nothing_is_kept(self) -> None:
        """Say why there is no history."""
        by_id("history-empty").textContent = (
            "Nothing is kept here: there is no server of irenic's behind this site. An execution is forgotten when the "
            "page is closed or loaded again; files stay."
        )

    def _clicked(self, event: Any) -> None:
        button = event.target.closest("button[data-execution]")
        if button is not None:
            self._on_choose(self._records[str(button.dataset.execution)])


def _row(record: dict[str, Any], shown: bool) -> Any:
    row = make("li")
    if shown:
        row.setAttribute("aria-current", "true")
    look = execution_status(record.get("status", ""))
    status = make("span", cls="status", data_tone=look.tone)
    status.appendChild(make_icon(look.icon))
    status.appendChild(make("span", look.word))
    cmds = ", ".join(record.get("cmds", [])) + (" (dry run)" if record.get("dry_run") else "")
    started = record.get("started_at") or record.get("created_at") or ""
    took = units.seconds_between(started, record.get("ended_at"))
    button = make("button", cmds, "plain", type="button", data_execution=record["id"])
    row.appendChild(status)
    row.appendChild(button)
    row.appendChild(make("span", local_time(started) if started else "", "quiet"))
    row.appendChild(make("span", f"took {units.span(took)}" if took is not None else "", "quiet"))
    return row
