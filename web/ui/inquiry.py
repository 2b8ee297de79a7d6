"""What a command would do, asked of the core before it is begun: what a person should see is shown first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import review
from ui.browser import to_python
from ui.files import save_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.core import Core
    from ui.screen import Screen

_LOOKING = "Looking at what there is…"


class Inquiry:
    """Asks for previews, one at a time, and runs what is agreed to.

    :param run: begins an execution: its commands, whether it is dry, and what else the message to the core says.
    """

    def __init__(self, screen: Screen, core: Core, run: Callable[..., None]) -> None:
        self._screen = screen
        self._core = core
        self._run = run
        self._number = 0
        self._on_answer: Callable[[Any], object] | None = None
        self._on_failure: Callable[[str], None] | None = None
        self.is_looking = False
        """Whether a command waits for a look at what there is, without a dialog."""

    # What is asked.

    def ensure(self, *, prune: bool = False) -> None:
        """Begin an ensure, at once where nothing is there that a person should see first."""
        page = self._screen.page
        if page is None or not self._screen.is_free():
            return
        if not page.has_past():
            self._run(["ensure"])
            return
        asked = self._post("ensure", lambda answer: self._ensure_looked_at(answer, prune), self._ensure_unseen)
        if asked:
            self.is_looking = True
            page.say(_LOOKING)
            self._screen.request()

    def preview(self) -> None:
        """Show what an ensure would do, whether or not there is anything special about it."""
        if not self._post("ensure", lambda answer: self._show_ensure(answer, prune=False), self._say):
            return
        self._ask_ensure("What Ensure would do", _LOOKING)
        self._screen.dialog.offer_plan(lambda text: self._run(["ensure"], plan=text))

    def clean(self) -> None:
        """Ask whether to clean, showing what would go."""
        text = "This takes away what the items have made."
        if not self._post("clean", lambda answer: self._show(answer, "clean", text), self._say):
            return
        self._screen.dialog.ask("Clean?", _LOOKING, "Clean", lambda: self._run(["clean"]))
        self._screen.dialog.offer("Dry run", lambda: self._run(["clean"], True))

    def resume(self) -> None:
        """Show what the same request would do now, and why; then do it."""
        page = self._screen.page
        execution = page.execution if page is not None else None
        if execution is None:
            return
        cmds = execution.cmds or ["ensure"]
        more = {"resumes": execution.id} if execution.is_recorded else {}
        text = "What is done is not done again. What is unknown is looked at before anything else."
        if not self._post(cmds[-1], lambda answer: self._show(answer, cmds[-1], text), self._say, more):
            return
        title = f"Resume {' and '.join(cmds)}?"
        self._screen.dialog.ask(title, _LOOKING, "Resume", lambda: self._run(cmds, execution.dry_run, **more))

    def drop(self) -> bool:
        """Begin nothing of what is being looked at without a dialog, and return whether there was any."""
        waits = self.is_looking
        self._forget()
        return waits

    def _post(
        self,
        cmd: str,
        on_answer: Callable[[Any], object],
        on_failure: Callable[[str], None],
        more: dict[str, Any] | None = None,
    ) -> bool:
        page, inputs = self._screen.page, self._screen.read_inputs()
        if page is None or inputs is None or not self._screen.is_free():
            return False
        self._number += 1
        self._on_answer, self._on_failure = on_answer, on_failure
        message = {"type": "preview", "number": self._number, "profile": page.profile, "inputs": inputs, "cmd": cmd}
        message.update(more or {})
        self._core.post(message)
        return True

    def _forget(self) -> None:
        self._on_answer = self._on_failure = None
        self.is_looking = False

    # What is answered.

    def answered(self, answer: Any) -> None:
        """Take a preview, a JavaScript object; an answer to an earlier question counts no more."""
        on_answer = self._on_answer
        if on_answer is None or int(answer.number) != self._number:
            return
        self._forget()
        on_answer(answer)

    def failed(self, message: str) -> bool:
        """Take it that nothing could be looked at, and return whether anything was asked."""
        on_failure = self._on_failure
        if on_failure is None:
            return False
        self._forget()
        on_failure(message)
        return True

    def _say(self, message: str) -> None:
        if self._screen.dialog.is_open:
            self._screen.dialog.say(f"It could not be looked at beforehand: {message}")

    def _ensure_unseen(self, message: str) -> None:
        """Begin all the same: what keeps it from being looked at is then said where errors are."""
        self._run(["ensure"])

    def _ensure_looked_at(self, answer: Any, prune: bool) -> None:
        if not bool(answer.noteworthy):
            self._run(["ensure"])
            return
        page = self._screen.page
        if page is None:
            return
        page.say("")
        self._ask_ensure("Before Ensure", "")
        self._show_ensure(answer, prune=prune)

    def _ask_ensure(self, title: str, text: str) -> None:
        dialog = self._screen.dialog

        def ensured() -> None:
            self._run(["ensure"], on_drift="repair", prune=dialog.prunes)

        dialog.ask(title, text, "Ensure", ensured)

    def _show_ensure(self, answer: Any, *, prune: bool) -> None:
        dialog = self._screen.dialog
        found = self._show(answer, "ensure", "")
        dialog.say(review.summary(found["items"], "ensure"))
        if review.has_drift(found["items"]):
            dialog.offer("Accept what is there", lambda: self._run(["discover"]))
        if review.removable(found["leftovers"]):
            dialog.offer_prune(checked=prune)
        dialog.offer_save(self._save_plan)

    def _save_plan(self) -> None:
        """Look once more, and save that as a plan: whether it prunes is part of it."""
        self._post("ensure", self._save_answer, self._say, {"prune": self._screen.dialog.prunes})

    def _save_answer(self, answer: Any) -> None:
        page = self._screen.page
        if page is not None and self._screen.dialog.is_open:
            save_text("plan.json", str(answer.plan))
            self._screen.dialog.say("Saved as plan.json: Ensure by it does just this, or nothing.")

    def _show(self, answer: Any, cmd: str, text: str) -> dict[str, Any]:
        """Show a preview in the dialog, and mark in the rows what it has found."""
        found: dict[str, Any] = to_python(answer)
        page, dialog = self._screen.page, self._screen.dialog
        if page is None or not dialog.is_open:
            return found
        if cmd == "ensure":
            page.take_preview(found["items"], found["leftovers"])
            self._screen.request()
        dialog.say(text)
        dialog.preview(found["items"], found["leftovers"], self._field_order, removes=cmd == "clean")
        return found

    def _field_order(self, id: str) -> list[str]:
        page = self._screen.page
        item = page.items.get(id) if page is not None else None
        return item.field_order if item is not None else []
