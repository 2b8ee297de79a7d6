"""One execution in tabs and terminals: begun here and finished there, and stopped by somebody who says why."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Download, Origin
from tests.e2e.server_process import ServerProcess, running_server

from irenic.cli.site import make_site
from irenic.engine.execution_map import user_and_host

FLOW = Path(__file__).with_name("letters.py")
LETTERS = ("first", "second", "third")
GATE = "/gate"
WITHIN = 60.0
"""How long a command, or what it waits for, may take on a busy machine, in seconds."""

UNUSED = "was preloaded using link preload but not used"
"""What the browser says of a tab that looks on for long: it has no Python to start yet."""
ASKED_BY = f"Asked for by {user_and_host()}: lunch"


@pytest.fixture
def server(site: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server whose site has the flow that is to be run in tabs and terminals."""
    own_site = tmp_path / "site"
    make_site(site, own_site, [FLOW])
    with running_server(own_site, tmp_path / "irenic.sqlite3") as running:
        yield running


@pytest.fixture
def tab(new_tab: NewTab) -> FlowPage:
    """A tab with the flow loaded."""
    return new_tab().open(flow="letters")


@pytest.fixture
def gate(origin: Origin) -> Download:
    """What the second letter waits for; nothing is posted yet."""
    for name in LETTERS:
        origin.put(f"/{name}", b"")
    origin.put(GATE, b"may pass", held=True)
    return origin.downloads[GATE]


def irenic(server: ServerProcess, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a terminal of somebody who knows the address that the server printed."""
    return subprocess.run(
        [sys.executable, "-m", "irenic", *arguments, "--store", server.announced],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("IRENIC_")},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


def newest(tab: FlowPage) -> str:
    """Return the id of the newest execution."""
    found: str = tab.api("/executions?limit=1")["items"][0]["id"]
    return found


def begin(tab: FlowPage, origin: Origin, gate: Download) -> str:
    """Press Ensure, wait until the second letter waits, and return the execution's id."""
    tab.fill(site=origin.address)
    tab.press("ensure")
    assert gate.begun.wait(WITHIN)
    expect(tab.item("second")).to_have_text("Running")
    return newest(tab)


def test_a_run_begun_in_a_tab_is_finished_in_a_terminal_and_nothing_is_done_twice(
    tab: FlowPage, origin: Origin, gate: Download, tmp_path: Path
) -> None:
    """The terminal does what is left; back in the tab there is nothing to do."""
    execution = begin(tab, origin, gate)
    tab.press("interrupt")
    expect(tab.status).to_have_text("Stopping")
    gate.release()
    tab.ends("Interrupted")
    assert dict(origin.posts) == {"/first": 1, "/second": 1}

    resumed = irenic(tab.server, "resume", execution, str(FLOW), "--format", "json", folder=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["items"]["done"] == list(LETTERS)
    assert dict(origin.posts) == {"/first": 1, "/second": 1, "/third": 1}

    tab.press("ensure")
    tab.ends("Done")
    for name in LETTERS:
        expect(tab.row(name)).to_contain_text("nothing to do")
    assert dict(origin.posts) == {"/first": 1, "/second": 1, "/third": 1}
    statuses = [record["status"] for record in tab.api("/executions")["items"]]
    assert statuses == ["complete", "complete", "block_interrupted"]


def test_a_run_begun_in_a_terminal_is_finished_in_a_tab_and_nothing_is_done_twice(
    tab: FlowPage, origin: Origin, gate: Download, tmp_path: Path
) -> None:
    """What was cancelled in the terminal is done in the tab, and nothing else."""
    command = ["ensure", str(FLOW), "--store", tab.server.announced, "--input", f"site={origin.address}"]
    with subprocess.Popen(
        [sys.executable, "-m", "irenic", *command, "--format", "json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as terminal:
        assert gate.begun.wait(WITHIN)
        execution = newest(tab)
        asked = irenic(tab.server, "executions", "interrupt", execution, "--level", "cancel", folder=tmp_path)
        assert (asked.returncode, asked.stdout) == (0, "interruption request received\n")
        out, _ = terminal.communicate(timeout=WITHIN)
    assert json.loads(out)["items"]["not_done"] == ["second", "third"]
    tab.ends("Interrupted")
    expect(tab.page.locator("#facts")).to_contain_text(f"(pid {terminal.pid})")
    tab.awake()
    gate.release()

    tab.fill(site=origin.address)
    tab.press("ensure")
    tab.ends("Done")
    assert dict(origin.posts) == {"/first": 1, "/second": 1, "/third": 1}


@pytest.mark.complaints(UNUSED)
def test_two_tabs_are_told_who_stopped_what_they_watch_and_why(
    tab: FlowPage, new_tab: NewTab, origin: Origin, gate: Download, tmp_path: Path
) -> None:
    """By a command in a terminal, while it stops and after it has."""
    execution = begin(tab, origin, gate)
    tabs = (tab, _onlooker(new_tab))
    asked = irenic(tab.server, "executions", "interrupt", execution, "--reason", "lunch", folder=tmp_path)
    assert (asked.returncode, asked.stdout) == (0, "interruption request received\n")
    for each in tabs:
        expect(each.status).to_have_text("Stopping")
        expect(each.page.locator("#facts")).to_contain_text(ASKED_BY)
    gate.release()
    for each in tabs:
        each.ends("Interrupted")
        expect(each.page.locator("#facts")).to_contain_text(ASKED_BY)
        expect(each.sentence).to_have_text("Interrupted: first and second are done; third was not started.")


@pytest.mark.complaints(UNUSED)
def test_a_tight_loop_in_a_tab_is_cancelled_from_a_terminal_and_both_tabs_say_by_whom(
    tab: FlowPage, new_tab: NewTab, origin: Origin, gate: Download, tmp_path: Path
) -> None:
    """The loop lets nothing else of Python's run."""
    gate.release()
    tab.page.locator("#input-loops").check()
    execution = begin(tab, origin, gate)
    expect(tab.row("second")).to_contain_text("it loops")
    tabs = (tab, _onlooker(new_tab))
    stop = ["executions", "interrupt", execution, "--level", "cancel", "--reason", "lunch"]
    asked = irenic(tab.server, *stop, folder=tmp_path)
    assert (asked.returncode, asked.stdout) == (0, "interruption request received\n")
    for each in tabs:
        each.ends("Interrupted")
        expect(each.page.locator("#facts")).to_contain_text(ASKED_BY)
    assert dict(origin.posts) == {"/first": 1}


def _onlooker(new_tab: NewTab) -> FlowPage:
    """Open another tab of the same flow, which looks on."""
    other = new_tab()
    other.page.goto(f"{other.server.announced}&flow=letters")
    expect(other.page.locator("#python-word")).to_have_text("Looking on")
    expect(other.status).to_have_text("Running")
    return other
