"""The page: the last known picture first, then the core behind it.

begin
  _open             which flow and profile; its picture, last execution and stored states, drawn at once
  _settle_in        who runs executions of this profile: this tab, another, or another machine
    _become_owner   what a tab that is gone has left behind is settled, the core is started
    _become_viewer  what another runs is followed; interrupts go by the server
"""

from __future__ import annotations

import asyncio
from typing import Any

from ui import address, api, held, identity, journal
from ui.browser import (
    by_id,
    clear,
    keep_site,
    listen,
    local_time,
    make,
    ordered,
    reporter,
    show,
    spawn,
    timestamp,
)
from ui.commands import Commands
from ui.history import HistoryPanel
from ui.log import MOST_LINES
from ui.opening import INDEX, Opening
from ui.screen import Screen
from ui.state import Page
from ui.stream import Stream
from ui.tenancy import Tenancy

_PAGE_OF_EVENTS = 5000
_PAGE_OF_HISTORY = 50


class App:
    """Joins the screen, the server, the core and the other tabs."""

    def __init__(self) -> None:
        self._screen = Screen(self._panel_chosen)
        reporter.report = self._report
        api.away.on_kept = self._kept_answer
        self._commands = Commands(self._screen, lambda: spawn(self._keep()), self._execution_ended)
        self._history = HistoryPanel(self._history_chosen, lambda cursor: spawn(self._load_history(cursor)))
        self._tenancy: Tenancy | None = None
        self._stream: Stream | None = None
        self._flow: dict[str, Any] = {}
        self._opening = Opening("", "", "default")
        self._history_loaded = False
        self._may_leave = False
        self._reading: Any = None
        listen(by_id("do-take-over"), "click", lambda event: self._ask_take_over())
        listen(by_id("place"), "submit", lambda event: event.preventDefault())
        listen(by_id("flow-choice"), "change", lambda event: self._go(flow=str(event.target.value), profile=None))
        api.departure.asks_first = lambda: self._runs_here() and not self._may_leave
        listen(by_id("profile-choice"), "change", self._profile_changed)

    def begin(self) -> None:
        """Start."""
        spawn(self._begin())

    async def _begin(self) -> None:
        if await self._open():
            await self._settle_in()
            await self._list_profiles()

    # Opening.

    async def _open(self) -> bool:
        index = ordered(await api.fetch_index(INDEX))["flows"]
        if not index:
            step = "Put a flow's file into web/flows and run the build again."
            self._screen.notices.tell("flow", "This server has no flow to show.", step, "warn")
            return False
        wanted = address.chosen("flow")
        self._flow = next((flow for flow in index if flow["name"] == wanted), index[0])
        profile = address.chosen("profile") or "default"
        if not identity.is_identifier(profile):
            profile = "default"
        self._opening = opening = Opening(self._flow["name"], self._flow["id"], profile)
        if api.server.is_there:
            opening.remember()
        else:
            self._history.nothing_is_kept()
        self._draw_place(index, profile)
        self._holding, info, record, states = await asyncio.gather(
            held.holding(), api.fetch_object(opening.info), self._wanted_record(profile), self._stored_states()
        )
        page = self._screen.show_flow(self._holding.picture(info), getattr(info, "inputs_schema", None), profile)
        page.show_states(states)
        if record is not None:
            await self._show_record(page, record)
        elif wanted is not None and wanted != self._flow["name"]:
            self._screen.notices.tell(
                "flow", f"There is no flow {wanted} here; this is {self._flow['name']}.", "", "warn"
            )
        self._screen.request()
        return True

    async def _wanted_record(self, profile: str) -> dict[str, Any] | None:
        chosen = address.chosen("execution")
        if chosen is not None:
            record = await api.get(f"/executions/{chosen}")
            if record is not None and record["flow"] == self._flow["id"] and record["profile"] == profile:
                return dict(record)
            address.choose(execution=None)
        return await self._last_record()

    async def _last_record(self) -> dict[str, Any] | None:
        found = await api.get(self._opening.last)
        return found["items"][0] if found and found["items"] else None

    async def _stored_states(self) -> held.Stored | None:
        states = await api.get_object(self._opening.states)
        return await held.stored(states.items) if states is not None else None

    async def _show_record(self, page: Page, record: dict[str, Any]) -> None:
        """Put a stored execution on screen: its outcome, and its journal.

        Where everything is done, a long journal is read behind the picture: it has nothing to add but amounts and
        messages. Where something is not, it is the journal that says what had begun.
        """
        page.show_execution(record)
        if self._screen.form is not None:
            self._screen.form.fill(record.get("inputs") or {})
        self._screen.log.clear()
        read = self._holding.journal(journal.MAJOR, MOST_LINES)
        outcome, after = await asyncio.gather(self._outcome(record), self._read_on(read, record["id"], -1))
        reading = self._read_rest(page, read, record["id"], after)
        if outcome is not None:
            page.take_outcome(outcome)
        if outcome is None or outcome["kind"] != "complete" or after is None:
            await reading
        else:
            self._reading = spawn(reading)
        self._screen.request()

    async def _outcome(self, record: dict[str, Any]) -> dict[str, Any] | None:
        found = await api.get_object(api.outcome_path(record["id"])) if record["status"] != "running" else None
        return held.outcome(found) if found is not None else None

    async def _read_on(self, read: held.Journal, id: str, after: int) -> int | None:
        """Read the next page of a journal, and return after which event there are more; None where there are not."""
        found = await api.get_object(api.events_path(id, after, _PAGE_OF_EVENTS))
        read.add(found.events)
        return int(found.next_after) if found.next_after is not None else None

    async def _read_rest(self, page: Page, read: held.Journal, id: str, after: int | None) -> None:
        """Read the rest of a journal, and show what it says unless another execution is on screen by then."""
        shown = page.execution
        while after is not None and page.execution is shown:
            after = await self._read_on(read, id, after)
        if page.execution is shown:
            page.take_journal(read)
            self._screen.log.take(read.tail())
            self._screen.request()

    def _draw_place(self, index: list[dict[str, Any]], profile: str) -> None:
        choice = by_id("flow-choice")
        clear(choice)
        for flow in index:
            choice.appendChild(make("option", flow["name"], value=flow["name"]))
        choice.value = self._flow["name"]
        choice.disabled = len(index) < 2
        by_id("profile-choice").value = profile

    async def _list_profiles(self) -> None:
        """Offer the profiles that are known of this flow."""
        found = await api.get(f"/flows/{self._flow['id']}/profiles")
        known = set(found["profiles"]) if found is not None else set()
        known.add("default")
        profiles = by_id("profiles")
        clear(profiles)
        for name in sorted(known):
            profiles.appendChild(make("option", value=name))

    # Who runs.

    async def _settle_in(self) -> None:
        page = self._screen.page
        assert page is not None
        self._tenancy = Tenancy(self._flow["id"], page.profile, self._lock_came_free, self._lock_taken)
        if not await self._tenancy.claim():
            await self._become_viewer("Another tab of this browser holds this profile; this one looks on.")
            return
        await self._become_owner()

    async def _become_owner(self) -> None:
        """Settle what was left behind; where another machine is at work, look on until it has ended."""
        page, tenancy = self._screen.page, self._tenancy
        assert page is not None
        assert tenancy is not None
        last = await self._last_record()
        if last is not None and last["status"] == "running":
            if await tenancy.settle(last):
                await self._reload()
            else:
                await self._become_viewer(f"{last.get('holder') or 'Somebody else'} runs this; this tab looks on.")
                return
        self._commands.follows = False
        self._screen.notices.withdraw("viewer")
        show(by_id("do-take-over"), False)
        if self._flow.get("problem"):
            self._screen.boot.not_wanted()
            step = "Fix what it names and serve the flow again. What is stored of it is shown here."
            self._screen.notices.tell("packages", f"No tab can run this flow. {self._flow['problem']}", step, "warn")
        elif not self._commands.core.started:
            self._screen.boot.clear()
            source = await api.fetch_text(f"/flows/{self._flow['name']}.py")
            wheels = [address.absolute(wheel) for wheel in self._flow.get("wheels") or []]
            await self._commands.core.start(self._flow["name"], source, wheels, tenancy.holder)
        elif self._commands.core.ready:
            self._screen.may_run = True
        self._screen.request()

    async def _become_viewer(self, why: str) -> None:
        page = self._screen.page
        assert page is not None
        self._commands.follows = True
        self._screen.may_run = False
        step = "Interrupt works from here too." if api.server.is_there else ""
        self._screen.notices.tell("viewer", why, step, "busy")
        show(by_id("do-take-over"), True)
        self._screen.boot.looking_on()
        await self._reload()
        self._follow(page)

    def _follow(self, page: Page) -> None:
        """Follow what runs, if anything does."""
        self._unfollow()
        execution = page.execution
        if execution is not None and page.is_live():
            self._stream = Stream(
                execution.id,
                after=execution.next_seq - 1,
                on_event=self._journal_event,
                on_interrupt=lambda signal: None,
                on_outcome=self._followed_ended,
            )

    def _unfollow(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _journal_event(self, event: dict[str, Any]) -> None:
        if self._screen.page is not None:
            self._screen.page.take_events([event])
            self._screen.log.take([event])
            self._screen.request()

    def _followed_ended(self, outcome: dict[str, Any]) -> None:
        if self._screen.page is not None:
            self._screen.page.take_outcome(outcome)
            self._screen.request()
            spawn(self._show_states_anew(self._screen.page))
        self._execution_ended()
        if self._tenancy is not None and self._tenancy.held:
            spawn(self._become_owner())

    async def _show_states_anew(self, page: Page) -> None:
        """Show what is stored now: what another has done may have been done in another place."""
        page.show_states(await self._stored_states())
        self._screen.request()

    def _lock_came_free(self) -> None:
        """The tab that held the profile is gone."""
        self._unfollow()
        spawn(self._become_owner())

    def _lock_taken(self) -> None:
        """Another tab has taken over: what ran here is not written any more, so nothing may go on."""
        self._may_leave = True
        address.load_again()

    def _ask_take_over(self) -> None:
        self._screen.dialog.ask(
            "Take over?",
            "Whoever runs executions of this profile now may write nothing more. What it is doing becomes lost: "
            "its items are unknown until they are looked at again.",
            "Take over here",
            lambda: spawn(self._take_over()),
        )

    async def _take_over(self) -> None:
        assert self._tenancy is not None
        self._unfollow()
        await self._tenancy.take_over()
        await self._reload()
        await self._become_owner()

    async def _reload(self) -> None:
        """Show anew what the server knows."""
        page = self._screen.page
        assert page is not None
        record, states = await asyncio.gather(self._last_record(), self._stored_states())
        page.show_states(states)
        if record is not None:
            await self._show_record(page, record)
        self._screen.request()
        self._history_is_old()

    # History.

    def _execution_ended(self) -> None:
        address.choose(execution=None)
        self._history_is_old()
        spawn(self._keep())

    def _history_is_old(self) -> None:
        """Load the history anew, now or when it is brought up."""
        self._history_loaded = False
        self._panel_chosen(self._screen.tabs.chosen)

    def _panel_chosen(self, name: str) -> None:
        if name == "history" and not self._history_loaded and self._screen.page is not None:
            spawn(self._load_history())

    async def _load_history(self, cursor: str | None = None) -> None:
        page = self._screen.page
        assert page is not None
        query = api.query(
            flow=self._flow["id"], profile=page.profile, limit=50, cursor=cursor or None, flow_info="false"
        )
        found = await api.get("/executions" + query)
        shown = page.execution.id if page.execution is not None else None
        self._history.draw(found or {}, shown, older=bool(cursor))
        self._history_loaded = True

    def _history_chosen(self, record: dict[str, Any]) -> None:
        page = self._screen.page
        assert page is not None
        if page.is_live():
            self._screen.log.say(timestamp(), "An execution runs; look at others when it has ended.", "warn")
            return
        address.choose(execution=record["id"])
        spawn(self._show_old(page, record))

    async def _show_old(self, page: Page, record: dict[str, Any]) -> None:
        await self._show_record(page, record)
        self._history_loaded = False
        await self._load_history()
        last = await self._last_record()
        if last is None or last["id"] == record["id"]:
            self._screen.notices.withdraw("old")
            address.choose(execution=None)
            return
        self._screen.notices.tell(
            "old",
            "This is an older execution.",
            "",
            "busy",
            "Back to the latest",
            lambda: self._history_chosen(last),
        )

    # Without the server.

    async def _keep(self) -> None:
        """Have the browser keep the site, and the answers that the next picture is drawn from.

        The answers need only be asked for: what keeps them looks on.
        """
        try:
            page = self._screen.page
            if not await keep_site() or page is None or not api.server.is_there:
                return
            await api.touch(self._opening.states)
            await self._list_profiles()
            if self._reading is not None:
                await self._reading
            record, shown = await self._last_record(), page.execution
            if record is None or shown is None or record["id"] != shown.id or record["status"] == "running":
                return
            for after in range(-1, shown.next_seq - 1, _PAGE_OF_EVENTS):
                await api.touch(api.events_path(shown.id, after, _PAGE_OF_EVENTS))
            await api.touch(api.outcome_path(shown.id))
        except api.ServerAway:
            pass  # then nothing new can be kept

    def _kept_answer(self, since: str) -> None:
        self._screen.notices.tell(
            "server",
            f"The server does not answer. This is what was known at {local_time(since)}.",
            "Start it again (python3 build.py serve) and try again: nothing is run without its journal.",
            "warn",
            button="Try again",
            on_press=address.load_again,
        )

    # Elsewhere.

    def _profile_changed(self, event: Any) -> None:
        wanted = str(event.target.value).strip() or "default"
        if identity.is_identifier(wanted):
            self._screen.notices.withdraw("profile")
            self._go(profile=wanted)
            return
        self._screen.notices.tell(
            "profile",
            f"“{wanted}” cannot name a profile.",
            "Use a letter or underscore, then letters, digits and underscores.",
            "warn",
        )

    def _go(self, **values: str | None) -> None:
        """Load another flow or profile; where something runs in this tab, ask first."""
        if not self._runs_here():
            address.go(item=None, execution=None, **values)
            return
        # Until the answer is there, the page shows what it acts on.
        by_id("flow-choice").value = self._flow["name"]
        by_id("profile-choice").value = self._opening.profile
        self._screen.dialog.ask(
            "Leave what runs?",
            "An execution runs in this tab and ends when you leave: what it is doing becomes lost, and its items are "
            "unknown until they are looked at again. Interrupt it first to let it finish what it has begun.",
            "Leave",
            lambda: self._leave(**values),
        )

    def _leave(self, **values: str | None) -> None:
        self._may_leave = True
        address.go(item=None, execution=None, **values)

    def _runs_here(self) -> bool:
        page = self._screen.page
        return page is not None and page.is_live() and not self._commands.follows

    def _report(self, error: BaseException) -> None:
        if isinstance(error, api.ServerAway):
            self._server_away()
        elif isinstance(error, api.ApiProblem):
            self._server_refused(error)
        else:
            self._screen.report(error)

    def _server_away(self) -> None:
        self._screen.notices.tell(
            "server",
            "The server does not answer. Files and what was stored are safe.",
            "Start it again (python3 build.py serve) and try again.",
            button="Try again",
            on_press=address.load_again,
        )

    def _server_refused(self, problem: api.ApiProblem) -> None:
        if problem.status in (401, 403):
            text = "This page needs a token, and the server does not accept the one that this browser has."
            step = "The server prints its address with the token when it starts: open that address."
        else:
            text = f"The server could not answer: {problem}"
            step = "Load the page again; if it comes back, the server's own output says more."
        self._screen.notices.tell("server", text, step, button="Load again", on_press=address.load_again)
