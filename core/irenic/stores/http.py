"""A store on an irenic server: from a terminal, from CI, and from the tab."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from irenic.engine.platform import default_platform
from irenic.engine.store import Lease, LeaseLost, RemoteInterrupt
from irenic.flow.context import HttpClient
from irenic.model.errors import StoreError
from irenic.model.events import JournalEvent, journal_event
from irenic.model.interrupt import InterruptLevel, InterruptReply
from irenic.model.outcome import CmdOutcome, cmd_outcome
from irenic.model.record import ExecutionPage, ExecutionRecord, LeaseInfo
from irenic.model.states import FlowStates
from irenic.stores.http_api import PATIENCE, StoreApi
from irenic.stores.http_journal import HttpJournal
from irenic.stores.http_lease import LEASE_SECONDS, HttpLease


class HttpStore:
    """Keeps everything on a server; what it acknowledged is durable there.

    :param base_url: the server's address, e.g. ``http://127.0.0.1:8000``; empty, in the tab, means the page's own site.
    :param token: the server's token; the tab has a cookie instead.
    :param http: the client to send with; the platform's own where omitted.
    :param patience: seconds for which a request is repeated while the server does not answer.
    """

    def __init__(
        self, base_url: str = "", *, token: str = "", http: HttpClient | None = None, patience: float = PATIENCE
    ) -> None:
        self._api = StoreApi(base_url, token, http if http is not None else default_platform().http, patience)
        self._leases: list[HttpLease] = []

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
        path = f"/flows/{flow}/profiles/{profile}/lease"
        asked = {"holder": holder, "execution_id": execution_id, "ttl": LEASE_SECONDS, "take_over": take_over}
        info = LeaseInfo.model_validate(await self._api.send("POST", path, asked))
        lease = HttpLease(self._api, path, info, on_lost, on_interrupt)
        self._leases.append(lease)
        return lease

    async def create(self, record: ExecutionRecord, lease: Lease | None) -> HttpJournal:
        """See :meth:`irenic.engine.store.Store.create`."""
        asked = record.model_dump(
            mode="json",
            include={"flow", "profile", "cmds", "dry_run", "holder", "fencing", "flow_info", "started_at", "inputs"},
        )
        made = ExecutionRecord.model_validate(await self._api.send("PUT", f"/executions/{record.id}", asked))
        if made.next_seq > 0:
            raise StoreError(f"there is an execution {record.id} already: make a new id.")
        return HttpJournal(self._api, record.id, lease)

    async def states(self, flow: str, profile: str) -> FlowStates:
        """See :meth:`irenic.engine.store.Store.states`."""
        found = await self._api.get(f"/flows/{flow}/profiles/{profile}/states")
        return FlowStates(flow=flow, profile=profile) if found is None else FlowStates.model_validate(found)

    async def profiles(self, flow: str) -> list[str]:
        """See :meth:`irenic.engine.store.Store.profiles`."""
        found = await self._api.get(f"/flows/{flow}/profiles")
        return [] if found is None else list(found["profiles"])

    async def inputs(self, flow: str, profile: str) -> dict[str, Any]:
        """See :meth:`irenic.engine.store.Store.inputs`."""
        found = await self._api.get(f"/flows/{flow}/profiles/{profile}/inputs")
        return {} if found is None else dict(found["inputs"])

    async def save_inputs(self, flow: str, profile: str, inputs: Mapping[str, Any]) -> None:
        """See :meth:`irenic.engine.store.Store.save_inputs`."""
        await self._api.send("PUT", f"/flows/{flow}/profiles/{profile}/inputs", {"inputs": dict(inputs)})

    async def execution(self, execution_id: str) -> ExecutionRecord | None:
        """See :meth:`irenic.engine.store.Store.execution`."""
        found = await self._api.get(f"/executions/{execution_id}")
        return None if found is None else ExecutionRecord.model_validate(found)

    async def executions(
        self,
        *,
        flow: str | None = None,
        profile: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ExecutionPage:
        """See :meth:`irenic.engine.store.Store.executions`."""
        asked = {"flow": flow, "profile": profile, "status": status, "limit": limit, "cursor": cursor}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return ExecutionPage.model_validate(await self._api.send("GET", f"/executions?{query}"))

    async def events(self, execution_id: str, *, after: int = -1, limit: int = 1000) -> list[JournalEvent]:
        """See :meth:`irenic.engine.store.Store.events`."""
        found = await self._api.get(f"/executions/{execution_id}/events?after={after}&limit={limit}")
        return [] if found is None else [journal_event.validate_python(event) for event in found["events"]]

    async def outcome(self, execution_id: str) -> CmdOutcome | None:
        """See :meth:`irenic.engine.store.Store.outcome`."""
        found = await self._api.get(f"/executions/{execution_id}/outcome")
        return None if found is None else cmd_outcome.validate_python(found)

    async def interrupt(
        self,
        execution_id: str,
        *,
        source: str = "user",
        reason: str | None = None,
        level: str | InterruptLevel | None = None,
    ) -> InterruptReply:
        """Ask an execution that runs anywhere to stop; the server passes it on.

        :raises StoreError: if there is no execution of that id.
        """
        word = level.word if isinstance(level, InterruptLevel) else level
        asked = {"source": source, "reason": reason, "level": word}
        answer = await self._api.send("POST", f"/executions/{execution_id}/interrupt", asked)
        return InterruptReply(answer["reply"])

    async def close(self) -> None:
        """See :meth:`irenic.engine.store.Store.close`."""
        for lease in self._leases:
            await lease.release()
        self._leases.clear()
