"""The server as the page sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ui.browser import BASE, Departure, shortened, to_js, window

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = f"{BASE}api/v1"

# The same names are in `service-worker.js`.
_LAST_KNOWN = "x-irenic-last-known"
_KEPT_AT = "x-irenic-kept-at"

# Of the server's answers with files of the site.
_API = "x-irenic-api"

_AWAY = (502, 503, 504)
"""Answers that mean that the server, or what it stores in, is away."""
_ANSWERS_WITHIN_MS = 10_000

_early: dict[str, Any] = {}


class Away:
    """What is done when the server is away and an answer is one that the browser has kept; the page says so."""

    def __init__(self) -> None:
        self.on_kept: Callable[[str], None] = lambda since: None


away = Away()
departure = Departure()


class Server:
    """Whether irenic's server is there behind the site, or a web server that has nothing but the site's files."""

    def __init__(self) -> None:
        self.is_there = True


server = Server()


class ServerAway(Exception):
    """The server could not be reached, or what it stores in."""


class ApiProblem(Exception):
    """The server answered with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail") or problem.get("title") or f"the server answered {status}")
        self.status = status
        self.problem = problem


def ask_early(path: str) -> None:
    """Ask for something that will be needed soon; the first request for it takes this answer."""
    promise = window.fetch(path, to_js(_options("GET", path, None)))
    promise.catch(lambda error: None)  # told to whoever takes it
    _early[path] = promise


async def fetch_text(path: str) -> str:
    """Return a file of the site as text."""
    return str(await (await _request("GET", path, None)).text())


async def fetch_object(path: str) -> Any:
    """Return a JSON file of the site as a JavaScript object, whose keys keep their order."""
    return await (await _request("GET", path, None)).json()


async def fetch_index(path: str) -> Any:
    """Return the list of the site's flows as a JavaScript object, and learn whether there is a server behind it."""
    response = await _request("GET", path, None)
    server.is_there = bool(response.headers.has(_API))
    return await response.json()


async def get(path: str) -> Any:
    """Return what the API answers to a ``GET``; None where there is no such thing."""
    response = await _found(path)
    return _body(str(await response.text())) if response is not None else None


async def get_object(path: str) -> Any:
    """Return what the API answers to a ``GET``, as a JavaScript object; None where there is no such thing.

    Long values of states in it are cut to what is shown.
    """
    response = await _found(path)
    return await shortened(await response.json()) if response is not None else None


async def ask_now(path: str) -> Any:
    """Return what the server itself answers to a ``GET`` now, never what the browser has kept.

    :raises ServerAway: also where it does not answer for long.
    """
    headers = {_LAST_KNOWN: "0"}
    options = to_js({"method": "GET", "credentials": "same-origin", "cache": "no-store", "headers": headers})
    options.signal = window.AbortSignal.timeout(_ANSWERS_WITHIN_MS)
    response = await _answered(window.fetch(ROOT + path, options))
    return _body(str(await response.text()))


async def touch(path: str) -> None:
    """Have the API answer a ``GET`` without looking at the answer, for whatever keeps answers on their way."""
    # To its end: a browser does not let go of what was not read.
    await (await _request("GET", ROOT + path, None)).arrayBuffer()


async def send(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send something to the API and return its answer."""
    response = await _request(method, ROOT + path, body)
    return _body(str(await response.text()))


def query(**values: object) -> str:
    """Write a query string; values that are None are left out."""
    pairs = [f"{name}={window.encodeURIComponent(str(value))}" for name, value in values.items() if value is not None]
    return "?" + "&".join(pairs) if pairs else ""


def flow_path(flow: str, profile: str, what: str) -> str:
    """Return the path of something that belongs to a flow's profile."""
    return f"/flows/{flow}/profiles/{profile}/{what}"


def events_path(execution: str, after: int, limit: int) -> str:
    """Return the path of so many events of an execution's journal after one."""
    return f"/executions/{execution}/events{query(after=after, limit=limit)}"


def outcome_path(execution: str) -> str:
    """Return the path of an execution's outcome."""
    return f"/executions/{execution}/outcome"


def _body(text: str) -> Any:
    return json.loads(text) if text else None


async def _found(path: str) -> Any:
    if not server.is_there:
        return None
    try:
        return await _request("GET", ROOT + path, None)
    except ApiProblem as problem:
        if problem.status == 404:
            return None
        raise


async def _request(method: str, path: str, body: dict[str, Any] | None) -> Any:
    early = _early.pop(path, None) if method == "GET" else None
    response = await _answered(early if early is not None else window.fetch(path, to_js(_options(method, path, body))))
    kept_at = response.headers.get(_KEPT_AT)
    if kept_at:
        away.on_kept(str(kept_at))
    return response


async def _answered(asked: Any) -> Any:
    """Return the answer that a promise comes to."""
    response, cause = None, ""
    try:
        response = await asked
    except Exception as error:
        cause = str(error)
    # Raised out here because MicroPython cannot chain exceptions.
    if response is None:
        await departure.over()
        raise ServerAway(cause)
    if not response.ok:
        status, problem = int(response.status), _problem(str(await response.text()))
        if status in _AWAY:
            raise ServerAway(problem.get("detail") or f"{status}")
        raise ApiProblem(status, problem)
    return response


def _options(method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    options: dict[str, Any] = {"method": method, "credentials": "same-origin"}
    if body is not None:
        options["headers"] = {"Content-Type": "application/json"}
        options["body"] = json.dumps(body)
    elif path.startswith(ROOT):
        options["headers"] = {_LAST_KNOWN: "1"}
    return options


def _problem(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
