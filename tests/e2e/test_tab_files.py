"""Files in the tab's own file system, written and removed by items side by side."""

from playwright.sync_api import Browser
from tests.e2e.core_tab import core_tab
from tests.e2e.server_process import ServerProcess

SIBLINGS = """
from irenic import Flow
from irenic.items import TextFile
flow = Flow("siblings")
for number in range(6):
    flow.add(TextFile(f"f{number}"), dest=f"new/deep/{number}.txt", text="x")
"""


def test_items_share_the_making_and_removing_of_their_folder(chromium: Browser, shared_server: ServerProcess) -> None:
    """Each makes the folder that another is removing because it is empty for that moment."""
    with core_tab(chromium, shared_server) as tab:
        tab.start()
        tab.load_flow(SIBLINGS)
        kinds = [tab.outcome(tab.submit(cmd, profile="dev"))["kind"] for _ in range(6) for cmd in ("ensure", "clean")]

    assert kinds == ["complete"] * 12
