"""Requests to the store API of the server: retried where that is safe, with errors that a person understands."""

import asyncio
import json
import logging
import random
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from irenic.flow.context import HttpClient
from irenic.model.errors import FencedError, HeldError, IrenicError, ItemFailure, StoreError
from irenic.model.timestamps import timestamp

_log = logging.getLogger(__name__)

PATIENCE = 120.0
"""Seconds for which a request is tried again while the server cannot be reached."""

REQUEST_TIMEOUT = 30.0
"""Seconds that one try may take."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before the second try, and between the last ones."""

TRY_AGAIN = frozenset({429, 502, 503, 504})

AWAY = frozenset({502, 503, 504})
"""Answers that mean that the server, or what it stores in, is away."""

SAID_AFTER = 2
"""Failures in a row after which it is said that the server is away."""

FENCED = frozenset({"stale-fencing", "execution-ended", "conflicting-outcome", "conflicting-event"})
"""Problems that mean that somebody else has gone on with this execution, or ended it."""

PROBLEM = "urn:irenic:problem:"


class Answer:
    """What the server answered.

    :param tries: how often it was asked; an earlier answer may have been lost on the way.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, tries: int) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.tries = tries

    @property
    def problem(self) -> str:
        """The name of the problem, or nothing where the answer is none."""
        kind = self._members().get("type", "")
        return kind.removeprefix(PROBLEM) if isinstance(kind, str) and self.status >= 400 else ""

    @property
    def detail(self) -> str:
        """What a problem says to a person."""
        return str(self._members().get("detail") or f"the server answered {self.status}.")

    def error(self) -> IrenicError:
        """Return the error to raise where this is not the answer that was hoped for."""
        name = self.problem
        if name == "held":
            members = self._members()
            holder, execution_id = str(members.get("holder", "")), members.get("execution_id")
            return HeldError(self.detail, holder=holder, execution_id=execution_id)
        if name in FENCED:
            return FencedError(self.detail)
        if self.status in (401, 403):
            return StoreError(f"the server does not let this client in: {self.detail}")
        return StoreError(self.detail)

    def _members(self) -> dict[str, Any]:
        try:
            members = json.loads(self.body)
        except ValueError:
            return {}
        return members if isinstance(members, dict) else {}


class StoreApi:
    """Asks the server.

    :param base_url: the server's address, without ``/api``; nothing in the tab, for the page's own server.
    :param token: nothing in the tab, where the browser sends the cookie.
    """

    def __init__(self, http: HttpClient, base_url: str, token: str | None, patience: float) -> None:
        self._http = http
        self._base = base_url.rstrip("/") + "/api/v1"
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._patience = patience
        self._misses = 0
        self._away_since = ""

    async def get(self, *path: str, headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        """Read something; a query's values that are None are left out."""
        given = {name: value for name, value in query.items() if value is not None}
        return await self.ask("GET", path, query=given, headers=headers)

    async def ask(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        body: bytes | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool = True,
        patience: float | None = None,
    ) -> Answer:
        """Send a request, again and again while the server cannot be reached or asks to come back.

        :param path: steps of the path below ``/api/v1``.
        :param retry: whether the same request may reach the server twice.
        :raises StoreError: if the server could not be reached for too long.
        """
        url = self.address(path)
        if query:
            url += f"?{urlencode(query)}"
        given = {**self._headers, **(headers or {})}
        if body is not None:
            given["content-type"] = "application/json"
        loop = asyncio.get_running_loop()
        give_up = loop.time() + (self._patience if patience is None else patience)
        pause, tries = FIRST_PAUSE, 0
        while True:
            tries += 1
            why, wait, answer = "", pause, None
            try:
                answer = await self._once(method, url, given, body, tries)
                if answer.status not in AWAY:
                    self._reached()
                if answer.status not in TRY_AGAIN:
                    return answer
                why, wait = answer.detail, max(pause, _retry_after(answer))
            except ItemFailure as failure:
                why = str(failure)
            except TimeoutError:
                why = f"no answer within {REQUEST_TIMEOUT:g} s."
            if answer is None or answer.status in AWAY:
                self._missed(why)
            if not retry or loop.time() + wait > give_up:
                raise StoreError(f"the server could not be asked: {why} What was acknowledged before is kept.")
            await asyncio.sleep(wait * (0.75 + random.random() / 2))
            pause = min(2 * pause, LONGEST_PAUSE)

    def _missed(self, why: str) -> None:
        """Say that the server is away; not for a single failure, as of a connection that was idle for long."""
        self._misses += 1
        if self._misses == 1:
            self._away_since = timestamp()
        elif self._misses == SAID_AFTER:
            at = f"{self._away_since[11:19]} UTC"
            _log.warning("the server cannot be reached since %s, trying again: %s", at, why.rstrip("."))

    def _reached(self) -> None:
        if self._misses >= SAID_AFTER:
            _log.warning("the server answers again; nothing was lost")
        self._misses = 0

    def ask_blocking(self, method: str, path: tuple[str, ...], body: bytes) -> Answer:
        """Send one request, and block until there is an answer; in a tab's worker only.

        :raises StoreError: if the server could not be reached.
        """
        from irenic.items.http_tab import request_blocking

        headers = {**self._headers, "content-type": "application/json"}
        try:
            status, answer = request_blocking(method, self.address(path), headers=headers, body=body)
        except ItemFailure as failure:
            raise StoreError(f"the server could not be asked: {failure}") from failure
        return Answer(status, {}, answer, 1)

    def address(self, path: tuple[str, ...]) -> str:
        """Return the address of a resource by the steps of its path."""
        return f"{self._base}/{'/'.join(quote(step, safe='') for step in path)}"

    async def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, tries: int) -> Answer:
        async with (
            asyncio.timeout(REQUEST_TIMEOUT),
            self._http.request(method, url, headers=headers, body=body) as response,
        ):
            return Answer(response.status, response.headers, await response.read(), tries)


def _retry_after(answer: Answer) -> float:
    value = answer.headers.get("retry-after", "")
    return min(float(value), LONGEST_PAUSE) if value.isdecimal() else 0.0
