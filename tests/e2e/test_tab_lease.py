"""A tab's lease on the server while an item lets nothing else run in the core's worker."""

import httpx
from playwright.sync_api import Browser
from tests.e2e.core_tab import answer_of, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess
from tests.server.harness import problem_name

LEASE_LIVES_FOR = 15.0

COMPUTES = flow_of_one(
    "end = time.monotonic() + 25\nwhile time.monotonic() < end:\n    pass\ncx.progress.inc()\nawait cx.checkpoint()",
    imports="import time",
)


def test_a_tight_loop_keeps_its_lease(chromium: Browser, shared_server: ServerProcess) -> None:
    """It is renewed from a worker of its own, and what the item says after the loop finds it valid."""
    headers = {"Authorization": f"Bearer {shared_server.token}"}
    with core_tab(chromium, shared_server) as tab, httpx.Client(headers=headers) as client:
        tab.start()
        execution = tab.run(COMPUTES)
        tab.page.wait_for_timeout((LEASE_LIVES_FOR + 3) * 1000)  # what is tried is what has happened after that time
        lease = f"{shared_server.address}/api/v1/flows/of_one/profiles/of_{execution}/lease"
        other = client.post(lease, json={"holder": "another"})

        assert problem_name(other) == "held"
        assert answer_of(tab.outcome(execution)) == ""
        assert client.post(lease, json={"holder": "another"}).status_code == 201
