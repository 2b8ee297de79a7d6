"""The page: the last known picture first, then the core behind it.

begin
  _open             which flow and profile; its picture, last execution and stored states, drawn at once
  _settle_in        who runs executions of this profile: this tab, another, or another machine
    _become_owner   what a tab that is gone has left behind is settled, the core is started
    _become_viewer  what another runs is followed; interrupts go by the server
"""

from __future__ import annotations

from typing import Any

from ui import address, api, held, identity, journal
from ui.browser import (
    by_id,
    clear,
    keep_site,
    listen,
    make,
    ordered,
    reporter,
    show,
    spawn,
    together,
    window,
)
from ui.commands import Commands
from ui.connection import Connection
from ui.history import HistoryPanel
from ui.log import MOST_LINES
from ui.opening import FLOWS, INDEX, Opening
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
        self._connection = Connection(self._screen, self._runs_here, self._moment, self._heard_of, self._server_back)
        self._commands = Commands(self._screen, lambda: spawn(self._keep()), self._execution_ended)
        self._history = HistoryPanel(self._history_chosen, lambda cursor: spawn(self._load_history(cursor)))
        self._tenancy: Tenancy | None = None
        self._stream: Stream | None = None
        self._flow: dict[str, Any] = {}
        self._index: list[dict[str, Any]] = []
        self._opening = Opening("", "", "default")
        self._history_loaded = False
        self._may_leave = False
        self._reading: Any = None
        self._old: str | None = None
        """The execution that was chosen last and was not the last one."""
        self._heard: tuple[str, bool] | None = None
        """The last execution that the server has spoken of, and whether it ran."""
        self._settled = False
        self._source: str | None = None
        """The flow's file as it was loaded into the core."""
        listen(by_id("do-take-over"), "click", lambda event: self._ask_take_over())
        listen(by_id("place"), "submit", lambda event: event.preventDefault())
        listen(by_id("flow-choice"), "change", lambda event: self._go(flow=str(event.target.value), profile=None))
        api.departure.asks_first = lambda: self._runs_here() and not self._may_leave
        listen(by_id("profile-choice"), "change", self._profile_changed)
        address.on_return(lambda event: spawn(self._show_what_the_address_says()))

    def begin(self) -> None:
        """Start."""
        spawn(self._begin())

    async def _begin(self) -> None:
        try:
            if await self._open():
                await self._settle_in()
                self._settled = True
                self._check_profile(await self._list_profiles())
        finally:
            if api.server.is_there and self._opening.id:
                self._connection.begin(self._opening.last)

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
            self._say_no_profile(profile, "This is profile default.")
            address.choose(profile=None)
            profile = "default"
        self._opening = opening = Opening(self._flow["name"], self._flow["id"], profile)
        if api.server.is_there:
            opening.remember()
        else:
            self._history.nothing_is_kept()
        self._index = index
        self._draw_place(index, profile)
        self._holding, info, record, states = await together(
            held.holding(), api.fetch_object(opening.info), self._wanted_record(profile), self._stored_states()
        )
        page = self._screen.show_flow(self._holding.picture(info), getattr(info, "inputs_schema", None), profile)
        page.show_states(states)
        if record is not None:
            await self._show_record(page, record)
        if wanted is not None and wanted != self._flow["name"]:
            self._screen.notices.tell(
                "flow", f"There is no flow {wanted} here; this is {self._flow['name']}.", "", "warn"
            )
        self._screen.request()
        return True

    async def _wanted_record(self, profile: str) -> dict[str, Any] | None:
        """Return the execution that the address names, or the last one; say so where it is not what was asked for."""
        chosen = address.chosen("execution")
        found: dict[str, Any] | None
        last: dict[str, Any] | None
        found, last = await together(self._record(chosen), self._last_record())
        if chosen is None or (found is not None and last is not None and found["id"] == last["id"]):
            if last is None or last["status"] != "running":
                address.choose(execution=None)
            return last
        if found is not None and found["flow"] == self._flow["id"] and found["profile"] == profile:
            self._old = found["id"]
            self._say_old()
            return found
        address.choose(execution=None)
        self._say_not_here(chosen, found, last)
        return last

    async def _record(self, id: str | None) -> dict[str, Any] | None:
        found = await api.get(f"/executions/{window.encodeURIComponent(id)}") if id is not None else None
        return dict(found) if found is not None else None

    def _say_not_here(self, id: str, record: dict[str, Any] | None, last: dict[str, Any] | None) -> None:
        """Say that the address names an execution that is not of this profile."""
        shown = "This is the last execution of this profile." if last is not None else ""
        if record is None:
            text = f"No execution {id} is stored here: the address may be of another server, or it was deleted."
            self._screen.notices.tell("execution", text, shown, "warn")
            return
        name = next((flow["name"] for flow in self._index if flow["id"] == record["flow"]), None)
        text = f"Execution {id} is of flow {record['flow']}, profile {record['profile']}."
        button = "Open it there" if name is not None else ""
        self._screen.notices.tell(
            "execution",
            text,
            shown,
            "warn",
            button,
            lambda: address.go(flow=name, profile=record["profile"], execution=id, item=None),
        )

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
        outcome, after = await together(self._outcome(record), self._read_on(read, record["id"], -1))
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

    async def _list_profiles(self) -> list[str]:
        """Offer the profiles that are known of this flow, and return those of which something is stored."""
        found = await api.get(f"/flows/{self._flow['id']}/profiles")
        known = set(found["profiles"]) if found is not None else set()
        known.add("default")
        profiles = by_id("profiles")
        clear(profiles)
        for name in sorted(known):
            profiles.appendChild(make("option", value=name))
        return sorted(found["profiles"]) if found is not None else []

    def _check_profile(self, known: list[str]) -> None:
        """Say so where nothing is stored of a profile that the address names and others are known: it may be a slip."""
        profile = self._opening.profile
        if address.chosen("profile") is None or profile in known or not known:
            return
        text = f"Nothing is stored of profile {profile} yet; there are {', '.join(known)}."
        self._screen.notices.tell("profile", text, "It begins with the first command.", "busy")

    # Who runs.

    async def _settle_in(self) -> None:
        page = self._screen.page
        assert page is not None
        self._tenancy = Tenancy(self._flow["id"], page.profile, self._lock_came_free, self._lock_taken)
        page.browser = self._tenancy.browser
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
                await self._become_viewer(_runs_elsewhere(last))
                return
        self._commands.follows = False
        self._screen.notices.withdraw("viewer")
        show(by_id("do-take-over"), False)
        if self._flow.get("problem"):
            self._screen.boot.not_wanted()
            step = "Fix that and serve the flow again, or run it in a terminal. What is stored of it is shown here."
            self._screen.notices.tell("packages", f"No tab can run this flow. {self._flow['problem']}", step, "warn")
        elif not self._commands.core.started:
            self._screen.boot.clear()
            self._source = source = await self._fetch_source()
            wheels = [address.absolute(wheel) for wheel in self._flow.get("wheels") or []]
            await self._commands.core.start(self._flow["name"], source, wheels, tenancy.holder)
        elif self._commands.core.ready:
            self._screen.may_run = True
            self._screen.boot.awake()
        self._screen.request()

    async def _fetch_source(self) -> str:
        return await api.fetch_text(f"{FLOWS}{self._flow['name']}.py")

    async def _check_source(self) -> None:
        """Say so where the flow's file is another now than the one that was loaded."""
        if self._source is not None and await self._fetch_source() != self._source:
            self._screen.notices.tell(
                "source",
                "The flow's file has changed since this page was opened.",
                "Until the page is loaded again it runs the flow as it was.",
                "warn",
                "Load again",
                address.load_again,
            )

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
        if self._tenancy is not None and self._tenancy.held and not page.is_live():
            await self._become_owner()  # what ran elsewhere has ended meanwhile

    def _follow(self, page: Page) -> None:
        """Follow what runs, if anything does."""
        self._unfollow()
        execution = page.execution
        if execution is not None and page.is_live():
            address.choose(execution=execution.id)
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

    # What the server says again and again.

    def _moment(self) -> object:
        """What the server's word on the last execution may be too old for."""
        page = self._screen.page
        execution = page.execution if page is not None else None
        return (execution.id, execution.status) if execution is not None else None

    def _heard_of(self, last: dict[str, Any] | None) -> None:
        """Show what others run of the profile: another tab, a terminal, the server."""
        page = self._screen.page
        if page is None or last is None or not self._settled or self._runs_here():
            return
        shown, news = page.execution, (last["id"], last["status"] == "running")
        before = self._heard or (shown is not None and (shown.id, page.is_live()))
        self._heard = news
        if news == before:
            return
        if shown is not None and shown.id == self._old:
            self._say_old(another_runs=news[1])
        elif shown is None or (shown.id, page.is_live()) != news:
            spawn(self._show_news(last))

    async def _show_news(self, last: dict[str, Any]) -> None:
        """Show an execution that another has begun or ended."""
        page = self._screen.page
        assert page is not None
        if last["status"] == "running" and not self._commands.follows:
            await self._become_viewer(_runs_elsewhere(last))
            return
        await self._reload()
        if self._commands.follows:
            self._follow(page)

    def _server_back(self) -> None:
        """Take up what had to wait for the server."""
        if not self._settled:
            self._may_leave = True
            address.load_again()
            return
        self._history_is_old()
        spawn(self._check_source())
        spawn(self._keep())

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
        before = self._moment()
        record, states = await together(self._last_record(), self._stored_states())
        if self._moment() != before:
            return
        page.show_states(states)
        if record is not None:
            self._screen.notices.withdraw("old")
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
            text = "An execution runs; others can be looked at when it has ended."
            self._screen.notices.tell("old", text, "", "busy")
            return
        address.visit(execution=record["id"])
        spawn(self._show_old(record))

    async def _show_old(self, record: dict[str, Any] | None) -> None:
        """Show an execution that was chosen; None shows the last one."""
        page = self._screen.page
        assert page is not None
        last = await self._last_record()
        record = record or last
        if record is None:
            return
        await self._show_record(page, record)
        if last is not None and last["id"] != record["id"]:
            self._old = record["id"]
            self._say_old(another_runs=last["status"] == "running")
        else:
            self._screen.notices.withdraw("old")
            address.choose(execution=None)
            self._follow(page)
        self._history_loaded = False
        await self._load_history()

    def _say_old(self, *, another_runs: bool = False) -> None:
        text = "This is an older execution." + (" Another one runs now." if another_runs else "")
        self._screen.notices.tell("old", text, "", "busy", "Back to the latest", self._back_to_the_latest)

    def _back_to_the_latest(self) -> None:
        address.visit(execution=None)
        spawn(self._show_old(None))

    async def _show_what_the_address_says(self) -> None:
        """Go back to, or forward to, what the address named then."""
        page = self._screen.page
        if page is None:
            return
        if page.is_live() and page.execution is not None:
            address.choose(execution=page.execution.id)
            return
        self._screen.choose_item(address.chosen("item"))
        await self._show_old(await self._record(address.chosen("execution")))

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

    # Elsewhere.

    def _profile_changed(self, event: Any) -> None:
        wanted = str(event.target.value).strip() or "default"
        if identity.is_identifier(wanted):
            self._screen.notices.withdraw("profile")
            self._go(profile=wanted)
            return
        event.target.value = self._opening.profile
        self._say_no_profile(wanted, f"This is still profile {self._opening.profile}.")

    def _say_no_profile(self, wanted: str, shown: str) -> None:
        step = "A name has letters, digits, “_”, “-” and “.”, the last two not in front."
        self._screen.notices.tell("profile", f"“{wanted}” cannot name a profile. {shown}", step, "warn")

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
        return page is not None and page.is_live() and self._settled and not self._commands.follows

    def _report(self, error: BaseException) -> None:
        if isinstance(error, api.ServerAway):
            self._connection.lost()
        elif isinstance(error, api.ApiProblem):
            self._connection.refused(error)
        else:
            self._screen.report(error)


def _runs_elsewhere(record: dict[str, Any]) -> str:
    return f"{record.get('holder') or 'Somebody else'} runs this; this tab looks on."
