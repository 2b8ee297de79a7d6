"""On the second day the page says what has changed, and one press goes on from there."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e import tab_files
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.greetings import greetings
from tests.e2e.origin import Origin
from tests.e2e.server_process import SERVER_AWAY, ServerProcess, replaced_server
from tests.e2e.small_flows import small_flow
from tests.e2e.test_handoff import FLOW as LETTERS_FLOW
from tests.e2e.test_handoff import LETTERS, irenic
from tests.e2e.test_page_accessibility import is_wider_than_screen, violations

from irenic.cli.site import make_site
from irenic.model.plan import Plan
from irenic.model.verdict import VerdictKind

FLOW = "greetings"
BOTH = ["greeting.txt", "loud.txt"]
DONE = "Done: greeting and loud are at their goal."


@pytest.fixture
def flows() -> dict[str, str]:
    """The flow of this module, another with the same files, and one that looks at another site."""
    return {FLOW: greetings(), "others": greetings("others"), "letters": LETTERS_FLOW.read_text()}


@pytest.fixture
def tab(new_tab: NewTab) -> FlowPage:
    """A tab in which everything was made."""
    tab = new_tab().open(flow=FLOW)
    tab.press("ensure")
    tab.ends("Done")
    assert tab.files() == BOTH
    return tab


def press(tab: FlowPage, name: str) -> None:
    """Press a button by its name."""
    tab.page.get_by_role("button", name=name, exact=True).click()


def sides(tab: FlowPage, within: str) -> list[str]:
    """Return what stands in the row of a field, side by side."""
    return tab.page.locator(f"{within} .sides tbody tr").first.locator("td").all_inner_texts()


def test_where_nothing_has_changed_nothing_is_asked(tab: FlowPage) -> None:
    """Neither the first time nor the second."""
    tab.press("ensure")
    expect(tab.row("greeting")).to_contain_text("nothing to do")
    tab.ends("Done")
    expect(tab.page.locator("#dialog")).not_to_be_visible()
    assert [record["cmds"] for record in tab.api("/executions")["items"]] == [["ensure"], ["ensure"]]


def test_a_file_that_is_gone_is_shown_before_ensure_brings_it_back(tab: FlowPage) -> None:
    """With what was stored, what was found and the goal, side by side."""
    tab_files.remove(tab.page, FLOW, "greeting.txt")
    tab.press("ensure")
    assert tab.preview() == {"greeting": "Repair", "loud": "Known later"}
    dialog = tab.page.locator("#dialog")
    expect(dialog).to_contain_text("Ensure brings 1 item back to its goal and checks 1 item again.")
    expect(dialog).to_contain_text("1 changed outside irenic")
    assert sides(tab, "#dialog") == ["Hello, Ada!", "nothing", "Hello, Ada!"]
    tab.confirm()
    tab.ends("Done")
    expect(tab.item("greeting")).to_have_text("Repaired")
    expect(tab.sentence).to_have_text(f"{DONE} greeting was changed outside irenic and brought back.")
    assert tab.files() == BOTH


def test_going_back_leaves_the_item_marked_with_two_ways_out(tab: FlowPage) -> None:
    """Accept what is there stores it; then it is no change from outside any more."""
    tab_files.write(tab.page, FLOW, "greeting.txt", "Hello, Bob!")
    tab.press("ensure")
    tab.preview()
    press(tab, "Back")
    expect(tab.item("greeting")).to_have_text("Changed outside")
    assert len(tab.api("/executions")["items"]) == 1
    press(tab, "greeting")
    assert sides(tab, ".detail") == ["Hello, Ada!", "Hello, Bob!", "Hello, Ada!"]
    press(tab, "Accept what is there of greeting")
    expect(tab.item("greeting")).to_have_text("Differs")
    expect(tab.sentence).to_have_text("Discovered the state of greeting.")
    tab.press("ensure")
    expect(tab.sentence).to_have_text(DONE)
    expect(tab.page.locator("#dialog")).not_to_be_visible()


def test_one_item_is_repaired_from_its_row(tab: FlowPage) -> None:
    """The others are left as they are, and so is what their rows say."""
    tab_files.write(tab.page, FLOW, "loud.txt", "quiet")
    tab.press("ensure")
    assert tab.preview() == {"greeting": "Nothing to do", "loud": "Repair"}
    press(tab, "Back")
    press(tab, "Repair loud")
    expect(tab.item("loud")).to_have_text("Repaired")
    assert tab.save("loud.txt").read_text() == "HELLO, ADA!"


def test_accepting_in_the_dialog_discovers(tab: FlowPage) -> None:
    """Nothing is written."""
    tab_files.write(tab.page, FLOW, "greeting.txt", "Hello, Bob!")
    tab.press("ensure")
    tab.preview()
    press(tab, "Accept what is there")
    expect(tab.sentence).to_have_text("Discovered the state of greeting and loud.")
    assert tab.save("greeting.txt").read_text() == "Hello, Bob!"


@pytest.mark.complaints(*SERVER_AWAY)
def test_what_the_dialog_offers_works_after_the_server_was_started_again(tab: FlowPage, tmp_path: Path) -> None:
    """The dialog stays open meanwhile."""
    tab_files.remove(tab.page, FLOW, "greeting.txt")
    tab.press("ensure")
    assert tab.preview() == {"greeting": "Repair", "loud": "Known later"}
    old = tab.server
    with replaced_server(old, tmp_path / "site", tmp_path / "irenic.sqlite3", token=old.token):
        expect(tab.notices).to_have_count(0)
        tab.confirm()
        tab.ends("Done")
        expect(tab.item("greeting")).to_have_text("Repaired")
    assert tab.files() == BOTH


def saved_plan(tab: FlowPage, tmp_path: Path) -> Path:
    """Save a plan in the preview of an ensure, and go back."""
    tab.press("preview")
    tab.preview()
    with tab.page.expect_download() as download:
        press(tab, "Save plan")
    plan = tmp_path / download.value.suggested_filename
    download.value.save_as(plan)
    expect(tab.page.locator("#dialog")).to_contain_text("Saved as plan.json")
    press(tab, "Back")
    return plan


def use_plan(tab: FlowPage, plan: Path) -> None:
    """Ensure by a saved plan."""
    tab.press("preview")
    tab.preview()
    with tab.page.expect_file_chooser() as chooser:
        press(tab, "Use a saved plan…")
    chooser.value.set_files(plan)


def test_a_plan_that_was_saved_is_applied_once_and_stale_afterwards(tab: FlowPage, tmp_path: Path) -> None:
    """It is the file that the terminal saves too, and nothing else than what it saw is done."""
    tab_files.write(tab.page, FLOW, "loud.txt", "quiet")
    plan = saved_plan(tab, tmp_path)
    assert Plan.read(plan.read_bytes()).items[1].verdict is VerdictKind.REPAIR
    use_plan(tab, plan)
    tab.ends("Done")
    expect(tab.item("loud")).to_have_text("Repaired")
    use_plan(tab, plan)
    tab.ends("Refused")
    expect(tab.sentence).to_contain_text("loud changed since it was saved")
    plan.write_text(plan.read_text().replace("quiet", "silent"))
    use_plan(tab, plan)
    expect(tab.sentence).to_contain_text("this plan was edited after it was saved: save it again.")
    tab.press("ensure")
    expect(tab.sentence).to_have_text(DONE)


@pytest.mark.parametrize("flows", [{FLOW: small_flow(FLOW, *(f"item_{number}" for number in range(30)))}], ids=["long"])
def test_a_long_plan_is_saved_whole(new_tab: NewTab, tmp_path: Path) -> None:
    """Thirty items have more to say than is ever shown of a value."""
    tab = new_tab().open(flow=FLOW)
    plan = saved_plan(tab, tmp_path)
    assert len(Plan.read(plan.read_bytes()).items) == 30
    use_plan(tab, plan)
    tab.ends("Done")


def test_a_terminal_refuses_a_plan_of_the_tabs_files(tab: FlowPage, tmp_path: Path) -> None:
    """Nothing of it is there: the plan is stale in another place, and the terminal's next command works."""
    plan = saved_plan(tab, tmp_path)
    flow = tmp_path / f"{FLOW}.py"
    flow.write_text(greetings())
    refused = irenic(tab.server, "ensure", flow.name, "--plan", plan.name, folder=tmp_path)
    assert (refused.returncode, "the plan is stale" in refused.stdout) == (3, True), refused.stderr
    again = irenic(tab.server, "preview", flow.name, "--save", plan.name, folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert irenic(tab.server, "ensure", flow.name, "--plan", plan.name, folder=tmp_path).returncode == 0


def test_a_look_that_takes_long_can_be_given_up(new_tab: NewTab, origin: Origin) -> None:
    """Nothing is begun then, and another Ensure begins as ever."""
    for name in (*LETTERS, "gate"):
        origin.put(f"/{name}", b"")
    tab = new_tab().open(flow="letters")
    tab.fill(site=origin.address)
    tab.press("ensure")
    tab.ends("Done")
    origin.put("/first", b"first", held=True)
    tab.press("ensure")
    expect(tab.reply).to_have_text("Looking at what there is…")
    expect(tab.page.locator("#do-ensure")).to_be_disabled()
    tab.press("interrupt")
    expect(tab.reply).to_have_text("Nothing was begun.")
    origin.downloads["/first"].release()
    tab.press("ensure")
    expect(tab.row("third")).to_contain_text("nothing to do")
    tab.ends("Done")
    assert len(tab.api("/executions")["items"]) == 2


def test_profiles_and_flows_do_not_touch_each_others_files(new_tab: NewTab) -> None:
    """Ensure in two profiles and two flows, clean in one: what the others have made is there."""
    tabs = {}
    for flow, profile in ((FLOW, "dev"), (FLOW, "prod"), ("others", "dev")):
        tabs[flow, profile] = tab = new_tab().open(flow=flow, profile=profile)
        tab.press("ensure")
        tab.ends("Done")
        assert tab.files() == BOTH
    dev = tabs[FLOW, "dev"]
    dev.press("clean")
    assert dev.preview() == {"greeting": "Remove", "loud": "Remove"}
    dev.confirm()
    expect(dev.sentence).to_have_text("Cleaned: greeting and loud are gone.")
    assert dev.files() == []
    for other in (tabs[FLOW, "prod"], tabs["others", "dev"]):
        other.reload()
        other.awake()
        assert other.files() == BOTH
        assert other.save("loud.txt").read_text() == "HELLO, ADA!"
        other.press("ensure")
        expect(other.row("loud")).to_contain_text("nothing to do")


def second_tab(chromium: Browser, server: ServerProcess) -> FlowPage:
    """Open the page in a second browser, which has no files."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    return FlowPage(context.new_page(), server).open(flow=FLOW)


def test_a_second_browser_says_not_here_yet_and_makes_it(
    tab: FlowPage, chromium: Browser, server: ServerProcess
) -> None:
    """What the first browser has stays as it is, and is named in the details."""
    tab.page.close()  # its profile is free
    second = second_tab(chromium, server)
    try:
        expect(second.status).to_have_text("Not here yet")
        expect(second.item("greeting")).to_have_text("Not here yet")
        expect(second.row("greeting")).to_contain_text("made in Chrome on Linux")
        assert second.files() == []
        before = second.api(f"/flows/{FLOW}/profiles/default/states")["items"]["greeting"]
        second.press("ensure")
        second.ends("Done")
        expect(second.page.locator("#dialog")).not_to_be_visible()
        assert second.files() == BOTH
        press(second, "greeting")
        expect(second.page.locator(".detail")).to_contain_text("Also in Chrome on Linux")
        after = second.api(f"/flows/{FLOW}/profiles/default/states")["items"]["greeting"]
        del before["elsewhere"]
        there = after["elsewhere"][before["place"]["id"]]
        assert {name: there[name] for name in before} == before
        assert second.complaints == []
    finally:
        second.page.context.close()


def test_from_the_tab_to_a_terminal_and_back(tab: FlowPage, tmp_path: Path) -> None:
    """The terminal makes the files in its folder; in the tab there is nothing to do afterwards."""
    flow = tmp_path / "work" / f"{FLOW}.py"
    flow.parent.mkdir()
    flow.write_text(greetings())
    in_terminal = irenic(tab.server, "ensure", flow.name, folder=flow.parent)
    assert in_terminal.returncode == 0, in_terminal.stderr
    assert (flow.parent / "loud.txt").read_text() == "HELLO, ADA!"
    tab.reload()
    tab.awake()
    assert tab.statuses() == {"greeting": "Done", "loud": "Done"}
    tab.press("ensure")
    tab.ends("Done")
    expect(tab.row("loud")).to_contain_text("nothing to do")
    expect(tab.page.locator("#dialog")).not_to_be_visible()
    press(tab, "loud")
    expect(tab.page.locator(".detail")).to_contain_text("Also in ")


def test_what_has_changed_in_a_terminals_folder_is_not_marked_in_the_tab(tab: FlowPage, tmp_path: Path) -> None:
    """A refusal there is said here, and nothing here has to be repaired."""
    flow = tmp_path / "work" / f"{FLOW}.py"
    flow.parent.mkdir()
    flow.write_text(greetings())
    assert irenic(tab.server, "ensure", flow.name, folder=flow.parent).returncode == 0
    (flow.parent / "greeting.txt").unlink()
    refused = irenic(tab.server, "ensure", flow.name, "--on-drift", "refuse", folder=flow.parent)
    assert refused.returncode == 3, refused.stderr
    tab.reload()
    tab.awake()
    tab.ends("Refused")
    assert tab.statuses() == {"greeting": "At goal", "loud": "At goal"}
    expect(tab.sentence).to_contain_text(
        "greeting was changed outside irenic in the place where this was run, not here"
    )


def edited(server: ServerProcess, site: Path, source: str, tmp_path: Path) -> None:
    """Have the server's site hold another version of the flow."""
    file = tmp_path / f"{FLOW}.py"
    file.write_text(source)
    shutil.rmtree(tmp_path / "site")
    make_site(site, tmp_path / "site", [file])


def test_what_the_flow_no_longer_has_is_left_over_until_it_is_removed(
    tab: FlowPage, new_tab: NewTab, server: ServerProcess, site: Path, tmp_path: Path
) -> None:
    """It has a row of its own at the end of the table, asked about before ensure."""
    tab.page.close()
    edited(server, site, greetings(loud=False), tmp_path)
    day_two = new_tab().open(flow=FLOW)
    expect(day_two.item("loud")).to_have_text("Left over")
    expect(day_two.row("loud")).to_contain_text("The flow no longer has it.")
    day_two.press("ensure")
    assert day_two.preview() == {"greeting": "Nothing to do", "loud": "Left over"}
    expect(day_two.page.locator("#dialog")).to_contain_text("It stays where it is.")
    day_two.confirm()
    day_two.ends("Done")
    expect(day_two.sentence).to_have_text("Done: greeting is at its goal. Left over: loud.")
    assert day_two.files() == BOTH
    press(day_two, "Remove loud")
    day_two.preview()
    expect(day_two.page.locator("#dialog-prune")).to_be_checked()
    expect(day_two.page.locator("#dialog")).to_contain_text("It is removed.")
    day_two.confirm()
    day_two.ends("Done")
    expect(day_two.item("loud")).to_have_text("Removed")
    expect(day_two.sentence).to_have_text("Done: greeting is at its goal. loud was left over and removed.")
    assert day_two.files() == ["greeting.txt"]
    day_two.reload()
    day_two.awake()
    assert day_two.statuses() == {"greeting": "Done"}


def test_what_is_left_over_can_be_forgotten(
    tab: FlowPage, new_tab: NewTab, server: ServerProcess, site: Path, tmp_path: Path
) -> None:
    """Its file stays, and nothing asks about it again."""
    tab.page.close()
    edited(server, site, greetings(path="hi.txt"), tmp_path)
    day_two = new_tab().open(flow=FLOW)
    day_two.press("ensure")
    assert day_two.preview()["greeting"] == "Replace"
    day_two.confirm()
    day_two.ends("Done")
    day_two.shows({"greeting": "Replaced", "loud": "Done", "greeting#1": "Left over"})
    expect(day_two.row("greeting#1")).to_contain_text("greeting.txt")
    press(day_two, "Forget greeting#1")
    day_two.confirm()
    expect(day_two.sentence).to_contain_text("Forgotten: irenic no longer knows of greeting#1.")
    assert day_two.files() == ["greeting.txt", "hi.txt", "loud.txt"]
    assert "greeting#1" not in day_two.statuses()
    day_two.press("ensure")
    expect(day_two.sentence).to_have_text(DONE)
    expect(day_two.page.locator("#dialog")).not_to_be_visible()


@pytest.mark.parametrize("width", [1200, 360])
def test_all_that_day_two_shows_is_accessible(
    tab: FlowPage, new_tab: NewTab, server: ServerProcess, site: Path, tmp_path: Path, width: int
) -> None:
    """The dialog, marked rows and their details; nothing is wider than the screen."""
    tab_files.remove(tab.page, FLOW, "greeting.txt")
    tab.page.close()
    edited(server, site, greetings(loud=False), tmp_path)
    day_two = new_tab().open(flow=FLOW)
    page = day_two.page
    page.set_viewport_size({"width": width, "height": 800})
    day_two.press("ensure")
    assert day_two.preview() == {"greeting": "Repair", "loud": "Left over"}
    assert (violations(page), is_wider_than_screen(page)) == ([], False)
    press(day_two, "Back")
    for item in ("greeting", "loud"):
        press(day_two, item)
        assert (violations(page), is_wider_than_screen(page)) == ([], False)
