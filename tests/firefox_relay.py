#!/usr/bin/env python3
"""Stand in for Firefox before Playwright, which asks it for one thing too many.

Playwright drives a Firefox as it comes by WebDriver BiDi, and tells each new context which media features to emulate,
also where a test wants none. Firefox 153, the extended support release, does not know that command, and no context
would come to be. This program starts the browser, passes on what both say, and answers that one command where the
browser does not know it. A test must therefore not ask for a colour scheme.
"""

import asyncio
import json
import os
import re
import sys
from contextlib import suppress
from functools import partial

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

FIREFOX = "IRENIC_FIREFOX"
"""The variable that names the browser."""

ONE_TOO_MANY = "emulation.setMediaFeaturesOverride"

LISTENING = "WebDriver BiDi listening on "
ADDRESS = re.compile(LISTENING + r"(ws://\S+)")


async def run(firefox: str, *arguments: str) -> int:
    """Run the browser until it ends; say where it listens as it does itself, but name the address of this program."""
    process = await asyncio.create_subprocess_exec(firefox, *arguments, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    async for line in process.stderr:
        said = line.decode(errors="replace")
        if found := ADDRESS.search(said):
            passing = partial(pass_on, f"{found[1]}/session")
            server = await serve(passing, "127.0.0.1", 0, max_size=None, compression=None, ping_interval=None)
            port = next(iter(server.sockets)).getsockname()[1]
            said = f"{LISTENING}ws://127.0.0.1:{port}\n"
        sys.stderr.write(said)
        sys.stderr.flush()
    return await process.wait()


async def pass_on(address: str, driver: ServerConnection) -> None:
    """Connect a driver with the browser until one of them hangs up."""
    unanswered: set[int] = set()
    async with (
        connect(address, max_size=None, compression=None, ping_interval=None) as browser,
        asyncio.TaskGroup() as both,
    ):
        both.create_task(to_browser(driver, browser, unanswered))
        both.create_task(to_driver(browser, driver, unanswered))


async def to_browser(driver: ServerConnection, browser: ClientConnection, unanswered: set[int]) -> None:
    """Pass on what the driver asks for, and remember where that is what the browser may not know."""
    with suppress(ConnectionClosed):
        async for message in driver:
            if ONE_TOO_MANY in str(message) and (asked := json.loads(message))["method"] == ONE_TOO_MANY:
                unanswered.add(asked["id"])
            await browser.send(message)
    await browser.close()


async def to_driver(browser: ClientConnection, driver: ServerConnection, unanswered: set[int]) -> None:
    """Pass on what the browser answers, or the answer in its place."""
    with suppress(ConnectionClosed):
        async for message in browser:
            await driver.send(answered(str(message), unanswered) if unanswered else message)
    await driver.close()


def answered(message: str, unanswered: set[int]) -> str:
    """Return what the driver is told."""
    told = json.loads(message)
    if told.get("id") not in unanswered:
        return message
    unanswered.remove(told["id"])
    if told.get("error") != "unknown command":
        return message
    return json.dumps({"type": "success", "id": told["id"], "result": {}})


if __name__ == "__main__":
    sys.exit(asyncio.run(run(os.environ[FIREFOX], *sys.argv[1:])))
