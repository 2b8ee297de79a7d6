"""A tab tells its own server how its runs go, unless its user wants no tracking."""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.e2e.core_tab import CoreTab, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess

NO_TRACKING = {
    "doNotTrack": "() => Object.defineProperty(navigator, 'doNotTrack', { value: '1' })",
    "globalPrivacyControl": "() => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })",
}

TOLD = """async ([id, patience]) => {
    const until = performance.now() + patience;
    for (;;) {
        const answer = await fetch(`/api/v1/executions/${id}/telemetry?signal=traces`);
        const told = await answer.json();
        if (told.resourceSpans.length || performance.now() > until) return told.resourceSpans;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}"""


def told(tab: CoreTab, patience_ms: int) -> Any:
    """Run a flow of one item, and return what the server knows of the run's spans after so long at most."""
    tab.start()
    tab.load_flow(flow_of_one("print('applying')"))
    execution_id = tab.submit()
    assert tab.outcome(execution_id)["kind"] == "complete"
    return tab.page.evaluate(TOLD, [execution_id, patience_ms])


def test_a_run_in_a_tab_is_told_to_the_pages_server(chromium: Browser, shared_server: ServerProcess) -> None:
    """With nothing to set up."""
    with core_tab(chromium, shared_server) as tab:
        (resource,) = told(tab, 20_000)
    spans = [span for scope in resource["scopeSpans"] for span in scope["spans"]]
    assert {"execution", "cmd ensure", "block apply", "item one", "phase apply"} <= {span["name"] for span in spans}
    assert "applying" not in json.dumps(resource)


@pytest.mark.parametrize("wish", NO_TRACKING)
def test_a_run_is_told_nobody_where_the_browser_asks_for_that(
    chromium: Browser, shared_server: ServerProcess, wish: str
) -> None:
    """By Do Not Track or by Global Privacy Control."""
    with core_tab(chromium, shared_server) as tab:
        tab.page.evaluate(NO_TRACKING[wish])
        requests: list[str] = []
        tab.page.on("request", lambda request: requests.append(request.url))
        assert told(tab, 1_000) == []
    assert [url for url in requests if "/v1/traces" in url] == []
