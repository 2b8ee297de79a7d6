"""Browsers, found or installed where that can be: Chromium for the memory snapshot and tests, Firefox for tests."""

import json
import os
import subprocess
from pathlib import Path

from tooling.console import Console
from tooling.errors import BuildError
from tooling.paths import BROWSER_FILE, VENV_PYTHON
from tooling.stamps import write_atomically
from tooling.system import can_install, find_program, install, is_root

VARIABLE = "IRENIC_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

FIREFOX_VARIABLE = "IRENIC_FIREFOX"
FIREFOX_NAMES = ("firefox-esr", "firefox")

ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

NEXT_STEP = (
    f"Install Chromium or Chrome (on Debian: `apt-get install chromium`), or set {VARIABLE} to the path of one, "
    "and run the same command again."
)

FIREFOX_NEXT_STEP = (
    f"Install Firefox (on Debian: `apt-get install firefox-esr`), or set {FIREFOX_VARIABLE} to the path of one, "
    "and run the same command again."
)

WITH_PLAYWRIGHT = (
    "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
)


def find_browser() -> Path | None:
    """Name the browser of `IRENIC_CHROMIUM`, or else the first one on the PATH, or else that of an earlier build.

    Raises BuildError when the variable names no program.
    """
    return find_program(VARIABLE, NAMES) or _installed_before()


def write_browser_file(browser: Path) -> None:
    """Tell the tests which browser to start and with which arguments, in `build/browser.json`."""
    # Chromium's own sandbox refuses to work for root; only pages of this tree are opened.
    arguments = [*ARGUMENTS, "--no-sandbox"] if is_root() else list(ARGUMENTS)
    content = json.dumps({"executable": str(browser), "args": arguments}, indent=1)
    if not BROWSER_FILE.exists() or BROWSER_FILE.read_text() != content:
        write_atomically(BROWSER_FILE, content)


def provide_browser(console: Console) -> Path:
    """Find a browser or install one, and write `build/browser.json`.

    Raises BuildError where none can be had.
    """
    browser = find_browser() or _install(console)
    write_browser_file(browser)
    return browser


def find_firefox() -> Path | None:
    """Name the browser of `IRENIC_FIREFOX`, or else the first Firefox on the PATH.

    Raises BuildError when the variable names no program.
    """
    return find_program(FIREFOX_VARIABLE, FIREFOX_NAMES)


def provide_firefox(console: Console) -> None:
    """Have a Firefox for the tests, and say what is left out without one.

    Raises BuildError in continuous integration where none can be had.
    """
    if find_firefox():
        return
    try:
        if can_install():
            install(console, "Firefox", "firefox-esr", next_step=FIREFOX_NEXT_STEP)
    except BuildError:
        if "CI" in os.environ:
            raise
    if find_firefox():
        return
    if "CI" in os.environ:
        raise BuildError("There is no Firefox.", next_step=FIREFOX_NEXT_STEP)
    console.say("  note  without Firefox (on Debian: `apt-get install firefox-esr`) its tests are skipped")


def _installed_before() -> Path | None:
    """Name the browser that an earlier build installed for itself alone, which is not on the PATH."""
    try:
        path = Path(json.loads(BROWSER_FILE.read_text())["executable"])
    except FileNotFoundError:
        return None
    return path if path.exists() else None


def _install(console: Console) -> Path:
    if can_install():
        install(console, "Chromium", "chromium", "fonts-liberation", next_step=NEXT_STEP)
        if browser := find_browser():
            return browser
        raise BuildError("The system's chromium package was installed, but brought no `chromium`.", next_step=NEXT_STEP)
    with console.timed("Chromium, by playwright"):
        console.command([VENV_PYTHON, "-m", "playwright", "install", "chromium"], log="browser", next_step=NEXT_STEP)
    found = subprocess.run([VENV_PYTHON, "-c", WITH_PLAYWRIGHT], check=True, capture_output=True, text=True)
    return Path(found.stdout.strip())
