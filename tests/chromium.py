"""The Chromium that the build has found."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

from tooling.paths import BROWSER_FILE


def launch_chromium(playwright: Playwright) -> Browser:
    """Start it."""
    found = json.loads(BROWSER_FILE.read_text())
    return playwright.chromium.launch(executable_path=found["executable"], args=found["args"])


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run it until the block ends.

    Playwright holds the thread's event loop while it runs, so it is ended before a process goes on to other work.
    """
    with sync_playwright() as playwright, launch_chromium(playwright) as browser:
        yield browser
