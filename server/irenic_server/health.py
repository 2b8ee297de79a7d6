"""Health and metrics."""

import time

from sqlalchemy import Connection, func, select, text
from starlette.types import Receive, Scope, Send

from irenic_server.asgi import respond, respond_problem
from irenic_server.journal import RUNNING
from irenic_server.logs import ROUTE
from irenic_server.metrics import CONTENT_TYPE
from irenic_server.problems import Problem
from irenic_server.services import Services
from irenic_server.tables import executions, profiles

READ_SECONDS = 1.0
"""How often the database is asked, however often the server is."""

_TEXT = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]


class Health:
    """Serves ``/livez``, ``/readyz`` and ``/metrics``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._read_at = float("-inf")
        self._read_problem: str | None = None

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Serve a request that is for one of them, and say whether it was."""
        match scope["path"]:
            case "/livez":
                scope[ROUTE] = "livez"
                await respond(send, 200, b"alive\n", _TEXT)
            case "/readyz":
                scope[ROUTE] = "readyz"
                await self._ready(send)
            case "/metrics":
                scope[ROUTE] = "metrics"
                gauges = await self._services.database.read(_gauges)
                self._services.metrics.streams = self._services.hub.streams
                body = self._services.metrics.text(gauges).encode()
                await respond(send, 200, body, [(b"content-type", CONTENT_TYPE.encode()), _TEXT[1]])
            case _:
                return False
        return True

    async def _ready(self, send: Send) -> None:
        why = await self._why_not_ready()
        if why is None:
            await respond(send, 200, b"ready\n", _TEXT)
        else:
            await respond_problem(send, Problem("unavailable", why, headers={"Retry-After": "5"}))

    async def _why_not_ready(self) -> str | None:
        """Say why the server is not ready; nothing is written, and little read, for those who need no token to ask."""
        services = self._services
        if services.draining:
            return "The server is ending."
        if not services.writer.is_alive:
            return "Nothing can be stored: the thread that writes has ended. Restart the server."
        if services.writer.failing is not None:
            return f"Nothing can be stored: {services.writer.failing.detail}"
        unwell = services.background.unwell
        if unwell:
            return f"Regular work fails or hangs: {', '.join(unwell)}. The log of the server says why."
        if time.monotonic() - self._read_at > READ_SECONDS:
            self._read_at = time.monotonic()
            self._read_problem = await self._try_to_read()
        return self._read_problem

    async def _try_to_read(self) -> str | None:
        try:
            if await self._services.database.read(_is_read_only):
                return "Nothing can be stored: the database can only be read just now."
        except Problem as problem:
            return problem.detail
        return None


def _is_read_only(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        connection.execute(text("SELECT 1"))
        return False
    query = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'"
    return bool(connection.execute(text(query)).scalar_one())


def _gauges(connection: Connection) -> dict[str, tuple[str, float]]:
    running = connection.execute(
        select(func.count()).select_from(executions).where(executions.c.status == RUNNING)
    ).scalar_one()
    leases = connection.execute(
        select(func.count()).select_from(profiles).where(profiles.c.lease_holder.is_not(None))
    ).scalar_one()
    return {
        "irenic_executions_running": ("Executions without an outcome.", running),
        "irenic_leases_held": ("Leases that are held.", leases),
        "irenic_database_bytes": ("Size of the database.", _size(connection)),
    }


def _size(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
        return pages * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
    return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
