"""Tells an OpenTelemetry collector how executions go: how long each part took, and what came of it.

Names, times, kinds of outcomes and classes of errors are told. States, params, inputs and messages are not: they may
hold what is nobody else's business.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import irenic
from irenic.endpoints import otlp
from irenic.engine.endpoint import ExecutionView
from irenic.flow.context import HttpClient
from irenic.items.platform import http_client
from irenic.model import events as e
from irenic.model.errors import ItemFailure
from irenic.model.outcome import CmdOutcome
from irenic.model.timestamps import seconds_between

BATCH = 512
"""Spans that are sent together while an execution goes on; what is left goes at its end."""

PATIENCE = 2.0
"""Seconds that one request may take with all its tries; two of them fit into what the fan-out allows a call."""

PAUSE = 0.25
"""Seconds before the second try; twice as many before each further one."""

AWAY = 30.0
"""Seconds for which nothing more is tried while an execution goes on, once the collector took no batch."""

TRY_AGAIN = frozenset({429, 502, 503, 504})


class TelemetryEndpoint:
    """Sends spans (execution > cmd > block > item > phase) and metrics as OTLP/HTTP with JSON.

    What the collector does not take in time is dropped and counted in ``dropped``; the execution never waits for it.

    :param base_url: the collector's address, to which ``/v1/traces`` and ``/v1/metrics`` are added.
    :param headers: further headers of each request.
    :param http: the client for requests; the platform's own where omitted.
    """

    def __init__(
        self, base_url: str = "", headers: Mapping[str, str] | None = None, http: HttpClient | None = None
    ) -> None:
        self.dropped = 0
        self._base = base_url.rstrip("/")
        self._headers = {**(headers or {}), "content-type": "application/json"}
        self._http = http if http is not None else http_client()
        self._traces: dict[str, _Trace] = {}
        self._away_until = 0.0

    async def on_events(self, execution: ExecutionView, events: Sequence[e.JournalEvent]) -> None:
        """See :class:`irenic.engine.endpoint.ProgressEndpoint`."""
        trace = self._traces.get(execution.id)
        if trace is None:
            trace = self._traces[execution.id] = _Trace(execution)
        for event in events:
            trace.take(event)
        if len(trace.spans) >= BATCH:
            await self._send("traces", trace, trace.ended_spans())

    async def on_outcome(self, execution: ExecutionView, outcome: CmdOutcome) -> None:
        """See :class:`irenic.engine.endpoint.OutputEndpoint`."""
        trace = self._traces.pop(execution.id, None) or _Trace(execution)
        trace.end(outcome)
        self._away_until = 0.0
        await self._send("traces", trace, trace.ended_spans())
        await self._send("metrics", trace, trace.metrics(outcome))

    async def _send(self, signal: str, trace: "_Trace", records: list[dict[str, Any]]) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() >= self._away_until:
            text = json.dumps(otlp.request(signal, trace.resource, records, irenic.__version__), separators=(",", ":"))
            try:
                async with asyncio.timeout(PATIENCE):
                    if await self._taken(f"{self._base}/v1/{signal}", text.encode()):
                        return
            except (ItemFailure, TimeoutError):
                pass  # it is away: what it misses is counted
            self._away_until = loop.time() + AWAY
        self.dropped += len(records)

    async def _taken(self, url: str, body: bytes) -> bool:
        """Send a request until it is answered for good; an answer that comes too late is cut off by the caller."""
        pause = PAUSE
        while True:
            async with self._http.request("POST", url, headers=self._headers, body=body) as response:
                await response.read()
                status, asked = response.status, response.headers.get("retry-after", "")
            if status not in TRY_AGAIN:
                return status < 400
            wait = float(asked) if asked.isdecimal() else pause
            if wait >= PATIENCE:
                return False
            await asyncio.sleep(wait)
            pause *= 2


class _Open:
    """A span that has not ended; ``last`` is when it was last heard of, ``phase`` when its phase began."""

    __slots__ = ("attributes", "id", "last", "name", "parent", "phase", "start")

    def __init__(self, id: str, parent: str, name: str, start: str, **attributes: str) -> None:
        self.id = id
        self.parent = parent
        self.name = name
        self.start = self.last = self.phase = start
        self.attributes: dict[str, str | bool | int] = {
            f"irenic.{key.replace('_', '.')}": value for key, value in attributes.items()
        }


class _Trace:
    """The spans of one execution, folded from its events.

    An item's span begins with what is first heard of it in a block, and ends with its result or what is last heard.
    """

    def __init__(self, execution: ExecutionView) -> None:
        record = execution.record
        self.resource = {
            "service.name": "irenic",
            "irenic.execution.id": execution.id,
            "irenic.flow": record.flow,
            "irenic.profile": record.profile,
        }
        self.spans: list[dict[str, Any]] = []
        self._id = otlp.trace_id(execution.id)
        self._number = 0
        self._root = self._new_id()
        self._cmd: _Open | None = None
        self._block: _Open | None = None
        self._items: dict[str, _Open] = {}
        self._results: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    def ended_spans(self) -> list[dict[str, Any]]:
        """Take the spans that have ended and were not taken before."""
        spans, self.spans = self.spans, []
        return spans

    def take(self, event: e.JournalEvent) -> None:
        """Fold an event in."""
        match event:
            case e.CmdStarted():
                self._cmd = _Open(self._new_id(), self._root, f"cmd {event.cmd}", event.at, cmd=event.cmd)
            case e.BlockStarted():
                parent = self._cmd.id if self._cmd else self._root
                self._block = _Open(self._new_id(), parent, f"block {event.block}", event.at, block=event.block)
            case e.BlockEnded():
                self._end_block(event.at)
            case e.CmdEnded():
                self._end_cmd(event.at)
            case e.ItemStatus() if event.status.is_running:
                self._heard(event.item, event.at)
            case e.ItemState():
                item = self._items.get(event.item)
                if item is not None:
                    self._phase(item, f"state_{event.which}", event.at)
                self._heard(event.item, event.at).phase = event.at
            case e.ItemIntent():
                self._heard(event.item, event.at).phase = event.at
            case e.ItemResult():
                self._end_item(event)
            case e.ItemError():
                item = self._heard(event.item, event.at)
                self._phase(item, event.error.phase, event.at, event.error.type)
                self._close(self._items.pop(event.item), event.at, event.error.type)

    def end(self, outcome: CmdOutcome) -> None:
        """End whatever has not ended, and the whole."""
        self._end_cmd(outcome.ended_at)
        root = _Open(self._root, "", "execution", outcome.started_at, outcome=outcome.kind)
        root.attributes["irenic.dry_run"] = outcome.dry_run
        self._close(root, outcome.ended_at, outcome.kind if outcome.is_err else "")

    def metrics(self, outcome: CmdOutcome) -> list[dict[str, Any]]:
        """Return how many items had which result, and how long items and the whole took."""
        between = outcome.started_at, outcome.ended_at
        points = [
            ({"irenic.direction": direction, "irenic.result": result}, seconds)
            for (direction, result), seconds in self._results.items()
        ]
        whole = otlp.durations(
            "irenic.execution.duration", [({"irenic.outcome": outcome.kind}, [seconds_between(*between)])], between
        )
        if not points:
            return [whole]
        counts = [(given, len(seconds)) for given, seconds in points]
        return [
            whole,
            otlp.counter("irenic.items", "{item}", counts, between),
            otlp.durations("irenic.item.duration", points, between),
        ]

    def _end_item(self, event: e.ItemResult) -> None:
        error = event.error.type if event.error is not None else ""
        item = self._heard(event.item, event.at)
        if event.result != "unchanged":
            self._phase(item, "apply", event.at, error)
        item.attributes["irenic.result"] = event.result
        self._results[str(event.direction), event.result].append(seconds_between(item.start, event.at))
        self._close(self._items.pop(event.item), event.at, error)

    def _heard(self, item_id: str, at: str) -> _Open:
        item = self._items.get(item_id)
        if item is None:
            parent = self._block.id if self._block else self._root
            item = self._items[item_id] = _Open(self._new_id(), parent, f"item {item_id}", at, item_id=item_id)
        item.last = at
        return item

    def _phase(self, item: _Open, name: str, at: str, error: str = "") -> None:
        self._close(_Open(self._new_id(), item.id, f"phase {name}", item.phase, phase=name), at, error)

    def _end_block(self, at: str) -> None:
        for item in self._items.values():
            self._close(item, item.last)
        self._items.clear()
        if self._block is not None:
            self._close(self._block, at)
            self._block = None

    def _end_cmd(self, at: str) -> None:
        self._end_block(at)
        if self._cmd is not None:
            self._close(self._cmd, at)
            self._cmd = None

    def _close(self, span: _Open, at: str, error: str = "") -> None:
        if error:
            span.attributes["error.type"] = error
        self.spans.append(otlp.span(self._id, span.id, span.parent, span.name, span.start, at, span.attributes))

    def _new_id(self) -> str:
        self._number += 1
        return otlp.span_id(self._number)
