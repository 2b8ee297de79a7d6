"""The append side of a journal on the server."""

from collections.abc import Iterator

from irenic.model.errors import FencedError
from irenic.model.events import JournalEvent, encoded
from irenic.model.outcome import CmdOutcome
from irenic.stores.group_commit import GroupCommit
from irenic.stores.http_api import Answer, StoreApi
from irenic.stores.http_lease import HttpLease

QUIET_INTERVAL = 0.25
"""Seconds after which events are sent that nobody waits for."""

MOST_EVENTS = 2_000
MOST_BYTES = 4 * 1024 * 1024
"""Events and bytes of one request, well below what the server takes."""


class HttpJournal:
    """See :class:`irenic.engine.store.Journal`.

    One request is on its way at a time; the next takes all that has come meanwhile.
    """

    def __init__(self, api: StoreApi, execution_id: str, lease: HttpLease | None) -> None:
        self._api = api
        self._path = ("executions", execution_id)
        self._lease = lease
        self._fencing = {} if lease is None else {"irenic-fencing": str(lease.info.fencing)}
        self._commit = GroupCommit(self._keep, quiet=QUIET_INTERVAL)
        self._last_kind = ""
        self.is_closed = False

    def append(self, event: JournalEvent) -> None:
        """See the protocol."""
        self._commit.append(encoded(event))
        self._last_kind = event.kind

    @property
    def is_durable(self) -> bool:
        """See the protocol."""
        return False

    async def durable(self) -> None:
        """See the protocol."""
        if self._lease is not None:
            await self._lease.hold()
        await self._commit.durable()

    async def finish(self, outcome: CmdOutcome) -> None:
        """See the protocol."""
        await self.durable()
        body = outcome.model_dump_json().encode()
        answer = await self._api.ask("PUT", (*self._path, "outcome"), body=body, headers=self._fencing)
        told_already = self._last_kind == "execution_ended"
        if answer.status != 413 or not told_already:  # else the server takes it from the last event
            self._check(answer)
        await self.close()

    async def close(self) -> None:
        """Wait for the request that is on its way; events that nobody waited for may be lost."""
        self.is_closed = True
        await self._commit.close()

    async def _keep(self, lines: list[bytes], sync: bool) -> None:
        for part in _parts(lines):
            body = b'{"events":[%b]}' % b",".join(part)
            self._check(await self._api.ask("POST", (*self._path, "events"), body=body, headers=self._fencing))

    def _check(self, answer: Answer) -> None:
        if answer.status < 400:
            return
        error = answer.error()
        if isinstance(error, FencedError) and self._lease is not None:
            self._lease.lose(error)
        raise error


def _parts(lines: list[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and (len(part) >= MOST_EVENTS or size + len(line) > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line) + 1
    if part:
        yield part
