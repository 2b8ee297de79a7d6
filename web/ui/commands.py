"""What the buttons do, and what the core answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import address, api, identity, sentences
from ui.browser import by_id, later, listen, now, random_bytes, spawn, timestamp, window
from ui.core import Core
from ui.files import FilesPanel, save
from ui.inquiry import Inquiry
from ui.presses import TOGETHER_MS, Presses
from ui.questions import Questions
from ui.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ui.screen import Screen

_NO_EVENTS = 2**53 - 1
"""A number after which there are no events: only interrupts are listened for."""
_AT_ONCE = 10
"""So many events, or items of a snapshot, are taken without looking at the clock."""


class Commands:
    """Runs executions in this tab's core and shows what comes of them.

    :param on_awake: called when the core has loaded the flow.
    :param on_outcome: called when an execution of this tab has ended.
    """

    def __init__(self, screen: Screen, on_awake: Callable[[], None], on_outcome: Callable[[], None]) -> None:
        self._screen = screen
        self._on_awake = on_awake
        self._on_outcome = on_outcome
        self.core = Core(self._message, screen.request)
        screen.on_frame = self.core.deliver
        self.follows = False
        self._files = FilesPanel(self._list_files, self._save)
        self._inquiry = Inquiry(screen, self.core, self.run)
        screen.on_act = self.act
        screen.is_looking = lambda: self._inquiry.is_looking
        self._running: str | None = None
        self._stream: Stream | None = None
        self._presses = Presses()
        self._questions = Questions(screen.notices, self._answer)
        for id, action in (
            ("do-ensure", self._inquiry.ensure),
            ("do-preview", self._inquiry.preview),
            ("do-dry", lambda: self.run(["ensure"], dry_run=True)),
            ("do-discover", lambda: self.run(["discover"])),
            ("do-clean", self._inquiry.clean),
            ("do-resume", self._inquiry.resume),
            ("do-interrupt", self.interrupt),
        ):
            _on_press(id, action)

    # What is asked for.

    def run(self, cmds: list[str], dry_run: bool = False, **more: Any) -> None:
        """Begin an execution with the inputs that stand in the form.

        :param more: what else the message to the core says.
        """
        page, inputs = self._screen.page, self._screen.read_inputs()
        if page is None or inputs is None:
            return
        if not self._screen.is_free():
            if self._screen.server_is_away:
                page.say("Nothing was begun: the server does not answer. Press again when it does.")
                self._screen.request()
            return
        self._inquiry.drop()
        id = identity.ulid(int(now() * 1000), random_bytes(10))
        page.begin(id, cmds, dry_run, inputs, timestamp(), more)
        self._screen.log.clear()
        for kind in ("old", "execution", "profile", "worker", "core"):
            self._screen.notices.withdraw(kind)
        if api.server.is_there:
            address.choose(execution=id)
        self._screen.request()
        message = {
            "type": "submit",
            "execution_id": id,
            "cmds": cmds,
            "profile": page.profile,
            "inputs": inputs,
            "dry_run": dry_run,
        }
        message.update(more)
        self.core.post(message)

    def act(self, act: str, id: str) -> None:
        """Do what a button in an item's row says."""
        if act == "repair":
            self.run(["ensure"], items=[id], with_dependencies=True, on_drift="repair")
        elif act == "accept":
            self.run(["discover"], items=[id])
        elif act == "remove":
            self._inquiry.ensure(prune=True)
        elif act == "forget" and self._screen.is_free():
            self._screen.dialog.ask(
                f"Forget {id}?",
                "irenic then no longer knows of it. What is there stays where it is, and is yours to remove.",
                "Forget",
                lambda: self.run(["state"], forget=[id]),
            )

    def interrupt(self) -> None:
        """Ask what runs to stop, each press one level harder; the screen says so before anybody has answered.

        Presses that follow each other quickly are one.
        """
        page = self._screen.page
        if page is None or not self._press_counts():
            return
        if self._inquiry.drop():
            page.say("Nothing was begun.")
            self._screen.request()
            return
        level = page.ask_stop(timestamp(), "user", None)
        if level is None or page.execution is None:
            page.say(sentences.reply_text("nothing_to_interrupt"))
            self._screen.request()
            return
        self._screen.request()
        if self.follows or not self.core.started:  # what runs before the core does, runs elsewhere
            spawn(self._interrupt_afar(page.execution.id, level))
        else:
            self.core.interrupt(level, page.execution.id)

    def _press_counts(self) -> bool:
        """Take a press of the button, which shows that it rests until another press would count."""
        counts = self._presses.counts(window.performance.now())
        by_id("do-interrupt").setAttribute("data-rests", "")
        later(TOGETHER_MS + 1, self._rest)
        return counts

    def _rest(self) -> None:
        if self._presses.is_at_rest(window.performance.now()):
            by_id("do-interrupt").removeAttribute("data-rests")

    async def _interrupt_afar(self, id: str, level: str) -> None:
        try:
            answer = await api.send("POST", f"/executions/{id}/interrupt", {"source": "user", "level": level})
        except api.ServerAway:
            if self._screen.page is not None:
                self._screen.page.unask_stop()
                self._screen.page.say("The server does not answer, so nobody has heard this. Press again when it does.")
                self._screen.request()
            raise
        self._reply(answer["reply"])

    def _list_files(self) -> None:
        if self._screen.page is not None:
            self.core.post({"type": "files", "profile": self._screen.page.profile})

    def _save(self, path: str) -> None:
        if self._screen.page is not None:
            self.core.post({"type": "file_read", "path": path, "profile": self._screen.page.profile})

    # What the core says.

    def _message(self, kind: str, message: Any) -> Iterator[None] | None:
        handler = _HANDLERS.get(kind)
        if handler is None:
            return None
        self._screen.request()
        return handler(self, message)

    def _boot(self, message: dict[str, Any]) -> None:
        detail = message.get("detail")
        name = str(message["mark"]).replace("_", " ")
        self._screen.boot.mark(f"{name} ({detail})" if detail else name, float(message["at_ms"]))

    def _ready(self, message: dict[str, Any]) -> None:
        self._screen.boot.ready(message)

    def _flow_loaded(self, message: Any) -> None:
        self.core.ready = True
        self._screen.may_run = True
        self._files.ask()
        self._on_awake()

    def _submitted(self, message: dict[str, Any]) -> None:
        page = self._screen.page
        if page is None:
            return
        if message.get("refused"):
            page.refuse(message["execution_id"], message["refused"], timestamp())
        elif message.get("running"):
            page.refuse(message["execution_id"], f"The same is running already as {message['running']}.", timestamp())

    def _events(self, message: dict[str, Any]) -> Iterator[None]:
        page = self._screen.page
        if page is None:
            return
        if self._running != message["execution_id"]:
            self._running = message["execution_id"]
            if api.server.is_there:
                self._listen(message["execution_id"])
        for events in _parts(message["events"]):
            # The end is taken from the outcome, which comes once the profile is free for the next execution.
            for event in events:
                page.is_here(event)
            page.take_events([event for event in events if event["kind"] != "execution_ended"])
            self._screen.log.take(events)
            for event in events:
                self._questions.hear(event)
            yield

    def _progress(self, message: dict[str, Any]) -> Iterator[None]:
        page, progress = self._screen.page, message["progress"]
        if page is None:
            return
        for items in _parts(list(progress["items"].items())):
            page.take_progress(dict(progress, items=dict(items)))
            yield

    def _outcome(self, message: dict[str, Any]) -> Iterator[None]:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._running = None
        if self._screen.page is not None:
            yield from self._screen.page.taking_outcome(message["outcome"])
        self._screen.request()
        self._questions.clear()
        self._files.ask()
        self._on_outcome()

    def _lose(self) -> None:
        """End an abandoned execution that was kept nowhere but in the worker that is gone."""
        self._running = None
        if self._screen.page is not None:
            self._screen.page.lose(timestamp())
        self._questions.clear()
        self._on_outcome()

    def _interrupt_reply(self, message: dict[str, Any]) -> None:
        self._reply(message["reply"])

    def _preview(self, message: Any) -> None:
        self._inquiry.answered(message)

    def _asked(self, message: dict[str, Any]) -> None:
        self._questions.ask(message["ask_id"], message["item"], message["prompt"])

    def _answer(self, ask_id: str, value: str) -> None:
        self.core.post({"type": "answer", "ask_id": ask_id, "value": value})

    def _file_list(self, message: dict[str, Any]) -> None:
        self._files.draw(message["files"])

    def _file(self, message: Any) -> None:
        save(str(message.path), message.blob)

    def _failed(self, message: dict[str, Any]) -> None:
        during = message.get("during") or ""
        if during == "preview":
            self._inquiry.failed(message["message"])
            return
        if during == "files":
            self._screen.log.say(timestamp(), f"Files: {message['message']}", "warn")
            self._files.fail(message["message"])
            return
        if during == "worker":
            self._worker_died(message["message"])
            return
        if during == "abandoned" and not api.server.is_there:
            self._lose()
            return
        if during == "core" and self.core.ready:
            self.core.ready = self._screen.may_run = False
            self._screen.boot.stopped()
        elif not self.core.ready:
            self._screen.boot.failed()
        self._screen.notices.tell("core", message["message"], _NEXT_STEPS.get(during, _NEXT_STEPS[""]))

    def _worker_died(self, message: str) -> None:
        """Say that Python starts again by itself; the questions and looks of the one that died go with it."""
        self.core.ready = self._screen.may_run = False
        self._screen.boot.clear()
        self._questions.clear()
        self._inquiry.drop()
        self._screen.dialog.close()
        page = self._screen.page
        step = "It starts again by itself."
        if page is not None and page.is_live():
            step += " What was running is lost: Resume looks at it before anything else."
        self._screen.notices.tell("worker", message, step, "warn")

    def _logged(self, message: dict[str, Any]) -> None:
        tone = {"warning": "warn", "error": "bad"}.get(message.get("level", "info"), "idle")
        self._screen.log.say(timestamp(), message["text"], tone)

    # What comes from elsewhere.

    def _listen(self, id: str) -> None:
        """Hear what others ask of the execution that runs here."""
        self._stream = Stream(id, after=_NO_EVENTS, on_interrupt=lambda signal: self._from_afar(id, signal))

    def _from_afar(self, id: str, signal: dict[str, Any]) -> None:
        """Pass on a signal; the level it names may be said again without harm, when the stream is taken up again."""
        level = signal.get("level") or "finish"
        page = self._screen.page
        stop = page.execution.stop if page is not None and page.execution is not None else None
        if level == "abandon" and stop is not None and stop.level == level:
            return  # this page has ended what ran, and says so to the server
        source, reason = signal.get("source") or "server", signal.get("reason")
        if level == "abandon" or bool(window.crossOriginIsolated):
            self.core.interrupt(level, id, source, reason)
        else:
            # Without shared memory `Core.interrupt` would ask the server, which is where this comes from.
            self.core.post(
                {"type": "interrupt", "execution_id": id, "source": source, "reason": reason, "level": level}
            )

    def _reply(self, reply: str) -> None:
        if self._screen.page is not None:
            self._screen.page.say(sentences.reply_text(reply))
            self._screen.request()


_HANDLERS: dict[str, Callable[[Commands, Any], Iterator[None] | None]] = {
    "boot": Commands._boot,
    "ready": Commands._ready,
    "flow_loaded": Commands._flow_loaded,
    "submitted": Commands._submitted,
    "events": Commands._events,
    "progress": Commands._progress,
    "outcome": Commands._outcome,
    "interrupt_reply": Commands._interrupt_reply,
    "preview": Commands._preview,
    "ask": Commands._asked,
    "files": Commands._file_list,
    "file": Commands._file,
    "failed": Commands._failed,
    "log": Commands._logged,
}

_NEXT_STEPS = {
    "": "What is stored is safe. Load the page again to go on from here.",
    "load_flow": "Fix the flow's file, run the build again, and load the page again.",
    "file_read": "Look at the list of files: it may have been cleaned away.",
    "submit": "Fix what it names and try again. Nothing was started.",
}


def _parts(many: list[Any]) -> Iterator[list[Any]]:
    """Cut a list into short ones, at least one."""
    for at in range(0, max(len(many), 1), _AT_ONCE):
        yield many[at : at + _AT_ONCE]


def _on_press(id: str, action: Callable[[], None]) -> None:
    listen(by_id(id), "click", lambda event: action())
