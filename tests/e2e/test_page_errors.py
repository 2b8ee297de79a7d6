"""Bad input gives an error that a person understands, and nothing half-written stays."""

import io
import tarfile

import pytest
from playwright.sync_api import expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin, archive_of

GOOD = archive_of({"index.html": "<h1>Hello</h1>"})
OTHER_SHA256 = "0" * 64
NOBODY = "http://127.0.0.1:9/app.zip"


def escaping_tar() -> bytes:
    """Return a tar archive with a member that would be written outside of its folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as made:
        for name in ("good.txt", "../../evil.txt"):
            entry = tarfile.TarInfo(name)
            entry.size = 4
            made.addfile(entry, io.BytesIO(b"text"))
    return packed.getvalue()


def ensure(flow_page: FlowPage, **inputs: str) -> str:
    """Run into an error and return what the failed item's row says."""
    flow_page.fill(**inputs)
    flow_page.press("ensure")
    flow_page.ends("Failed")
    failed = [item for item, status in flow_page.statuses().items() if status == "Failed"]
    assert len(failed) == 1
    return f"{failed[0]}: {flow_page.row(failed[0]).locator('.message').inner_text()}"


@pytest.mark.complaints("ERR_UNSAFE_PORT", "ERR_CONNECTION_REFUSED")
def test_an_address_where_nobody_answers(flow_page: FlowPage) -> None:
    """The error names the host."""
    told = ensure(flow_page, url=NOBODY)
    assert told.startswith("archive: ")
    assert "127.0.0.1" in told
    assert flow_page.files() == []


@pytest.mark.complaints("404")
def test_an_address_where_there_is_nothing(flow_page: FlowPage, origin: Origin) -> None:
    """The error says what the server answered."""
    told = ensure(flow_page, url=f"{origin.address}/none.zip")
    assert ("404" in told, flow_page.files()) == (True, [])


def test_a_wrong_checksum(flow_page: FlowPage, origin: Origin) -> None:
    """What was downloaded is not kept."""
    told = ensure(flow_page, url=origin.put("/app.zip", GOOD), sha256=OTHER_SHA256)
    assert told.startswith("archive: ")
    assert "SHA-256" in told
    assert flow_page.files() == []


def test_a_broken_archive(flow_page: FlowPage, origin: Origin) -> None:
    """The download stays, of the unpacking nothing does."""
    told = ensure(flow_page, url=origin.put("/app.zip", GOOD[: len(GOOD) // 2]))
    assert told.startswith("site: ")
    assert flow_page.files() == ["download/archive"]
    expect(flow_page.item("manifest")).to_have_text("Not started")


def test_an_archive_that_would_write_outside_of_its_folder(flow_page: FlowPage, origin: Origin) -> None:
    """Nothing of it is unpacked, not even its harmless members."""
    told = ensure(flow_page, url=origin.put("/app.tar.gz", escaping_tar()))
    assert told.startswith("site: ")
    assert "../../evil.txt" in told
    assert flow_page.files() == ["download/archive"]


def test_what_stands_in_a_field_is_checked_before_anything_runs(flow_page: FlowPage) -> None:
    """The field says what it wants, and gets the focus."""
    flow_page.fill(sha256="abc")
    flow_page.press("ensure")
    expect(flow_page.page.locator("#input-sha256")).to_be_focused()
    expect(flow_page.page.locator("#input-sha256-wrong")).not_to_be_empty()
    expect(flow_page.status).to_have_text("Nothing run yet")
