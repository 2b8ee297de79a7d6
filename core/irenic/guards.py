"""Guards: sources of interrupts that watch an execution, so that automation gone wrong stops by itself.

Give them to a flow, ``Flow("deploy", guards=[ErrorBudget(3)])``, or to one request, ``CmdExecRequest(guards=...)``. The
outcome names the guard that stopped an execution as ``interrupt.source``, and why as ``interrupt.reason``.
"""

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from irenic.engine.guard import GuardedExecution
from irenic.engine.platform import default_platform
from irenic.flow.context import HttpClient
from irenic.model.errors import IrenicError, ParamsError
from irenic.model.events import ItemError, ItemIntent, ItemResult, JournalEvent
from irenic.model.server_address import without_token

__all__ = ["Deadline", "ErrorBudget", "Failsafe", "RateGuard"]

MOST_PATIENCE = 60.0
"""Seconds between two looks at a switch that cannot be reached, at most."""

ANSWER_WITHIN = 10.0
"""Seconds that a switch may take to answer."""

LONGEST_REASON = 500

SERVER_SWITCH = "/api/v1/pause"
"""The path of a server's own switch."""

_PULLED = frozenset({"pause", "stop", "true", "yes", "on", "1"})


class Deadline:
    """Stops an execution when its time is over.

    :param seconds: counted from its start.
    :param level: finish, cancel or abandon.
    """

    source = "deadline"

    def describe(self) -> dict[str, Any]:
        """Return the guard as data, for :func:`restored_guards`."""
        return {"kind": self.source, "seconds": self._seconds, "level": self._level}

    def __init__(self, seconds: float, *, level: str = "finish") -> None:
        self._seconds = _positive(seconds, "seconds")
        self._level = level

    async def watch(self, execution: GuardedExecution) -> None:
        """See :class:`irenic.engine.guard.Guard`."""
        await asyncio.sleep(self._seconds)
        execution.interrupt(source=self.source, reason=f"{self._seconds:g} s have passed", level=self._level)


class ErrorBudget:
    """Stops an execution when more of its items have failed than are allowed to.

    :param errors: how many may fail; with 0 the first failure stops what runs beside it.
    :param level: finish, cancel or abandon.
    """

    source = "error_budget"

    def describe(self) -> dict[str, Any]:
        """Return the guard as data, for :func:`restored_guards`."""
        return {"kind": self.source, "errors": self._errors, "level": self._level}

    def __init__(self, errors: int, *, level: str = "finish") -> None:
        if errors < 0:
            raise ParamsError(f"an error budget of {errors} makes no sense: use 0 or more.")
        self._errors = errors
        self._level = level

    async def watch(self, execution: GuardedExecution) -> None:
        """See :class:`irenic.engine.guard.Guard`."""
        failed: dict[str, None] = {}
        async for event in execution.events():
            item = _failed_item(event)
            if item is not None:
                failed[item] = None
            if len(failed) > self._errors:
                reason = f"failed: {', '.join(failed)}; {self._errors} allowed"
                execution.interrupt(source=self.source, reason=reason[:LONGEST_REASON], level=self._level)
                return


class RateGuard:
    """Stops an execution that does, or breaks, too much in too short a time.

    :param applies: how many applies may begin within ``per`` seconds; None for any number.
    :param errors: how many items may fail within ``per`` seconds; None for any number.
    :param per: seconds.
    :param level: finish, cancel or abandon.
    """

    source = "rate_guard"

    def describe(self) -> dict[str, Any]:
        """Return the guard as data, for :func:`restored_guards`."""
        most = {what: window.most for what, window in self._windows.items()}
        return {"kind": self.source, **most, "per": self._per, "level": self._level}

    def __init__(
        self, applies: int | None = None, *, errors: int | None = None, per: float = 60.0, level: str = "finish"
    ) -> None:
        if applies is None and errors is None:
            raise ParamsError("a rate guard without a number of applies or errors guards nothing: give one.")
        self._windows = {
            "applies": _Window(applies, _positive(per, "per")),
            "errors": _Window(errors, per),
        }
        self._per = per
        self._level = level

    async def watch(self, execution: GuardedExecution) -> None:
        """See :class:`irenic.engine.guard.Guard`."""
        windows = {what: window.fresh() for what, window in self._windows.items()}
        loop = asyncio.get_running_loop()
        async for event in execution.events():
            what = "applies" if isinstance(event, ItemIntent) else "errors" if _failed_item(event) else None
            if what is not None and windows[what].exceeded_at(loop.time()):
                allowed = windows[what].most
                reason = f"more than {allowed} {what} within {self._per:g} s"
                execution.interrupt(source=self.source, reason=reason, level=self._level)
                return


class Failsafe:
    """Stops every execution that looks at a switch, when a maintainer pulls it.

    The switch is a file, pulled by its being there (its first line is the reason), or an address, pulled by its
    answering ``pause`` and perhaps a reason, or ``{"pause": true, "reason": "..."}``. The address of an irenic server,
    as it is printed with its token, stands for that server's own switch. An execution looks at it before it starts
    anything, and from then on again and again. An address that cannot be reached is asked less and less often.

    :param switch: a path, or an address that begins with ``http``.
    :param every: seconds between two looks.
    :param silence: seconds after which an address that cannot be reached counts as pulled; None for never.
    :param level: finish, cancel or abandon.
    :param http: asks; the platform's own client where omitted.
    """

    source = "failsafe"

    def describe(self) -> dict[str, Any]:
        """Return the guard as data, for :func:`restored_guards`; a token that was part of the address is left out."""
        switch = without_token(self._switch)[0] if self._is_address else self._switch
        pace = {"every": self._every, "silence": self._silence, "level": self._level}
        return {"kind": self.source, "switch": switch, **pace}

    def __init__(
        self,
        switch: str | Path,
        *,
        every: float = 2.0,
        silence: float | None = None,
        level: str = "finish",
        http: HttpClient | None = None,
    ) -> None:
        self._switch = str(switch)
        self._is_address = self._switch.startswith(("http://", "https://"))
        self._headers = {"cache-control": "no-cache"}
        if self._is_address:
            address, token = without_token(self._switch)
            path = self._switch.partition("?")[0]
            if token and path.endswith(("/", SERVER_SWITCH)):
                self._switch = address.removesuffix(SERVER_SWITCH) + SERVER_SWITCH
                self._headers["authorization"] = f"Bearer {token}"
        self._every = _positive(every, "every")
        self._silence = silence
        self._level = level
        self._http = http

    async def look(self, execution: GuardedExecution) -> None:
        """See :class:`irenic.engine.guard.EagerGuard`."""
        try:
            reason = await self._read()
        except _Unreachable as unreachable:
            reason = str(unreachable) if self._silence == 0 else None
        if reason is not None:
            self._pull(execution, reason)

    async def watch(self, execution: GuardedExecution) -> None:
        """See :class:`irenic.engine.guard.Guard`."""
        loop = asyncio.get_running_loop()
        heard_at, pause = loop.time(), self._every
        while True:
            await asyncio.sleep(pause)
            try:
                reason = await self._read()
            except _Unreachable as unreachable:
                silent = loop.time() - heard_at
                pause = min(pause * 2, max(self._every, MOST_PATIENCE))
                reason = None
                if self._silence is not None and silent >= self._silence:
                    reason = f"{unreachable} (no answer for {silent:.0f} s)"
                elif self._silence is not None:
                    pause = min(pause, self._silence - silent)
            else:
                heard_at, pause = loop.time(), self._every
            if reason is not None:
                self._pull(execution, reason)
                return

    def _pull(self, execution: GuardedExecution, reason: str) -> None:
        told = f"{reason} ({self._switch})" if reason else self._switch
        execution.interrupt(source=self.source, reason=told[:LONGEST_REASON], level=self._level)

    async def _read(self) -> str | None:
        """Return the reason why the switch is pulled, perhaps an empty one, or None where it is not.

        :raises _Unreachable: if nobody can know.
        """
        if not self._is_address:
            return _first_line(Path(self._switch))
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                client = self._http or default_platform().http
                async with client.request("GET", self._switch, headers=self._headers) as response:
                    if response.status >= 500:
                        raise _Unreachable(f"the switch answers {response.status}")
                    body = await response.read() if 200 <= response.status < 300 else b""
        except TimeoutError:
            raise _Unreachable("the switch does not answer") from None
        except IrenicError as error:
            if isinstance(error, _Unreachable):
                raise
            raise _Unreachable(f"the switch cannot be reached: {error}") from None
        return _reason_in(body.decode(errors="replace").strip())


_KINDS = {kind.source: kind for kind in (Deadline, ErrorBudget, RateGuard, Failsafe)}


def restored_guards(described: Iterable[Mapping[str, Any]]) -> tuple[list[Any], list[str]]:
    """Return the guards that a stored request names, and the kinds among them that cannot be made again."""
    guards: list[Any] = []
    unknown: list[str] = []
    for each in described:
        given = dict(each)
        kind = str(given.pop("kind", ""))
        try:
            guards.append(_KINDS[kind](**given))
        except (KeyError, TypeError, IrenicError):
            unknown.append(kind)
    return guards, unknown


class _Unreachable(IrenicError):
    """A switch that says nothing."""


class _Window:
    """Counts what happened within the last seconds."""

    def __init__(self, most: int | None, seconds: float) -> None:
        self.most = most
        self._seconds = seconds
        self._times: deque[float] = deque()

    def fresh(self) -> "_Window":
        return _Window(self.most, self._seconds)

    def exceeded_at(self, now: float) -> bool:
        """Count one more, and return whether it is one too many."""
        self._times.append(now)
        while self._times[0] <= now - self._seconds:
            self._times.popleft()
        return self.most is not None and len(self._times) > self.most


def _failed_item(event: JournalEvent) -> str | None:
    if isinstance(event, ItemError) or (isinstance(event, ItemResult) and event.result == "failed"):
        return event.item
    return None


def _first_line(path: Path) -> str | None:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError:  # it is there and cannot be read: somebody has put it there
        return ""
    return lines[0].strip() if lines else ""


def _reason_in(text: str) -> str | None:
    if text.startswith("{"):
        try:
            said = json.loads(text)
        except ValueError:
            return None
        is_pulled = said.get("pause") is True or said.get("paused") is True
        return str(said.get("reason") or "") if is_pulled else None
    word, _, rest = text.partition(" ")
    return rest.strip() if word.lower().rstrip(":,.") in _PULLED else None


def _positive(seconds: float, what: str) -> float:
    if seconds <= 0:
        raise ParamsError(f"{what} must be more than 0, not {seconds:g}.")
    return seconds
