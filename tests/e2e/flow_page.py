"""The page as a person uses it: what is on screen, and what can be pressed."""

import json
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Dialog, Download, Locator, Page, expect
from tests.e2e.server_process import ServerProcess

AWAKE_WITHIN = 60_000
"""How long Python may take to start on a busy machine, in ms."""
DONE_WITHIN = 30_000
"""How long an execution of a test may take on a busy machine, in ms."""

KEPT = """async () => {
    const kept = async (name) => (await (await caches.open(name)).keys()).map((request) => request.url);
    const has = async (name, ending) => (await kept(name)).some((url) => url.endsWith(ending));
    for (;; await new Promise((resolve) => setTimeout(resolve, 100))) {
        const site = (await caches.keys()).find((name) => name.includes("-site-"));
        const answers = site?.replace(/-site-.*/, "-answers");
        if (site && (await has(site, "/manifest.json")) && (await has(answers, "/outcome"))) return;
    }
}"""
"""Waits until the browser has kept the site, and the answers that its picture is drawn from."""


class FlowPage:
    """One tab; the browser's complaints are in ``complaints``, the types of its own dialogs in ``asked``."""

    def __init__(self, page: Page, server: ServerProcess) -> None:
        self.page = page
        self.server = server
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._console)
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _dialog(self, dialog: Dialog) -> None:
        """Leave the page where the browser asks whether to."""
        self.asked.append(dialog.type)
        dialog.accept()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    # Coming and going.

    def open(self, **choice: str) -> "FlowPage":
        """Open the page by the address that the server printed, and wait until Python is awake."""
        query = "".join(f"&{name}={value}" for name, value in choice.items())
        self.page.goto(self.server.announced + query)
        return self.awake()

    def reload(self) -> None:
        """Reload the page, without waiting for anything beyond the page itself."""
        self.page.reload(wait_until="commit")

    def awake(self) -> "FlowPage":
        """Wait until Python is awake and its flow is loaded."""
        expect(self.page.locator("#python-word")).to_have_text("Python ready", timeout=AWAKE_WITHIN)
        return self

    def until_kept(self) -> None:
        """Wait until a visit needs no server: the site is kept, and what the last picture was drawn from."""
        self.page.evaluate(KEPT)

    # What is on screen.

    @property
    def status(self) -> Locator:
        """The status word."""
        return self.page.locator("#status-word")

    @property
    def sentence(self) -> Locator:
        """The sentence that says how things stand."""
        return self.page.locator("#sentence")

    @property
    def reply(self) -> Locator:
        """The reply to an interrupt."""
        return self.page.locator("#reply")

    @property
    def notices(self) -> Locator:
        """The notices above everything."""
        return self.page.locator("#notices .notice")

    def row(self, item: str) -> Locator:
        """The row of an item."""
        return self.page.locator(f"#item-rows tr:has(button[data-item='{item}'])")

    def item(self, item: str) -> Locator:
        """The status word of an item."""
        return self.row(item).locator(".status span")

    def statuses(self) -> dict[str, str]:
        """Return every item's status word as it is now."""
        found: dict[str, str] = self.page.evaluate(
            "() => Object.fromEntries([...document.querySelectorAll('#item-rows button[data-item]')].map("
            "b => [b.dataset.item, b.closest('tr').querySelector('.status span').textContent]))"
        )
        return found

    def files(self) -> list[str]:
        """Return the paths of the files that are listed, once the list is up to date."""
        expect(self.page.locator("#main")).not_to_have_attribute("aria-busy", "true")  # what is veiled has no text
        expect(self.page.locator("#files")).to_have_attribute("aria-busy", "false")
        return self.page.locator("#files .path").all_inner_texts()

    # What can be pressed.

    def fill(self, **inputs: str) -> None:
        """Fill in inputs."""
        for name, value in inputs.items():
            self.page.locator(f"#input-{name}").fill(value)

    def press(self, button: str) -> None:
        """Press one of the buttons by its id: ensure, discover, clean, interrupt, resume, dry."""
        self.page.locator(f"#do-{button}").click(timeout=DONE_WITHIN)

    def press_interrupt_again(self) -> None:
        """Press Interrupt once a press counts again."""
        expect(self.page.locator("#do-interrupt:not([data-rests])")).to_be_visible()
        self.press("interrupt")

    def confirm(self) -> None:
        """Go on in the dialog."""
        self.page.locator("#dialog-yes").click()

    def preview(self) -> dict[str, str]:
        """Return what the dialog says of each item, once it says it."""
        rows = self.page.locator("#dialog-list li")
        expect(rows.first).to_be_visible(timeout=DONE_WITHIN)
        return {row.locator(".item").inner_text(): row.locator(".status span").inner_text() for row in rows.all()}

    def ends(self, status: str) -> None:
        """Wait until the execution has ended with this status word."""
        expect(self.status).to_have_text(status, timeout=DONE_WITHIN)

    def shows(self, statuses: dict[str, str]) -> None:
        """Wait until the items have these status words, also where the one before ended with the same word."""
        time_is_up = time.monotonic() + DONE_WITHIN / 1000
        while self.statuses() != statuses and time.monotonic() < time_is_up:
            self.page.wait_for_timeout(50)
        assert self.statuses() == statuses

    def save(self, path: str) -> Path:
        """Save a listed file and return where the browser has put it."""
        with self.page.expect_download() as caught:
            self.page.get_by_role("button", name=f"Save {path}", exact=True).click()
        download: Download = caught.value
        return Path(download.path())

    # What the server says.

    def api(self, path: str) -> Any:
        """Return what the API answers to this tab."""
        response = self.page.request.get(f"{self.server.address}/api/v1{path}")
        return json.loads(response.text())
