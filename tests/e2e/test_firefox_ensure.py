"""In Firefox a flow runs to its end, and its files stay in the browser."""

import pytest
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.slow_download import ARCHIVE, WRITTEN

pytestmark = pytest.mark.firefox


def test_a_flow_runs_to_its_end_and_its_files_stay(flow_page: FlowPage, origin: Origin) -> None:
    """They are listed again after a reload, and gone after a clean."""
    flow_page.fill(url=origin.put("/app.zip", ARCHIVE))
    flow_page.press("ensure")
    flow_page.ends("Done")
    assert flow_page.statuses() == {"archive": "Done", "site": "Done", "manifest": "Done"}
    assert flow_page.files() == WRITTEN
    flow_page.reload()
    flow_page.awake()
    assert flow_page.files() == WRITTEN
    flow_page.press("clean")
    flow_page.preview()
    flow_page.confirm()
    flow_page.ends("Done")
    assert flow_page.files() == []
