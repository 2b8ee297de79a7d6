"""The Chromium that the build has found."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tooling.paths import BROWSER_FILE


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run it until the block ends.

    Playwright holds the thread's event loop while it runs, so it is ended before a process goes on to other work.
    """
    found = json.loads(BROWSER_FILE.read_text())
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=found["executable"], args=found["args"]) as browser,
    ):
        yield browser
