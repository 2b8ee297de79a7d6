"""A store on the server, from a terminal or from the tab."""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter, ValidationError

from irenic.engine.store import Lease, LeaseLost, RemoteInterrupt
from irenic.flow.context import HttpClient
from irenic.items.platform import http_client
from irenic.model.errors import StoreError
from irenic.model.events import JournalEvent
from irenic.model.interrupt import InterruptReply, InterruptSignal
from irenic.model.outcome import CmdOutcome, cmd_outcome
from irenic.model.record import ExecutionPage, ExecutionRecord, LeaseInfo
from irenic.model.states import FlowStates
from irenic.stores.http_api import PATIENCE, Answer, StoreApi
from irenic.stores.http_journal import HttpJournal
from irenic.stores.http_lease import HttpLease, LeaseChange
from irenic.stores.lease_clock import lease_time
from irenic.stores.remembered import Remembered
from irenic.stores.side_loop import SideLoop

_events: TypeAdapter[list[JournalEvent]] = TypeAdapter(list[JournalEvent])
_log = logging.getLogger("irenic.stores")

MOST_EVENTS = 10_000
MOST_EXECUTIONS = 500
"""Events and executions that the server gives in one page."""


class HttpStore:
    """Keeps everything on the server; see :class:`irenic.engine.store.Store`.

    What ``Journal.durable`` has acknowledged is on the server's disk. While the server cannot be reached, requests are
    tried again.

    :param base_url: the server's address; empty in the tab, for the page's own server.
    :param token: what the server was started with; None in the tab, where the browser sends a cookie.
    :param ttl: seconds that a lease lives without a sign of life of its holder.
    :param patience: seconds for which a request is tried again.
    :param hears_interrupts: whether leases listen for interrupts; where somebody else does, as the page does for its
        worker, one request would be heard twice and counted as two, of which the second asks harder.
    :param on_lease: called when a lease was taken and when it was given back.
    :param http: the client for requests; the platform's own where omitted.
    """

    def __init__(
        self,
        base_url: str = "",
        token: str | None = None,
        *,
        ttl: float = 15.0,
        patience: float = PATIENCE,
        hears_interrupts: bool = True,
        on_lease: LeaseChange | None = None,
        http: HttpClient | None = None,
    ) -> None:
        self._http = http if http is not None else http_client(keep_alive=True)
        self._owns_http = http is None
        self._api = StoreApi(self._http, base_url, token, patience)
        self._ttl = ttl
        self._hears_interrupts = hears_interrupts
        self._on_lease = on_lease
        self._side = SideLoop("irenic-lease", at_end=self._close_http)
        self._leases: list[HttpLease] = []
        self._journals: list[HttpJournal] = []
        self._states: Remembered[tuple[str, bytes]] = Remembered(8)

    async def lease(
        self,
        flow: str,
        profile: str,
        *,
        execution_id: str,
        holder: str,
        take_over: bool = False,
        on_lost: LeaseLost | None = None,
        on_interrupt: RemoteInterrupt | None = None,
    ) -> HttpLease:
        """See :meth:`irenic.engine.store.Store.lease`."""
        path = ("flows", flow, "profiles", profile, "lease")
        asked = {"holder": holder, "execution_id": execution_id, "ttl": self._ttl, "take_over": take_over}
        asked_at = lease_time()
        answer = _checked(await self._api.ask("POST", path, body=json.dumps(asked).encode()))
        info = LeaseInfo.model_validate_json(answer.body)
        heard = on_interrupt if self._hears_interrupts else None
        lease = HttpLease(self._api, self._side, path, info, self._ttl, asked_at, on_lost, heard, self._on_lease)
        self._leases = [*(known for known in self._leases if not known.is_released), lease]
        return lease

    async def create(self, record: ExecutionRecord, lease: Lease | None) -> HttpJournal:
        """See :meth:`irenic.engine.store.Store.create`."""
        fields = {
            "flow",
            "profile",
            "cmds",
            "dry_run",
            "holder",
            "fencing",
            "flow_info",
            "started_at",
            "inputs",
            "request",
        }
        path = ("executions", record.id)
        record = record.drawn()
        answer = await self._api.ask("PUT", path, body=record.model_dump_json(include=fields).encode())
        if answer.status == 413:
            small = record.model_dump_json(include=fields - {"flow_info"}).encode()
            answer = await self._api.ask("PUT", path, body=small)
        _checked(answer)
        if answer.status == 200 and answer.tries == 1:
            raise StoreError(f"there is an execution {record.id} already: make a new id.")
        held = lease if isinstance(lease, HttpLease) else None
        journal = HttpJournal(self._api, record.id, held)
        self._journals = [*(known for known in self._journals if not known.is_closed), journal]
        return journal

    async def states(self, flow: str, profile: str) -> FlowStates:
        """See :meth:`irenic.engine.store.Store.states`."""
        key = f"{flow}/{profile}"
        known = self._states.get(key)
        headers = None if known is None else {"if-none-match": known[0]}
        answer = await self._api.get("flows", flow, "profiles", profile, "states", headers=headers)
        if answer.status == 304 and known is not None:
            return FlowStates.model_validate_json(known[1])
        body = _checked(answer).body
        self._states.keep(key, (answer.headers.get("etag", ""), body))
        return FlowStates.model_validate_json(body)

    async def profiles(self, flow: str) -> list[str]:
        """See :meth:`irenic.engine.store.Store.profiles`."""
        answer = _checked(await self._api.get("flows", flow, "profiles"))
        profiles: list[str] = json.loads(answer.body)["profiles"]
        return profiles

    async def inputs(self, flow: str, profile: str) -> dict[str, Any]:
        """See :meth:`irenic.engine.store.Store.inputs`."""
        answer = _checked(await self._api.get("flows", flow, "profiles", profile, "inputs"))
        inputs: dict[str, Any] = json.loads(answer.body)["inputs"]
        return inputs

    async def save_inputs(self, flow: str, profile: str, inputs: Mapping[str, Any]) -> None:
        """See :meth:`irenic.engine.store.Store.save_inputs`."""
        body = json.dumps({"inputs": dict(inputs)}).encode()
        _checked(await self._api.ask("PUT", ("flows", flow, "profiles", profile, "inputs"), body=body))

    async def execution(self, execution_id: str) -> ExecutionRecord | None:
        """See :meth:`irenic.engine.store.Store.execution`."""
        answer = await self._api.get("executions", execution_id)
        if _is_missing(answer):
            return None
        return ExecutionRecord.model_validate_json(_checked(answer).body)

    async def executions(
        self,
        *,
        flow: str | None = None,
        profile: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ExecutionPage:
        """See :meth:`irenic.engine.store.Store.executions`; a page holds 500 at most."""
        wanted = min(limit, MOST_EXECUTIONS)
        answer = await self._api.get(
            "executions", flow=flow, profile=profile, status=status, limit=wanted, cursor=cursor
        )
        return _page(_checked(answer).body)

    async def events(self, execution_id: str, *, after: int = -1, limit: int = 1000) -> list[JournalEvent]:
        """See :meth:`irenic.engine.store.Store.events`; no more than 10,000 at a time."""
        wanted = min(limit, MOST_EVENTS)
        position: int | None = after
        events: list[JournalEvent] = []
        # A page may hold nothing but events of kinds that this version does not know.
        while position is not None and not events:
            answer = await self._api.get("executions", execution_id, "events", after=position, limit=wanted)
            if _is_missing(answer):
                return []
            page = json.loads(_checked(answer).body)
            events = _known_events(page["events"])
            position = page["next_after"]
        return events

    async def outcome(self, execution_id: str) -> CmdOutcome | None:
        """See :meth:`irenic.engine.store.Store.outcome`."""
        answer = await self._api.get("executions", execution_id, "outcome")
        return None if _is_missing(answer) else cmd_outcome.validate_json(_checked(answer).body)

    async def interrupt(self, execution_id: str, signal: InterruptSignal) -> InterruptReply:
        """See :meth:`irenic.engine.store.Store.interrupt`; asked once only, because asking twice asks harder."""
        body = signal.model_dump_json(include={"source", "reason", "level"}).encode()
        answer = await self._api.ask("POST", ("executions", execution_id, "interrupt"), body=body, retry=False)
        if _is_missing(answer):
            return InterruptReply.NOTHING_TO_INTERRUPT
        return InterruptReply(json.loads(_checked(answer).body)["reply"])

    async def close(self) -> None:
        """See :meth:`irenic.engine.store.Store.close`."""
        for journal in self._journals:
            await journal.close()
        for lease in self._leases:
            await lease.release()
        await self._close_http()

    async def _close_http(self) -> None:
        """Close the connections of the running event loop."""
        close = getattr(self._http, "close", None)
        if self._owns_http and close is not None:
            await close()


def _is_missing(answer: Answer) -> bool:
    return answer.status == 404 or (answer.status == 422 and answer.problem == "invalid-request")


def _checked(answer: Answer) -> Answer:
    if answer.status >= 400:
        raise answer.error()
    return answer


def _known_events(values: list[Any]) -> list[JournalEvent]:
    """Return events without those that this version does not know."""
    try:
        return _events.validate_python(values)
    except ValidationError:
        events: list[JournalEvent] = []
        for value in values:
            with suppress(ValidationError):
                events += _events.validate_python([value])
        return events


def _page(body: bytes) -> ExecutionPage:
    """Return a page; an execution that this version cannot read does not hide the others."""
    try:
        return ExecutionPage.model_validate_json(body)
    except ValidationError:
        value = json.loads(body)
        page = ExecutionPage(items=[], next_cursor=value["next_cursor"])
        for item in value["items"]:
            try:
                page.items.append(ExecutionRecord.model_validate(item))
            except ValidationError:
                try:
                    page.items.append(ExecutionRecord.model_validate(item | {"flow_info": None, "interrupt": None}))
                except ValidationError:
                    _log.warning("execution %s cannot be read by this version", item.get("id"))
        return page
