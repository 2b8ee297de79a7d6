"""A download that stands still in its middle until a test lets it go on."""

from playwright.sync_api import expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Download, Origin, archive_of

FILES: dict[str, str | bytes] = {"index.html": "<h1>Hello</h1>" * 1000, "about.txt": "About"}
ARCHIVE = archive_of(FILES)
WRITTEN = ["download/archive", "download/files/about.txt", "download/files/index.html", "download/manifest.json"]
"""The paths that are there when the flow has run to its end."""

PATH = "/slow.zip"
BEGUN_WITHIN = 30.0


def begin_slow_download(flow_page: FlowPage, origin: Origin) -> Download:
    """Press Ensure, wait until the download is in its middle, and return what lets it go on."""
    flow_page.fill(url=origin.put(PATH, ARCHIVE, held=True))
    flow_page.press("ensure")
    download = origin.downloads[PATH]
    assert download.begun.wait(BEGUN_WITHIN)
    expect(flow_page.row("archive").locator(".amount")).to_contain_text(" of ")
    return download
