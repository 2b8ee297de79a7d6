"""Questions of items: each is on screen until it is answered or over."""

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.small_flows import small_flow

BODY = 'cx.log.info(f"{self.id} heard {await cx.ask(self.id.upper() + chr(63))}")'
pytestmark = pytest.mark.parametrize("flows", [{"asks": small_flow("asks", "name", "colour", body=BODY)}])


def asked(new_tab: NewTab) -> FlowPage:
    """Open a tab, and run the flow until both items have asked."""
    tab = new_tab().open(panel="log")
    tab.press("ensure")
    for item in ("name", "colour"):
        expect(tab.page.get_by_label(f"{item} asks: {item.upper()}?")).to_be_visible()
    return tab


def answer(tab: FlowPage, item: str, text: str) -> None:
    """Answer the question of an item."""
    field = tab.page.get_by_label(f"{item} asks: {item.upper()}?")
    field.fill(text)
    field.press("Enter")
    expect(field).to_have_count(0)


def test_two_questions_at_once_are_both_answered(new_tab: NewTab) -> None:
    """The first is still there when the second has been answered."""
    tab = asked(new_tab)
    answer(tab, "colour", "blue")
    answer(tab, "name", "Ada")
    tab.ends("Done")
    for line in ("colour heard blue", "name heard Ada"):
        expect(tab.page.locator("#log li", has_text=line)).to_be_visible()


def test_questions_go_away_with_what_asked_them(new_tab: NewTab) -> None:
    """Once the items are cancelled, an answer would go nowhere."""
    tab = asked(new_tab)
    tab.press("interrupt")
    tab.press_interrupt_again()
    tab.ends("Interrupted")
    expect(tab.page.locator("form.notice")).to_have_count(0)
