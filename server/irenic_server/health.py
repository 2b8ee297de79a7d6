"""Health and metrics."""

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

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

_STATUS, _OPEN_FILES = Path("/proc/self/statm"), Path("/proc/self/fd")
_TEXT = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]


def server_version() -> str:
    """Return the version of this server."""
    try:
        return version("irenic-server")
    except PackageNotFoundError:
        return "0"


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
                body = (self._services.metrics.text(gauges | self._process()) + self._background()).encode()
                await respond(send, 200, body, [(b"content-type", CONTENT_TYPE.encode()), _TEXT[1]])
            case _:
                return False
        return True

    def _process(self) -> dict[str, tuple[str, float]]:
        services = self._services
        gauges: dict[str, tuple[str, float]] = {
            "irenic_writes_pending": ("Writes that are not durable yet.", services.writer.pending),
            "irenic_connections": ("Open connections.", services.connections.open),
            "irenic_connections_most": ("Connections for which there is room.", services.connections.most),
            "irenic_answers_bytes": ("Large answers that clients have not taken.", services.answers.used),
        }
        if _STATUS.exists():
            gauges["process_open_fds"] = ("Open files.", sum(1 for _ in _OPEN_FILES.iterdir()))
            pages = int(_STATUS.read_text().split()[1])
            gauges["process_resident_memory_bytes"] = ("Memory held.", pages * os.sysconf("SC_PAGE_SIZE"))
        return gauges

    def _background(self) -> str:
        works = list(self._services.background.failures())
        lines = [
            "# HELP irenic_build_info The version of this server.",
            "# TYPE irenic_build_info gauge",
            f'irenic_build_info{{version="{server_version()}",python="{platform.python_version()}"}} 1',
            "# HELP irenic_background_up Whether regular work goes on.",
            "# TYPE irenic_background_up gauge",
            *(f'irenic_background_up{{work="{name}"}} {int(is_well)}' for name, is_well, _ in works),
            "# HELP irenic_background_failures_total How often regular work has failed.",
            "# TYPE irenic_background_failures_total counter",
            *(f'irenic_background_failures_total{{work="{name}"}} {count}' for name, _, count in works),
        ]
        return "\n".join(lines) + "\n"

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
