"""Each way of starting ends in a core that works, and what is tried in vain is told."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route
from tests.e2e.core_tab import CoreTab, answer_of, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess
from tests.wheels import write_wheel

WHEEL = "/vendor/wheels/tiny-1.0-py3-none-any.whl"

VALIDATES = flow_of_one("""
from pydantic import TypeAdapter
answer = TypeAdapter(dict[str, int]).validate_python({"seven": "7"})
""")


@pytest.fixture
def tab(chromium: Browser, shared_server: ServerProcess) -> Iterator[CoreTab]:
    """Open a tab whose core has not started."""
    with core_tab(chromium, shared_server) as opened:
        yield opened


@pytest.mark.parametrize("rung", ["snapshot", "bundle", "lockfile"])
def test_each_rung_ends_in_a_core_that_runs_flows(tab: CoreTab, rung: str) -> None:
    """Whatever way the core has started, it validates with pydantic and runs an execution to its end."""
    ready = tab.start(rung)
    assert ready["rung"] == rung
    assert ready["signals"] == "shared"
    tab.load_flow(VALIDATES)
    assert answer_of(tab.outcome(tab.submit())) == "{'seven': 7}"


def test_the_best_rung_is_tried_first(tab: CoreTab) -> None:
    """Left to itself, the core starts from the snapshot."""
    assert tab.start()["rung"] == "snapshot"
    assert tab.messages(type="boot", mark="fell_back") == []


def test_nothing_is_fetched_twice(tab: CoreTab) -> None:
    """Neither by the page and by the worker, nor under two addresses."""
    asked: list[str] = []
    tab.page.on("response", lambda response: asked.append(urlsplit(response.url).path))
    tab.start("snapshot")
    tab.load_flow(VALIDATES)
    assert [path for path in set(asked) if asked.count(path) > 1] == []
    assert "/vendor/pyodide/pyodide.asm.wasm" in asked


def test_the_timeline_tells_each_step_in_order(tab: CoreTab) -> None:
    """Marks come in the order in which things happen, with times that do not go back."""
    tab.start("snapshot")
    tab.until(type="boot", mark="ready")
    boot = tab.messages(type="boot")
    steps = [
        "worker_requested",
        "worker_started",
        "instantiated",
        "native_loaded",
        "restored",
        "python_started",
        "ready",
    ]
    assert [message["mark"] for message in boot] == steps
    times = [message["at_ms"] for message in boot]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("broken", "left"),
    [("**/vendor/boot/snapshot-*", "bundle"), ("**/vendor/boot/native-*.wasm", "lockfile")],
    ids=["the snapshot is gone", "the native module is gone"],
)
def test_a_missing_file_is_told_and_the_next_rung_is_taken(tab: CoreTab, broken: str, left: str) -> None:
    """A file that the server does not have costs time, not the start; the timeline says which it was."""
    tab.page.route(broken, lambda route: route.fulfill(status=404))
    assert tab.start()["rung"] == left
    reasons = [message["detail"] for message in tab.messages(type="boot", mark="fell_back")]
    assert reasons
    assert all("answered 404" in reason for reason in reasons)


def test_where_nothing_can_be_fetched_beside_the_page_there_is_the_ordinary_way(tab: CoreTab) -> None:
    """The loader's absence is told at once, for both ways that need it."""
    tab.page.route("**/boot/loader.mjs", lambda route: route.fulfill(status=404))
    assert tab.start()["rung"] == "lockfile"
    reasons = [message["detail"] for message in tab.messages(type="boot", mark="fell_back")]
    assert len(reasons) == 2
    assert all("nothing can be fetched" in reason for reason in reasons)


def test_a_damaged_snapshot_is_told_and_the_next_rung_is_taken(tab: CoreTab) -> None:
    """A snapshot of the right size but the wrong content does not get as far as running."""

    def damage(route: Route) -> None:
        body = route.fetch().body()
        route.fulfill(body=bytes(64) + body[64:])

    tab.page.route("**/vendor/boot/snapshot-*", damage)
    assert tab.start()["rung"] == "bundle"
    (fell,) = tab.messages(type="boot", mark="fell_back")
    assert fell["detail"] == "snapshot: Error: not a container of this version"


def test_a_snapshot_of_another_pyodide_is_not_restored(tab: CoreTab) -> None:
    """The build that a snapshot was made with is compared before memory is touched."""

    def change(route: Route) -> None:
        body = route.fetch().body()
        at = body.index(b'"buildId":"') + len(b'"buildId":"')
        route.fulfill(body=body[:at] + b"00000000" + body[at + 8 :])

    tab.page.route("**/vendor/boot/snapshot-*", change)
    assert tab.start()["rung"] == "bundle"
    (fell,) = tab.messages(type="boot", mark="fell_back")
    assert "another build of Pyodide" in fell["detail"]


def test_a_site_without_anything_made_for_it_starts_by_the_lock_file(tab: CoreTab) -> None:
    """Without the manifest of the fast start there is still the ordinary way."""
    tab.page.route("**/vendor/boot/assets.json", lambda route: route.fulfill(status=404))
    tab.page.reload()
    again = CoreTab(tab.page)
    assert again.start()["rung"] == "lockfile"
    assert len(again.messages(type="boot", mark="fell_back")) == 2


def test_where_nothing_starts_the_page_is_told_what_to_do(tab: CoreTab) -> None:
    """When the last way has failed, a message says so instead of silence."""
    tab.page.route("**/boot/worker.mjs", lambda route: route.fulfill(status=404))
    tab.page.evaluate("() => void tab.start({})")
    failed = tab.until(type="failed")
    assert failed["message"].startswith("The core could not start: ")
    assert failed["message"].endswith("Reload the page.")


def test_messages_posted_before_the_core_is_ready_are_not_lost(tab: CoreTab) -> None:
    """The page may say at once what it wants."""
    tab.page.evaluate("() => void tab.start({})")
    tab.post(type="load_flow", name="flow.py", source=VALIDATES)
    assert tab.until(type="flow_loaded")["flow"]["id"] == "of_one"


@pytest.mark.parametrize("rung", ["snapshot", "lockfile"])
def test_what_a_flow_depends_on_is_installed_before_it_is_loaded(tab: CoreTab, rung: str, tmp_path: Path) -> None:
    """Wheels that the site has for a flow can be imported by it, also in a worker that takes the place of another."""
    wheel = write_wheel(tmp_path, "tiny", modules={"tiny.py": "WORD = 'small'"})
    tab.page.context.route(f"**{WHEEL}", lambda route: route.fulfill(body=wheel.read_bytes()))
    tab.start(rung)
    source = flow_of_one("answer = tiny.WORD", imports="import tiny")
    tab.post(type="load_flow", name="flow.py", source=source, wheels=[WHEEL])
    tab.until(type="flow_loaded")
    assert answer_of(tab.outcome(tab.submit())) == "small"
    tab.mark()
    tab.page.evaluate("() => core.respawn()")
    tab.until(type="flow_loaded")
    assert answer_of(tab.outcome(tab.submit())) == "small"


def test_a_new_worker_loads_the_flow_again(tab: CoreTab) -> None:
    """After the worker was replaced, the core has the flow that it had before."""
    tab.start()
    tab.load_flow(VALIDATES)
    tab.mark()
    tab.page.evaluate("() => core.respawn()")
    tab.until(type="flow_loaded")
    assert answer_of(tab.outcome(tab.submit())) == "{'seven': 7}"
