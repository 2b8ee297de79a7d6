"""A flow of more items than are drawn at once: whatever is looked at is there and right, however one gets there."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from tests.bench.page_site import flow_file, run_natively
from tests.e2e.conftest import PATIENCE_MS, NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.server_process import ServerProcess, running_server
from tests.e2e.test_page_accessibility import is_wider_than_screen, violations

from irenic.cli.site import make_site

ITEMS = 450
LONG, STEPS = 1_100, 3
"""So many make a journal of more events than are read before there is a picture."""
LAST = f"step_{ITEMS - 1}"
SCROLL = """async (table, [share, item, patience]) => {
    const end = performance.now() + patience;
    for (let quiet = 0; quiet < 6 && performance.now() < end; ) {
        scrollTo(0, scrollY + table.getBoundingClientRect().top + share * table.offsetHeight - share * innerHeight);
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const box = table.querySelector(`button[data-item="${item}"]`)?.closest("tr").getBoundingClientRect();
        quiet = box && box.bottom > 0 && box.bottom <= innerHeight + 2 ? quiet + 1 : 0;
    }
}"""
"""Scrolls in every frame until the item has stayed in view for some of them."""


@pytest.fixture
def server(site: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of a site of two large flows."""
    own_site = tmp_path / "site"
    make_site(site, own_site, [flow_file(tmp_path, "large", ITEMS), flow_file(tmp_path, "long", LONG, steps=STEPS)])
    with running_server(own_site, tmp_path / "irenic.sqlite3") as running:
        yield running


@pytest.fixture
def large(new_tab: NewTab) -> FlowPage:
    """A tab with the large flow open."""
    return new_tab().open()


def rows(tab: FlowPage) -> Locator:
    """The rows of items that are in the document."""
    return tab.page.locator("#item-rows tr[aria-rowindex]")


def scroll_to(tab: FlowPage, share: float, item: str) -> None:
    """Bring the beginning (0) or the end (1) of the table into view, and an item; heights may move meanwhile."""
    tab.page.locator("#item-rows").evaluate(SCROLL, [share, item, PATIENCE_MS])
    expect(tab.row(item)).to_be_in_viewport()


def test_the_end_of_the_table_is_there_when_it_is_looked_at(large: FlowPage) -> None:
    """Only what is near is in the document; numbers tell where it stands in the whole."""
    table = large.page.locator("#item-rows")
    expect(table).to_have_attribute("aria-rowcount", str(ITEMS + 1))
    expect(large.row("step_0")).to_have_attribute("aria-rowindex", "2")
    expect(large.row(LAST)).to_have_count(0)
    before = table.evaluate("table => table.offsetHeight")
    scroll_to(large, 1, LAST)
    expect(large.row(LAST)).to_have_attribute("aria-rowindex", str(ITEMS + 1))
    expect(large.row("step_0")).to_have_count(0)
    assert 0 < rows(large).count() < ITEMS / 2
    assert table.evaluate("table => table.offsetHeight") == pytest.approx(before, rel=0.02)
    scroll_to(large, 0, "step_0")


def test_rows_that_were_out_of_sight_show_what_has_happened_meanwhile(large: FlowPage) -> None:
    """As do those of a page that is opened afterwards."""
    large.press("ensure")
    large.ends("Done")
    for _ in range(2):
        scroll_to(large, 1, LAST)
        expect(large.item(LAST)).to_have_text("Done")
        large.page.locator(f"button[data-item={LAST}]").click()
        expect(large.row(LAST).locator("xpath=following-sibling::tr[1]")).to_contain_text("449")
        large.reload()
        large.awake()


def test_an_open_item_and_the_focus_stay_however_far_one_scrolls(large: FlowPage) -> None:
    """The keyboard goes on from where it was."""
    button = large.page.locator("button[data-item=step_0]")
    button.focus()
    large.page.keyboard.press("Enter")
    scroll_to(large, 1, LAST)
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "true")
    large.page.keyboard.press("Tab")
    expect(large.page.locator("button[data-item=step_1]")).to_be_focused()
    expect(large.row("step_1")).to_be_in_viewport()


def test_an_item_of_the_address_is_open_wherever_it_stands(new_tab: NewTab) -> None:
    """A link leads to an item of which nothing would be drawn yet."""
    tab = new_tab().open(item=LAST)
    expect(tab.page.locator(f"button[data-item={LAST}]")).to_have_attribute("aria-expanded", "true")


@pytest.mark.parametrize("width", [1200, 360])
def test_nothing_to_complain_of_at_either_end(large: FlowPage, width: int) -> None:
    """Gaps and all, wide and narrow."""
    large.page.set_viewport_size({"width": width, "height": 800})
    for share in (0, 1):
        scroll_to(large, share, LAST if share else "step_0")
        assert violations(large.page) == []
        assert not is_wider_than_screen(large.page)


def test_the_log_keeps_the_last_lines_of_many(large: FlowPage) -> None:
    """It fills over some frames, and ends at the newest line; every event is shown when it is asked for."""
    page = large.page
    large.press("ensure")
    large.ends("Done")
    page.locator("#tab-log").click()
    lines = page.locator("#log li")
    expect(lines).to_have_count(400)
    expect(lines.last).to_contain_text("Done:")
    page.locator("#log-all").check()
    expect(lines).to_have_count(400)
    expect(lines.last).to_contain_text("Done:")
    assert page.locator("#log").evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 5


def test_a_long_journal_is_read_behind_the_picture(server: ServerProcess, new_tab: NewTab, tmp_path: Path) -> None:
    """Its amounts are in the rows, and its last lines in the log."""
    with ThreadPoolExecutor() as beside:  # this thread has a loop of the browser's
        beside.submit(run_natively, server, tmp_path / "long.py").result()
    tab = new_tab()
    read: list[str] = []
    tab.page.on("request", lambda request: read.extend(re.findall(r"/events\?.*after=(-?\d+)", request.url)))
    tab.open(flow="long")
    expect(tab.status).to_have_text("Done")
    expect(tab.row("step_0").locator(".amount")).to_have_text(f"{STEPS} of {STEPS}")
    assert read[0] == "-1"
    assert len(read) > 1
    tab.page.locator("#tab-log").click()
    expect(tab.page.locator("#log li").last).to_contain_text("Done: ")
    expect(tab.page.locator("#log li")).to_have_count(400)
