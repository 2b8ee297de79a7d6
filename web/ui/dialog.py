"""The dialog that asks before something is done, with what it would do to each item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import review
from ui.browser import by_id, clear, listen, local_day, make, make_icon, show, spawn
from ui.drift import drift_table
from ui.status import item_status, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.status import Status


class Dialog:
    """One dialog for all questions; the browser keeps the focus inside and gives it back."""

    def __init__(self) -> None:
        self._dialog = by_id("dialog")
        self._title = by_id("dialog-title")
        self._text = by_id("dialog-text")
        self._list = by_id("dialog-list")
        self._yes = by_id("dialog-yes")
        self._other = by_id("dialog-other")
        self._prune = by_id("dialog-prune")
        self._save = by_id("dialog-save")
        self._plan = by_id("dialog-plan")
        self._plan_file = by_id("dialog-plan-file")
        self._on_yes: Callable[[], None] | None = None
        self._on_other: Callable[[], None] | None = None
        self._on_save: Callable[[], None] | None = None
        self._on_plan: Callable[[str], None] | None = None
        self._fates: list[tuple[Any, dict[str, Any]]] = []
        listen(self._yes, "click", lambda event: self._answer(self._on_yes))
        listen(self._other, "click", lambda event: self._answer(self._on_other))
        listen(by_id("dialog-no"), "click", lambda event: self._dialog.close())
        listen(self._save, "click", lambda event: self._on_save() if self._on_save is not None else None)
        listen(self._plan, "click", lambda event: self._plan_file.click())
        listen(self._plan_file, "change", lambda event: spawn(self._read_plan()))
        listen(self._prune, "change", lambda event: self._say_fates(self.prunes))

    @property
    def is_open(self) -> bool:
        """Whether it is on screen."""
        return bool(self._dialog.open)

    @property
    def prunes(self) -> bool:
        """Whether what is left over is to be removed too."""
        return bool(self._prune.checked)

    def ask(self, title: str, text: str, yes: str, on_yes: Callable[[], None]) -> None:
        """Ask a question with one way to go on."""
        self._title.textContent = title
        self._text.textContent = text
        self._yes.textContent = yes
        self._on_yes = on_yes
        self._on_other = None
        self._prune.checked = False
        show(self._other, False)
        show(self._save, False)
        show(self._plan, False)
        show(self._prune.parentNode, False)
        clear(self._list)
        self._dialog.showModal()

    def close(self) -> None:
        """Take it away, unanswered."""
        self._dialog.close()

    def offer(self, other: str, on_other: Callable[[], None]) -> None:
        """Offer a second way to go on."""
        self._other.textContent = other
        self._on_other = on_other
        show(self._other, True)

    def offer_save(self, on_save: Callable[[], None]) -> None:
        """Offer to save what is shown as a plan; the dialog stays."""
        self._on_save = on_save
        show(self._save, True)

    def offer_plan(self, on_plan: Callable[[str], None]) -> None:
        """Offer to go on by a saved plan instead.

        :param on_plan: called with the content of its file.
        """
        self._on_plan = on_plan
        show(self._plan, True)

    async def _read_plan(self) -> None:
        files = self._plan_file.files
        if not files.length or self._on_plan is None:
            return
        text = str(await files.item(0).text())
        self._plan_file.value = ""  # the same file may be chosen again
        self._dialog.close()
        self._on_plan(text)

    def offer_prune(self, *, checked: bool) -> None:
        """Offer to remove what is left over as well."""
        self._prune.checked = checked
        show(self._prune.parentNode, True)
        self._say_fates(checked)

    def say(self, text: str) -> None:
        """Say something else above the list."""
        self._text.textContent = text

    def preview(
        self,
        items: list[dict[str, Any]],
        leftovers: list[dict[str, Any]],
        field_order: Callable[[str], list[str]],
        *,
        removes: bool,
    ) -> None:
        """List what would happen to each item and to what is left over, and why.

        :param field_order: returns the fields of an item's state in the order of their definition.
        :param removes: whether the command itself removes what is left over.
        """
        clear(self._list)
        self._fates = []
        for group in review.groups(items):
            rows = self._group(group.title, is_open=group.is_open)
            for item in group.items:
                row = _row(verdict(item.get("verdict", "")), item["item"], review.reason(item, local_day))
                if item.get("drift") is not None:
                    row.appendChild(drift_table(item["drift"], field_order(item["item"])))
                rows.appendChild(row)
        if leftovers:
            rows = self._group(f"{len(leftovers)} left over", is_open=True)
        for leftover in leftovers:
            origin = review.leftover_origin(leftover, local_day)
            row = _row(item_status("left_over"), leftover["item"], review.leftover_reason(leftover))
            if origin:
                row.appendChild(make("span", origin, "why"))
            fate = make("span", "", "why fate")
            row.appendChild(fate)
            rows.appendChild(row)
            self._fates.append((fate, leftover))
        self._say_fates(removes)
        self._list.scrollTop = 0

    def _group(self, title: str, *, is_open: bool) -> Any:
        """Have a titled group at the end of the list, and return the list that its rows go into."""
        rows = make("ul", cls="preview")
        if is_open:
            self._list.appendChild(make("h3", title))
            self._list.appendChild(rows)
        else:
            folded = make("details")
            folded.appendChild(make("summary", title))
            folded.appendChild(rows)
            self._list.appendChild(folded)
        return rows

    def _say_fates(self, removed: bool) -> None:
        for fate, leftover in self._fates:
            fate.textContent = review.leftover_fate(leftover, removed=removed)

    def _answer(self, callback: Callable[[], None] | None) -> None:
        self._dialog.close()
        if callback is not None:
            callback()


def _row(look: Status, name: str, why: str) -> Any:
    row = make("li")
    status = make("span", cls="status", data_tone=look.tone)
    status.appendChild(make_icon(look.icon))
    status.appendChild(make("span", look.word))
    row.appendChild(status)
    row.appendChild(make("span", name, "item"))
    if why:
        row.appendChild(make("span", why, "why"))
    return row
