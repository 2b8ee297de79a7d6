"""What Lighthouse says of a second visit to the page of the demo flow, in the browser that was there before.

It measures a visit as on a telephone of the middle class, by its own defaults. Points that are missing are counted, so
that less is better, as in all rows.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright
from tests.bench.harness import Row
from tests.e2e.server_process import ServerProcess, running_server

from tooling.paths import BROWSER_FILE, LIGHTHOUSE, SITE

MAY_MISS = {"performance": 10, "accessibility": 0, "best-practices": 0}
"""Points of 100 that may be missing, by category."""

KEPT = """async () => {
    const site = async () => (await caches.keys()).find((name) => name.startsWith("irenic-site-"));
    const isKept = async () => (await site()) && (await (await caches.open(await site())).match("/manifest.json"));
    while (!(await isKept())) await new Promise((resolve) => setTimeout(resolve, 100));
}"""
"""Waits until the browser has kept the site."""

PATIENCE_SECONDS = 180


def lighthouse_rows() -> list[Row]:
    """Measure a second visit; say which audits have cost points."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with running_server(SITE, folder / "irenic.sqlite3") as server:
            report = second_visit(server, folder)
    rows = []
    for category, may_miss in MAY_MISS.items():
        given = report["categories"][category]
        missed = 100 - round(100 * given["score"])
        for title in failed_audits(report, category):
            sys.stdout.write(f"Lighthouse, {given['title']}: {title}\n")
        name = f"page: Lighthouse, {given['title'].lower()}, points missed"
        rows.append(Row(name, missed, may_miss or 100, "points", "", 1.0 if may_miss else 0.0))
    return rows


def failed_audits(report: dict[str, Any], category: str) -> list[str]:
    """Name the audits of a category that have cost points, with what each displays."""
    audits = [report["audits"][ref["id"]] for ref in report["categories"][category]["auditRefs"] if ref["weight"]]
    return [
        f"{audit['title']} {audit.get('displayValue', '')}".strip()
        for audit in audits
        if audit["score"] is not None and audit["score"] < 1
    ]


def second_visit(server: ServerProcess, folder: Path) -> dict[str, Any]:
    """Visit the page until the browser has kept it, have Lighthouse visit it again, and return its report."""
    found = json.loads(BROWSER_FILE.read_text())
    port = free_port()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=found["executable"],
            args=[*found["args"], f"--remote-debugging-port={port}"],
        )
        try:
            page = browser.new_page()
            page.goto(server.announced)
            expect(page.locator("#do-ensure")).to_be_enabled(timeout=PATIENCE_SECONDS * 1000)
            page.evaluate(KEPT)
            page.close()
            command = ["node", str(LIGHTHOUSE / "node_modules" / "lighthouse" / "cli" / "index.js"), server.address]
            command += [f"--port={port}", "--disable-storage-reset", "--quiet", "--output=json"]
            command += [f"--only-categories={','.join(MAY_MISS)}", f"--output-path={folder / 'report.json'}"]
            environment = {**os.environ, "CHROME_PATH": found["executable"]}
            subprocess.run(command, check=True, timeout=PATIENCE_SECONDS, env=environment)
        finally:
            browser.close()
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
