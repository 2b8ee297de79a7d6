"""An outcome as text, JSON and YAML."""

import json
from typing import Any

import pytest
import yaml
from tests.outcomes import EXECUTION, failed_item, interrupted, item_of, outcome_of, progress_of, refused
from tests.screen import control_codes

from irenic import CmdOutcome
from irenic.endpoints.formats import Format, format_data, format_outcome
from irenic.endpoints.outcome_text import CommandLine, TextLook, outcome_text
from irenic.endpoints.terminal import Ink
from irenic.model.outcome import cmd_outcome

COMMAND_LINE = CommandLine("flow.py", profile="dev")


def text_of(outcome: CmdOutcome, *, icons: bool = True, **more: Any) -> list[str]:
    """Return an outcome's text, line by line, without colours."""
    return outcome_text(outcome, look=TextLook(icons=icons), **more).splitlines()


def test_a_complete_ensure_tells_each_item_and_what_it_is_now() -> None:
    """Items that had nothing to do are told apart."""
    progress = progress_of(item_of("site", "complete_success", message="nothing to do"))
    assert text_of(outcome_of("complete"), progress=progress, command_line=COMMAND_LINE) == [
        "✅ ensure complete: download/dev, 3 items in 17 s",
        "   ✅ archive  done           path: app.zip, size: 12345",
        "   ✅ site     nothing to do  files: 3",
        "   ✅ upload   done           url: null",
    ]


def test_an_interrupt_tells_what_is_done_not_done_and_unknown_and_how_to_go_on() -> None:
    """In the order of the flow."""
    assert text_of(interrupted(), command_line=COMMAND_LINE) == [
        "🟡 ensure interrupted: download/dev, 1 of 3 items done, 1 unknown in 17 s",
        "   ✅ archive  done           path: app.zip, size: 12345",
        "   ❓ site     unknown        its apply had begun and its end was not recorded; resume looks at it first",
        "   ⚪ upload   not done",
        "",
        "Stop asked by Ctrl-C at 12:00:05 UTC",
        "   level cancel, settled after 12 s",
        "",
        f"Next: irenic resume {EXECUTION} flow.py",
    ]


def test_an_item_error_is_told_in_full_with_its_causes() -> None:
    """The message line by line, below the list of items."""
    assert text_of(failed_item(), icons=False, command_line=COMMAND_LINE) == [
        "ensure ended with an error: download/dev, 1 of 3 items done, 1 failed in 17 s",
        "   archive  done           path: app.zip, size: 12345",
        "   site     failed         in apply, see below",
        "   upload   not done",
        "",
        "site in apply: ItemFailure",
        "   the disk is full:",
        "   make room, then run this again.",
        "   because of OSError: [Errno 28] No space left on device",
        "",
        f"Next: fix the error above, then irenic resume {EXECUTION} flow.py",
    ]


def test_a_refusal_shows_what_was_stored_and_what_was_found() -> None:
    """Both, so that the reader can judge who is right."""
    assert text_of(refused(), command_line=COMMAND_LINE) == [
        "⛔ ensure refused: download/dev, 0 of 3 items done in 17 s",
        "   changed outside irenic: site. Nothing was applied.",
        "   ⚪ archive  not done",
        "   ⛔ site     refused        see below",
        "   ⚪ upload   not done",
        "",
        "site: changed outside irenic.",
        "   stored  files: 3",
        "   found   files: 2",
        "   goal    files: 3",
        "",
        "Next: irenic ensure flow.py --on-drift repair --profile dev   (bring it back)",
        "      irenic discover flow.py --profile dev   (accept what is there)",
    ]


def test_a_profile_held_by_another_is_told_once() -> None:
    """Not for each item."""
    message = "download/dev is held by ada@laptop (pid 4711): wait for it, interrupt it, or take over."
    held = {"reason": "held", "message": message}
    outcome = refused(message=message, refusals={"archive": held, "site": held})
    lines = text_of(outcome, command_line=COMMAND_LINE)
    assert sum(message in line for line in lines) == 1
    assert lines[-1] == "Next: wait for it, interrupt it, or take over: irenic ensure flow.py --profile dev --take-over"


def test_an_execution_that_could_not_go_on_says_why() -> None:
    """In one sentence."""
    outcome = outcome_of("failed", items={}, states={}, message="nothing is stored: run `irenic discover` first.")
    assert text_of(outcome, icons=False, command_line=COMMAND_LINE) == [
        "ensure could not go on: download/dev, 0 items in 17 s",
        "   nothing is stored: run `irenic discover` first.",
        "",
        "Next: irenic discover flow.py --profile dev",
    ]


def test_a_lost_execution_says_how_to_go_on() -> None:
    """Whoever ran it is gone; another may take it up."""
    outcome = outcome_of("lost", items={"done": [], "unknown": ["archive"], "not_done": ["site", "upload"]})
    assert text_of(outcome, command_line=CommandLine("flow.py"))[-1] == f"Next: irenic resume {EXECUTION} flow.py"


def test_the_next_command_is_about_the_same_items() -> None:
    """A resume knows its profile and its items, and has no options for them."""
    chosen = CommandLine("flow.py", "--store s", profile="dev", chosen="--item site")
    assert text_of(refused(), command_line=chosen)[-2:] == [
        "Next: irenic ensure flow.py --on-drift repair --item site --profile dev --store s   (bring it back)",
        "      irenic discover flow.py --item site --profile dev --store s   (accept what is there)",
    ]
    assert text_of(interrupted(), command_line=chosen)[-1] == f"Next: irenic resume {EXECUTION} flow.py --store s"


def test_a_dry_run_says_that_nothing_was_changed() -> None:
    """And what to type to have it changed."""
    lines = text_of(outcome_of("complete", dry_run=True), command_line=CommandLine("flow.py"))
    assert lines[0] == "✅ ensure complete (dry run: nothing was changed): download/dev, 3 items in 17 s"
    assert lines[1] == "   ✅ archive  would be done  path: app.zip, size: 12345"
    assert lines[-1] == "Next: irenic ensure flow.py"


def test_status_shows_states_field_by_field() -> None:
    """Current states only."""
    states = {
        "archive": {"current": {"path": "app.zip", "size": 12345}, "goal": {"path": "other", "size": 1}},
        "site": {"current": None},
        "upload": {"current": {}},
    }
    assert text_of(outcome_of("complete", cmd="status", states=states), icons=False) == [
        "status complete: download/dev, 3 items in 17 s",
        "",
        "archive",
        "   path  app.zip",
        "   size  12345",
        "",
        "site",
        "   not known yet",
        "",
        "upload",
    ]


def test_goal_shows_goals() -> None:
    """And no current states."""
    lines = text_of(outcome_of("complete", cmd="goal"), icons=False)
    assert lines[-2:] == ["upload", "   url  https://example.org/app"]


def test_discover_shows_both_states() -> None:
    """As far as they are known."""
    states = {"archive": {"current": {"size": 1}}, "site": {}, "upload": {"goal": {"url": "x"}}}
    assert text_of(outcome_of("complete", cmd="discover", states=states), icons=False)[1:] == [
        "",
        "archive",
        "   current",
        "      size  1",
        "",
        "site",
        "   not known yet",
        "",
        "upload",
        "   goal",
        "      url  x",
    ]


def test_diff_shows_changes_field_by_field() -> None:
    """Also those of a diff that an item has made itself."""
    states = {
        "archive": {"diff": {"changes": {"size": {"before": 1, "after": None}}, "hint": "smaller"}},
        "site": {"diff": {"added": ["index.html"], "removed": []}},
        "upload": {"diff": {"changes": {}}},
        "notes": {},
    }
    items = {"done": ["archive", "site", "upload"], "not_done": ["notes"]}
    assert text_of(outcome_of("complete", cmd="diff", states=states, items=items), icons=False)[1:] == [
        "",
        "archive",
        "   size: 1 -> null",
        "   hint: smaller",
        "",
        "site",
        '   added: ["index.html"]',
        "   removed: []",
        "",
        "upload",
        "   no difference",
        "",
        "notes",
        "   its current and goal states are not known yet",
    ]


def test_remarks_tell_what_went_on_although_cancelled_and_who_was_cut_off() -> None:
    """Neither goes unsaid."""
    outcome = interrupted(swallowed_cancel=["archive"], endpoints_cut={"CliEndpoint": "took more than 5 s"})
    lines = text_of(outcome)
    assert "   went on although cancelled: archive" in lines
    assert "   CliEndpoint was cut off: it took more than 5 s; the execution was not affected" in lines


def test_a_guard_is_named_with_its_reason() -> None:
    """Who stopped it, and why."""
    interrupt = {
        "source": "failsafe",
        "reason": "maintenance (/ops/STOP)",
        "level": "finish",
        "requested_at": "2026-11-24T12:00:05.000Z",
    }
    assert "Stop asked by failsafe at 12:00:05 UTC: maintenance (/ops/STOP)" in text_of(
        interrupted(interrupt=interrupt)
    )


@pytest.mark.parametrize("outcome", [outcome_of("complete"), interrupted(), failed_item(), refused()])
def test_colours_change_nothing_but_colours(outcome: CmdOutcome) -> None:
    """Without them there is not one control code."""
    plain = outcome_text(outcome, look=TextLook())
    coloured = outcome_text(outcome, look=TextLook(ink=Ink(True)))
    assert list(control_codes(plain)) == []
    stripped = coloured
    for code in set(control_codes(coloured)):
        stripped = stripped.replace(code, "")
    assert stripped == plain


@pytest.mark.parametrize("outcome", [outcome_of("complete"), interrupted(), failed_item(), refused()])
def test_json_is_the_outcome(outcome: CmdOutcome) -> None:
    """With its kind first, and it can be read back."""
    text = format_outcome(outcome, Format.JSON, look=TextLook())
    assert next(iter(json.loads(text))) == "kind"
    assert cmd_outcome.validate_json(text) == outcome


@pytest.mark.parametrize("outcome", [outcome_of("complete"), interrupted(), failed_item(), refused()])
def test_yaml_is_the_outcome(outcome: CmdOutcome) -> None:
    """With its kind first, and it can be read back."""
    text = format_outcome(outcome, Format.YAML, look=TextLook())
    assert text.startswith("kind: ")
    assert cmd_outcome.validate_python(yaml.safe_load(text)) == outcome


def test_none_is_nothing() -> None:
    """Only the exit code speaks."""
    assert format_outcome(interrupted(), Format.NONE, look=TextLook()) == ""
    assert format_data({"a": 1}, Format.NONE) == ""
