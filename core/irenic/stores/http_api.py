"""Requests to an irenic server: repeated where that is safe, and answered with errors that a person understands."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json, to_json

from irenic.flow.context import HttpClient
from irenic.model.errors import FencedError, HeldError, ItemFailure, StoreError

PATIENCE = 60.0
"""Seconds for which a request is repeated while the server does not answer."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
"""Statuses after which the same request may succeed; every request of the store may be repeated."""

_PROBLEM = "urn:irenic:problem:"


class StoreApi:
    """Sends JSON to ``/api/v1`` of a server.

    :param base_url: the server's address; empty means the site of the page.
    :param patience: seconds for which a request is repeated.
    """

    def __init__(self, base_url: str, token: str, http: HttpClient, patience: float = PATIENCE) -> None:
        self.base_url = base_url.rstrip("/")
        self.http = http
        self.headers = {"authorization": f"Bearer {token}"} if token else {}
        self._patience = patience

    async def get(self, path: str) -> Any:
        """Return what is at a path, or None where there is nothing."""
        return await self.send("GET", path, absent=True)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        absent: bool = False,
        patience: float | None = None,
    ) -> Any:
        """Send a request and return the answer's JSON, or None where it has none.

        :param body: bytes of JSON, or data to be written as JSON.
        :param absent: whether 404 means None instead of an error.
        :raises HeldError: if somebody else holds the profile.
        :raises FencedError: if somebody else has taken over.
        :raises StoreError: if the server refuses, or did not answer for as long as the store is patient.
        """
        data = body if isinstance(body, bytes) or body is None else to_json(body)
        loop = asyncio.get_running_loop()
        give_up = loop.time() + (self._patience if patience is None else patience)
        pause = FIRST_PAUSE
        while True:
            status, answer, wait, failure = await self._try(method, path, data, headers or {})
            if failure is None and status not in TRY_AGAIN:
                break
            pause = min(pause * 2, LONGEST_PAUSE)
            delay = max(wait, pause * random.uniform(0.5, 1.0))
            if loop.time() + delay > give_up:
                raise self._gave_up(method, path, status, answer, failure)
            await asyncio.sleep(delay)
        if status == 404 and absent:
            return None
        if status >= 400:
            raise _refusal(status, answer)
        return answer

    def address(self, path: str) -> str:
        """Return the whole address of a path below ``/api/v1``."""
        return f"{self.base_url}/api/v1{path}"

    async def _try(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Any, float, ItemFailure | None]:
        sent = {**self.headers, **headers}
        if data is not None:
            sent["content-type"] = "application/json"
        try:
            async with self.http.request(method, self.address(path), headers=sent, body=data) as response:
                text = await response.read()
                return response.status, _read(text), _retry_after(response.headers), None
        except ItemFailure as failure:
            return 0, None, 0.0, failure

    def _gave_up(self, method: str, path: str, status: int, answer: Any, failure: ItemFailure | None) -> StoreError:
        said = str(failure) if failure is not None else str(_refusal(status, answer))
        where = self.base_url or "the server of this page"
        return StoreError(f"{where} did not take {method} {path}: {said} Nothing that it acknowledged is lost.")


def _read(text: bytes) -> Any:
    if not text:
        return None
    try:
        return from_json(text)
    except ValueError:
        return {"detail": text[:200].decode(errors="replace")}


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdecimal() else 0.0


def _refusal(status: int, answer: Any) -> StoreError | HeldError:
    problem = answer if isinstance(answer, dict) else {}
    name = str(problem.get("type", "")).removeprefix(_PROBLEM)
    detail = str(problem.get("detail") or f"it answered {status}.")
    if name == "held":
        return HeldError(detail, holder=str(problem.get("holder", "")), execution_id=problem.get("execution_id"))
    if name == "stale-fencing":
        return FencedError(detail)
    if status in (401, 403) and not name:
        detail = "it wants a token: open the address that the server printed at its start."
    return StoreError(detail)
