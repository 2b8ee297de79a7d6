"""A flow runs in a tab to its end: items done, files in the tab, journal on the server."""

import hashlib
import json
import zipfile
from io import BytesIO

from playwright.sync_api import expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin, archive_of

FILES: dict[str, str | bytes] = {
    "index.html": "<h1>Hello</h1>",
    "css/site.css": "h1 { color: teal }",
    "data.bin": bytes(range(256)),
}


def test_the_demo_runs_to_its_end_without_any_input(flow_page: FlowPage) -> None:
    """The sample archive that the site itself serves is downloaded, unpacked and listed."""
    flow_page.press("ensure")
    flow_page.ends("Done")
    expect(flow_page.sentence).to_have_text("Done: archive, site and manifest are at their goal.")
    assert flow_page.statuses() == {"archive": "Done", "site": "Done", "manifest": "Done"}
    assert "download/manifest.json" in flow_page.files()


def test_what_another_site_sends_is_unpacked_and_listed_with_its_digests(flow_page: FlowPage, origin: Origin) -> None:
    """The manifest says path, size and SHA-256 of every file; a saved file has the bytes that were sent."""
    packed = archive_of(FILES)
    flow_page.fill(url=origin.put("/app.zip", packed), sha256=hashlib.sha256(packed).hexdigest())
    flow_page.press("ensure")
    flow_page.ends("Done")
    manifest = json.loads(flow_page.save("download/manifest.json").read_text())
    unpacked = {name: zipfile.ZipFile(BytesIO(packed)).read(name) for name in FILES}
    expected = {name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in unpacked.items()}
    assert {entry["path"]: (entry["size"], entry["sha256"]) for entry in manifest} == expected
    assert flow_page.save("download/files/data.bin").read_bytes() == FILES["data.bin"]
    assert origin.requests["/app.zip"] == 1
