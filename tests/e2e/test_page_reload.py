"""Reloading at any time: the same picture comes back, and what was begun can be finished."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route, expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.slow_download import ARCHIVE, FILES, PATH, WRITTEN, begin_slow_download


@contextmanager
def python_kept_asleep(page: Page) -> Iterator[None]:
    """Keep Python's worker from starting until the block ends."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/boot/worker.mjs*", hold)
    yield
    for route in held:
        route.continue_()
    page.unroute("**/boot/worker.mjs*")


def test_after_an_interrupt_and_a_reload_only_the_rest_is_done(flow_page: FlowPage, origin: Origin) -> None:
    """The archive is asked for exactly once."""
    download = begin_slow_download(flow_page, origin)
    flow_page.press("interrupt")
    download.release()
    flow_page.ends("Interrupted")
    with python_kept_asleep(flow_page.page):
        flow_page.reload()
        expect(flow_page.status).to_have_text("Interrupted")
        expect(flow_page.sentence).to_have_text("Interrupted: archive is done; site and manifest were not started.")
        assert flow_page.statuses() == {"archive": "Done", "site": "Not started", "manifest": "Not started"}
        expect(flow_page.page.locator("#do-resume")).to_be_disabled()
    flow_page.awake()
    flow_page.press("resume")
    assert flow_page.preview() == {"archive": "Nothing to do", "site": "Create", "manifest": "Known later"}
    flow_page.confirm()
    flow_page.ends("Done")
    assert flow_page.files() == WRITTEN
    assert origin.requests[PATH] == 1


def test_a_reload_in_the_middle_leaves_an_unknown_item_that_resume_looks_at_first(
    flow_page: FlowPage, origin: Origin
) -> None:
    """The execution is lost at once, before Python is awake."""
    download = begin_slow_download(flow_page, origin)
    with python_kept_asleep(flow_page.page):
        flow_page.reload()
        expect(flow_page.status).to_have_text("Lost")
        expect(flow_page.sentence).to_contain_text("archive is unknown; site and manifest were not started")
        assert flow_page.statuses() == {"archive": "Unknown", "site": "Not started", "manifest": "Not started"}
    flow_page.awake()
    download.release()
    flow_page.press("resume")
    assert flow_page.preview()["archive"] in ("Check again", "Unknown")
    flow_page.confirm()
    flow_page.ends("Done")
    assert flow_page.files() == WRITTEN


def test_files_survive_a_reload_and_can_be_saved(flow_page: FlowPage, origin: Origin) -> None:
    """From the list that is there as soon as Python is awake."""
    flow_page.fill(url=origin.put("/app.zip", ARCHIVE))
    flow_page.press("ensure")
    flow_page.ends("Done")
    flow_page.reload()
    flow_page.awake()
    assert flow_page.files() == WRITTEN
    assert flow_page.save("download/files/about.txt").read_text() == FILES["about.txt"]


def test_clean_takes_the_files_away(flow_page: FlowPage, origin: Origin) -> None:
    """In reverse order, after a look at what would go."""
    flow_page.fill(url=origin.put("/app.zip", ARCHIVE))
    flow_page.press("ensure")
    flow_page.ends("Done")
    flow_page.press("clean")
    assert flow_page.preview() == {"archive": "Remove", "site": "Remove", "manifest": "Remove"}
    flow_page.confirm()
    expect(flow_page.sentence).to_have_text("Cleaned: archive, site and manifest are gone.")
    assert flow_page.files() == []


def test_inputs_come_back_with_the_picture(flow_page: FlowPage, origin: Origin) -> None:
    """As they were in the last execution."""
    address = origin.put("/app.zip", ARCHIVE)
    flow_page.fill(url=address)
    flow_page.press("discover")
    flow_page.ends("Done")
    flow_page.reload()
    expect(flow_page.page.locator("#input-url")).to_have_value(address)


def test_the_choice_of_item_and_panel_comes_back(flow_page: FlowPage) -> None:
    """It is kept in the address."""
    flow_page.page.locator("button[data-item='site']").click()
    flow_page.page.locator("#tab-history").click()
    flow_page.reload()
    expect(flow_page.page.locator("button[data-item='site']")).to_have_attribute("aria-expanded", "true")
    expect(flow_page.page.locator("#panel-history")).to_be_visible()


def test_an_older_execution_can_be_looked_at(flow_page: FlowPage) -> None:
    """And the latest again."""
    flow_page.press("discover")
    flow_page.ends("Done")
    flow_page.press("ensure")
    expect(flow_page.sentence).to_have_text("Done: archive, site and manifest are at their goal.")
    flow_page.page.locator("#tab-history").click()
    flow_page.page.locator("#history button", has_text="discover").click()
    expect(flow_page.sentence).to_have_text("Discovered the state of archive, site and manifest.")
    flow_page.page.get_by_role("button", name="Back to the latest").click()
    expect(flow_page.sentence).to_have_text("Done: archive, site and manifest are at their goal.")
