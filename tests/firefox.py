"""The system's Firefox."""

import os
from pathlib import Path

from playwright.sync_api import Browser, Playwright
from tests import firefox_relay

from tooling.paths import VENV_BIN


def launch_firefox(playwright: Playwright, executable: Path) -> Browser:
    """Start it."""
    return playwright.firefox.launch(
        channel="moz-firefox",  # drives a Firefox as it comes, not one that Playwright has changed
        executable_path=firefox_relay.__file__,
        env={
            **os.environ,
            "PATH": os.pathsep.join([str(VENV_BIN), os.environ["PATH"]]),
            firefox_relay.FIREFOX: str(executable),
        },
    )
