"""Secret inputs in the tab: a search for their bytes through all that outlives the run and all that is on screen."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.leaky_flow import HIDDEN, LEAKY, SECRET

IN_BROWSER = """async () => {
    const found = {dom: document.documentElement.outerHTML, address: location.href, title: document.title};
    found.fields = [...document.querySelectorAll("input:not([type=password]), textarea")].map((field) => field.value);
    found.local = {...localStorage};
    found.session = {...sessionStorage};
    for (const name of await caches.keys())
        for (const request of await (await caches.open(name)).keys())
            found[`${name} ${request.url}`] = await (await (await caches.open(name)).match(request)).text();
    const visit = async (folder, path) => {
        for await (const [name, handle] of folder.entries()) {
            if (handle.kind === "directory") await visit(handle, `${path}/${name}`);
            else found[`${path}/${name}`] = await (await handle.getFile()).text();
        }
    };
    await visit(await navigator.storage.getDirectory(), "files");
    found.databases = await indexedDB.databases();
    return found;
}"""
"""Everything that this browser shows and keeps."""

WAYS = {"": "Done", "raise": "Failed", "validate": "Failed", "return": "Failed"}
"""How the flow lets its secret slip besides, and how its run ends."""


def search(tab: FlowPage, folder: Path) -> list[str]:
    """Return where the secret is found in the browser and in the server's folder."""
    kept = tab.page.evaluate(IN_BROWSER)
    places = [name for name, content in kept.items() if HIDDEN in json.dumps(content, ensure_ascii=False)]
    stored = [path for path in folder.rglob("*") if path.is_file()]
    return places + [str(path) for path in stored if HIDDEN.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("flows", "ends"),
    [({"leaky": LEAKY.replace('os.environ.get("LEAKY")', repr(way))}, ends) for way, ends in WAYS.items()],
    ids=[way or "quiet" for way in WAYS],
)
def test_a_secret_is_found_nowhere(new_tab: NewTab, tmp_path: Path, ends: str) -> None:
    """In the log, the details, a preview, the history, after a reload, and in what is exported."""
    tab = new_tab().open(flow="leaky", item="first", panel="log")
    tab.page.locator("#log-all").check()
    tab.fill(token=SECRET)
    tab.press("ensure")
    tab.ends(ends)
    expect(tab.page.locator("#log")).to_contain_text("***")
    assert search(tab, tmp_path) == []
    tab.press("preview")
    assert tab.preview()
    assert search(tab, tmp_path) == []
    tab.page.keyboard.press("Escape")
    tab.page.locator("#tab-history").click()
    tab.reload()
    tab.awake()
    assert search(tab, tmp_path) == []
    assert tab.page.locator("#input-token").input_value() == ""
