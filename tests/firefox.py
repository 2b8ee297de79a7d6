"""The system's Firefox."""

import os
from pathlib import Path

from playwright.sync_api import Browser, Playwright
from tests import firefox_relay

from tooling.paths import VENV_BIN


def launch_firefox(
    playwright: Playwright, executable: Path, preferences: dict[str, str | float | bool] | None = None
) -> Browser:
    """Start it with these preferences."""
    return playwright.firefox.launch(
        channel="moz-firefox",  # drives a Firefox as it comes, not one that Playwright has changed
        executable_path=firefox_relay.__file__,
        firefox_user_prefs=preferences,
        env={
            **os.environ,
            "PATH": os.pathsep.join([str(VENV_BIN), os.environ["PATH"]]),
            firefox_relay.FIREFOX: str(executable),
        },
    )
