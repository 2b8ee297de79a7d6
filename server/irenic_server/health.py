"""Health and metrics."""

from sqlalchemy import Connection, func, select, text
from starlette.types import Receive, Scope, Send

from irenic_server.asgi import respond, respond_problem
from irenic_server.journal import RUNNING
from irenic_server.logs import ROUTE
from irenic_server.metrics import CONTENT_TYPE
from irenic_server.problems import Problem
from irenic_server.services import Services
from irenic_server.tables import executions, profiles
from irenic_server.transaction import Transaction

_TEXT = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]


class Health:
    """Serves ``/livez``, ``/readyz`` and ``/metrics``."""

    def __init__(self, services: Services) -> None:
        self._services = services

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
        if self._services.draining:
            await respond_problem(send, Problem("unavailable", "The server is ending."))
            return
        try:
            await self._services.writer.write(_touch)
        except Problem as problem:
            await respond_problem(send, Problem("unavailable", f"Nothing can be stored: {problem.detail}"))
            return
        await respond(send, 200, b"ready\n", _TEXT)


def _touch(transaction: Transaction) -> None:
    transaction.connection.execute(text("UPDATE counters SET value = value WHERE name = 'revision'"))


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
