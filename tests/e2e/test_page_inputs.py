"""The inputs form: what is on screen is what runs."""

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.small_flows import ECHO


@pytest.fixture
def flows() -> dict[str, str]:
    """The flow that says what it was given."""
    return {"echo": ECHO}


@pytest.fixture
def echo(new_tab: NewTab) -> FlowPage:
    """A tab with that flow open."""
    return new_tab().open(flow="echo", item="echo")


def given(tab: FlowPage) -> str:
    """Run the flow, and return the inputs that it was given."""
    before = tab.api("/executions")["items"]
    tab.press("discover")
    while len(records := tab.api("/executions")["items"]) == len(before) or records[0]["status"] == "running":
        tab.page.wait_for_timeout(50)
    tab.ends("Done")
    return str(tab.api("/flows/echo/profiles/default/states")["items"]["echo"]["goal"]["inputs"])


def test_a_field_that_is_emptied_takes_its_earlier_value_away(echo: FlowPage) -> None:
    """Null where that is a value of the field; else the flow's own value, which the empty field shows."""
    page = echo.page
    echo.fill(name="Ada", count="5")
    page.locator("#input-really").select_option("Yes")
    assert given(echo) == "'Ada', 5, True"
    echo.fill(name="", count="")
    page.locator("#input-really").select_option("Not set")
    expect(page.locator("#input-count")).to_have_attribute("placeholder", "3")
    assert given(echo) == "None, 3, None"
    echo.reload()
    echo.awake()
    expect(page.locator("#input-name")).to_have_value("")
    assert given(echo) == "None, 3, None"


def test_a_boolean_that_may_be_null_has_three_values(echo: FlowPage) -> None:
    """Of which null is the first."""
    choice = echo.page.locator("#input-really")
    assert choice.locator("option").all_inner_texts() == ["Not set", "Yes", "No"]
    assert given(echo) == "'World', 3, None"
    choice.select_option("No")
    assert given(echo) == "'World', 3, False"
