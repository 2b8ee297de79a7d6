"""A visit while the server cannot be reached: the page, the last known picture, Python, and the truth about it."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.e2e.flow_page import DONE_WITHIN, FlowPage
from tests.e2e.server_process import SERVER_AWAY, replaced_server


@pytest.fixture
def kept_page(flow_page: FlowPage) -> FlowPage:
    """A page whose flow has run, and which the browser has kept."""
    flow_page.page.get_by_role("button", name="Ensure").click()
    expect(flow_page.status).to_have_text("Done", timeout=DONE_WITHIN)
    flow_page.until_kept()
    return flow_page


@pytest.mark.complaints(*SERVER_AWAY)
def test_a_second_visit_needs_no_server(kept_page: FlowPage, site: Path, tmp_path: Path) -> None:
    """What was known last is on screen and said to be that; Python wakes; nothing runs until the server is back."""
    before = kept_page.statuses()
    kept_page.server.end()
    kept_page.reload()
    expect(kept_page.page.get_by_role("alert")).to_contain_text("This is what was known at")
    expect(kept_page.status).to_have_text("Done")
    for item, status in before.items():
        expect(kept_page.item(item)).to_have_text(status)
    kept_page.awake()
    expect(kept_page.page.locator("#do-discover")).to_be_disabled()
    with replaced_server(kept_page.server, site, tmp_path / "irenic.sqlite3", token=kept_page.server.token):
        expect(kept_page.notices).to_have_count(0)
        kept_page.press("discover")
        expect(kept_page.sentence).to_have_text("Discovered the state of archive, site and manifest.")


@pytest.mark.complaints("401", *SERVER_AWAY)
def test_whoever_may_not_ask_any_more_is_shown_nothing_that_was_kept(
    kept_page: FlowPage, site: Path, tmp_path: Path
) -> None:
    """The answers are dropped with the first refusal."""
    with replaced_server(kept_page.server, site, tmp_path / "other.sqlite3", token="another-token-of-the-tests"):
        kept_page.page.locator("#tab-history").click()
        expect(kept_page.page.get_by_role("alert")).to_contain_text("open that address")
        assert kept_page.page.evaluate("() => caches.has('irenic-answers')") is False
