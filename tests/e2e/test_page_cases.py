"""What went wrong once on a second day, in a tab as a person sees it, and handed on to a terminal and back."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.cloud import CLOUD, CLOUD_HEAD, Cloud
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.server_process import ServerProcess
from tests.e2e.test_cli_pty import until
from tests.e2e.test_handoff import WITHIN, irenic

HEAD = '''# /// script
# requires-python = ">=3.11"
# dependencies = ["irenic"]
# ///
import asyncio
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from irenic import Flow, Generated, Item


class P(BaseModel):
    text: str
    source: str | None = None
    waits: bool = False


class S(BaseModel):
    text: str | None = None
    made: Generated[str] = None


class Memo(Item[P, S]):
    """A file of the item's name."""

    LIES = False

    async def read(self, cx: Any, name: str) -> str:
        return (await cx.fs.read_bytes(name)).decode()

    async def state_current(self, cx: Any, params: P) -> S:
        if await cx.fs.stat(self.id) is None:
            return S()
        text = await self.read(cx, self.id)
        return S(text=text, made=f"made-{text}")

    async def state_goal(self, cx: Any, params: P) -> S:
        if params.source is not None and not params.source.startswith("made-"):
            return S(text=(await self.read(cx, params.source)).upper())
        return S(text=params.text)

    def state_clean(self, params_partial: Any) -> S:
        return S()

    async def apply(self, cx: Any, params: P, current: S, target: S, diff: Any) -> S:
        if params.waits and sys.platform != "emscripten":  # in a terminal, until the test lets it go on
            Path("begun").touch()
            while not Path("go").exists():
                await asyncio.sleep(0.02)
        if target.text is None:
            await cx.fs.remove(self.id)
            return S()
        if self.LIES:
            return S()
        async with cx.fs.write(self.id) as file:
            await file.write(target.text.encode())
            await file.commit()
        return S(text=target.text, made=f"made-{target.text}")


class Liar(Memo):
    """Says that it has done what it has not."""

    LIES = True
'''

FLOWS = {
    "lie": """
first = flow.add(Liar("first"), text="x")
flow.add(Memo("second"), text="y", source=first.state.made)
""",
    "optional": """
first = flow.add(Memo("first"), text="x")
flow.add(Memo("second"), text="y", source=first.state.made)
""",
    "later": """
flow.add(Memo("first"), text="quiet")
flow.add(Memo("second"), text="", source="first")
flow.edge("first", "second")
""",
    "some": """
flow.add(Memo("a"), text="a", waits=True)
flow.add(Memo("b"), text="b")
flow.add(Memo("c"), text="c")
flow.edge("a", "b")
""",
}
"""The flows of the tests, by name, without their head."""


@pytest.fixture
def flows(cloud: Cloud) -> dict[str, str]:
    """The flows of this module, and one of things of a service."""
    made = {name: f"{HEAD}\n\nflow = Flow({name!r})\n{body}" for name, body in FLOWS.items()}
    address = f"\n\nADDRESS = {cloud.address!r}\nKEEPS = True\n\nflow = Flow('cloud')\n"
    return {**made, "cloud": f"{CLOUD_HEAD}{address}{CLOUD}"}


def ensured(tab: FlowPage) -> FlowPage:
    """Press Ensure and wait until it is done."""
    tab.press("ensure")
    tab.ends("Done")
    return tab


def nothing_to_do(tab: FlowPage, *items: str) -> None:
    """Ensure once more: it asks nothing, and finds nothing to do."""
    ensured(tab)
    expect(tab.page.locator("#dialog")).not_to_be_visible()
    for item in items:
        expect(tab.row(item)).to_contain_text("nothing to do")


def test_what_apply_says_and_has_not_done_is_an_error_that_shows_both(new_tab: NewTab) -> None:
    """Its successor is not begun."""
    tab = new_tab().open(flow="lie")
    tab.press("ensure")
    tab.ends("Failed")
    expect(tab.sentence).to_contain_text(
        "apply returned text: None, which still differs in text: the goal is text: 'x'"
    )
    assert tab.statuses() == {"first": "Failed", "second": "Not started"}


def test_a_ref_to_an_optional_param_is_no_change_the_next_time(new_tab: NewTab) -> None:
    """What is not known is not taken for None."""
    nothing_to_do(ensured(new_tab().open(flow="optional")), "first", "second")


def test_what_can_only_be_looked_at_later_fails_nothing(new_tab: NewTab) -> None:
    """The second item's goal is made of the first one's file: it is there when its turn comes."""
    tab = new_tab().open(flow="later")
    tab.press("preview")
    assert tab.preview() == {"first": "Create", "second": "Known later"}
    tab.confirm()
    tab.ends("Done")
    assert tab.save("second").read_text() == "QUIET"
    nothing_to_do(tab, "first", "second")
    tab.press("clean")
    tab.confirm()
    tab.ends("Done")
    assert tab.files() == []


def test_a_run_of_two_items_is_resumed_in_the_tab_as_one_of_two_items(
    new_tab: NewTab, server: ServerProcess, tmp_path: Path
) -> None:
    """The third one was not asked for."""
    command = ["ensure", "some.py", "--item", "a", "--item", "b", "--store", server.announced]
    with subprocess.Popen([sys.executable, "-m", "irenic", *command], cwd=tmp_path) as terminal:
        until((tmp_path / "begun").exists)
        terminal.send_signal(signal.SIGINT)
        (tmp_path / "go").touch()
        assert terminal.wait(WITHIN) == 130
    tab = new_tab().open(flow="some")
    tab.ends("Interrupted")
    tab.press("resume")
    assert set(tab.preview()) == {"a", "b"}
    tab.confirm()
    tab.ends("Done")
    assert tab.files() == ["a", "b"]


def test_a_tab_that_goes_after_a_create_creates_nothing_twice(
    new_tab: NewTab, cloud: Cloud, server: ServerProcess, tmp_path: Path
) -> None:
    """What was kept is known to the next tab and to the terminal; a thing of the world is made once for all of them."""
    cloud.ready.clear()
    tab = new_tab().open(flow="cloud")
    tab.press("ensure")
    assert cloud.waits.wait(60)
    expect(tab.item("net")).to_have_text("Running")
    tab.page.close()
    cloud.ready.set()
    tab = new_tab().open(flow="cloud")
    tab.ends("Lost")
    tab.press("resume")
    tab.confirm()
    tab.ends("Done")
    assert (len(cloud.posts), len(cloud.things)) == (3, 3)
    again = irenic(server, "ensure", "cloud.py", "--on-drift", "refuse", folder=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert len(cloud.posts) == 3


def test_two_browsers_and_a_terminal_on_things_of_the_world(
    new_tab: NewTab, chromium: Browser, cloud: Cloud, server: ServerProcess, tmp_path: Path
) -> None:
    """What one has made is there for the others; what is deleted behind them is repaired by any of them."""
    tab = ensured(new_tab().open(flow="cloud"))
    second = FlowPage(chromium.new_context().new_page(), server).open(flow="cloud")
    try:
        assert second.statuses() == dict.fromkeys(("net", "vm0", "vm1"), "Done")
        nothing_to_do(second, "net", "vm0", "vm1")
        del cloud.things["id-1"]
        found = irenic(server, "ensure", "cloud.py", folder=tmp_path)
        assert (found.returncode, "repaired" in found.stdout) == (0, True), found.stderr
        del cloud.things["id-2"]
        second.press("ensure")
        assert "Repair" in second.preview().values()
        second.confirm()
        second.ends("Done")
        nothing_to_do(tab, "net", "vm0", "vm1")
        second.press("clean")
        second.confirm()
        second.ends("Done")
        assert cloud.things == {}
    finally:
        second.page.context.close()
