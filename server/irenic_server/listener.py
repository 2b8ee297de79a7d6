"""Hearing what other servers of the same PostgreSQL have committed, by LISTEN and NOTIFY."""

import asyncio
import logging

from irenic_server.database import Database
from irenic_server.live import Hub
from irenic_server.notices import CHANNEL, News

RECONNECT_SECONDS = 1.0

_log = logging.getLogger("irenic.server")


async def listen(database: Database, hub: Hub, news: News) -> None:
    """Pass on the news of other servers until cancelled; after a lost connection all streams look for themselves."""
    # Only here, because most servers use SQLite and need nothing of it.
    import psycopg

    address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(address, autocommit=True)
            async with connection:
                await connection.execute(f"LISTEN {CHANNEL}".encode())
                hub.look_again()
                async for notification in connection.notifies():
                    changed = news.read(notification.payload)
                    if changed is not None:
                        hub.changed_elsewhere(changed[0], listed=changed[1])
        except psycopg.OperationalError as error:
            _log.warning("the news of other servers cannot be heard just now", extra={"error": str(error)})
        await asyncio.sleep(RECONNECT_SECONDS)
