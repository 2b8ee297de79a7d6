"""Light and dark, wide and narrow, at rest, at work, stopped and in error: axe finds nothing to complain of."""

from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.slow_download import ARCHIVE, begin_slow_download

from tooling.paths import NODE_MODULES

AXE = (NODE_MODULES / "axe-core" / "axe.min.js").read_text()
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def violations(page: Page) -> list[str]:
    """Return what axe finds, in both colour schemes."""
    page.evaluate(AXE)
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        result: dict[str, Any] = page.evaluate("() => axe.run({ resultTypes: ['violations'] })")
        for violation in result["violations"]:
            places = [node["target"] for node in violation["nodes"]]
            found.append(f"{scheme}: {violation['id']}: {violation['help']} at {places}")
    return found


def is_wider_than_screen(page: Page) -> bool:
    """Whether the page as a whole can be scrolled sideways."""
    wider: bool = page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wider


@pytest.fixture(params=[1200, 360])
def sized_page(request: pytest.FixtureRequest, flow_page: FlowPage) -> FlowPage:
    """The page on a wide and on a narrow screen."""
    flow_page.page.set_viewport_size({"width": request.param, "height": 800})
    return flow_page


def test_at_rest(sized_page: FlowPage) -> None:
    """Every panel, and the details of an item."""
    page = sized_page.page
    page.locator("button[data-item='site']").click()
    for panel in ("graph", "log", "history", "boot"):
        page.locator(f"#tab-{panel}").click()
        assert violations(page) == [], panel
        assert not is_wider_than_screen(page), panel


def test_at_work_stopping_and_interrupted(sized_page: FlowPage, origin: Origin) -> None:
    """The whole way through a stop, and the dialog that offers to resume."""
    page = sized_page.page
    download = begin_slow_download(sized_page, origin)
    assert violations(page) == []
    sized_page.press("interrupt")
    expect(sized_page.reply).to_have_text("interruption request received")
    assert violations(page) == []
    download.release()
    sized_page.ends("Interrupted")
    assert violations(page) == []
    sized_page.press("resume")
    sized_page.preview()
    assert violations(page) == []
    assert not is_wider_than_screen(page)


def test_in_error(sized_page: FlowPage, origin: Origin) -> None:
    """A failed item with its details, and a field that is wrong."""
    page = sized_page.page
    sized_page.fill(url=origin.put("/broken.zip", ARCHIVE[:100]))
    sized_page.press("ensure")
    sized_page.ends("Failed")
    page.locator("button[data-item='site']").click()
    sized_page.fill(sha256="abc")
    sized_page.press("ensure")
    expect(page.locator("#input-sha256-wrong")).to_be_visible()
    assert violations(page) == []
    assert not is_wider_than_screen(page)


def test_everything_can_be_done_with_the_keyboard(flow_page: FlowPage) -> None:
    """Skip link first; tabs by arrows; details by Enter; the dialog gives the focus back."""
    page = flow_page.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the items")).to_be_focused()
    page.locator("#tab-graph").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-log")).to_be_focused()
    expect(page.locator("#panel-log")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator("#panel-boot")).to_be_visible()
    page.locator("button[data-item='archive']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("button[data-item='archive']")).to_have_attribute("aria-expanded", "true")
    page.locator("#do-clean").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#do-clean")).to_be_focused()
