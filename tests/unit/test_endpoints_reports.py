"""JUnit XML and the Markdown summary."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.items import World
from tests.outcomes import EXECUTION, failed_item, interrupted, item_of, outcome_of, progress_of, refused
from tests.running import run
from tests.slow_things import slow_tower

from irenic.endpoints import ReportEndpoint
from irenic.endpoints.junit import junit_xml
from irenic.endpoints.markdown import MOST_ROWS, markdown_summary
from irenic.endpoints.outcome_text import CommandLine
from irenic.stores import MemoryStore

PROGRESS = progress_of(
    item_of("archive", "complete_success", elapsed=12.3456),
    item_of("site", "complete_success", message="nothing to do", elapsed=0.0),
)


def test_junit_of_a_failed_item() -> None:
    """A case for each item; what was not reached is skipped."""
    assert junit_xml(failed_item(), PROGRESS) == (
        """<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="download/dev ensure" tests="3" failures="1" errors="0" skipped="1" time="17.250">
  <testsuite name="download/dev ensure" tests="3" failures="1" errors="0" skipped="1" time="17.250" """
        f"""timestamp="2026-11-24T12:00:00.000Z" id="{EXECUTION}">
    <testcase classname="download.dev.ensure" name="archive" time="12.346" />
    <testcase classname="download.dev.ensure" name="site" time="0.000">
      <failure message="the disk is full:&#10;make room, then run this again." type="ItemFailure">"""
        """in apply: the disk is full:
make room, then run this again.
OSError: [Errno 28] No space left on device</failure>
    </testcase>
    <testcase classname="download.dev.ensure" name="upload" time="0.000">
      <skipped message="not done" />
    </testcase>
  </testsuite>
</testsuites>
"""
    )


def verdicts(xml: str) -> dict[str, str]:
    """Return the verdict of each case, empty where all is well."""
    cases = ElementTree.fromstring(xml).iter("testcase")
    return {case.get("name", ""): next((child.tag for child in case), "") for case in cases}


def test_junit_of_an_interrupt_says_who_stopped_it_and_what_is_unknown() -> None:
    """An unknown item is an error: somebody has to look."""
    xml = junit_xml(interrupted())
    assert verdicts(xml) == {"archive": "", "upload": "skipped", "site": "error", "execution": "skipped"}
    assert "stopped by sigint at level cancel" in xml


def test_junit_of_a_refusal_names_the_item() -> None:
    """And the whole."""
    assert verdicts(junit_xml(refused())) == {
        "archive": "skipped",
        "site": "failure",
        "upload": "skipped",
        "execution": "failure",
    }


def test_junit_of_a_failed_execution() -> None:
    """There may be no item to blame."""
    xml = junit_xml(outcome_of("failed", items={}, states={}, message="the store is full"))
    assert verdicts(xml) == {"execution": "error"}


def test_junit_is_xml_whatever_an_error_says() -> None:
    """Control characters cannot stand in XML at all."""
    error = {"type": "E", "message": "bell \a, escape \x1b[31m, <&\"'>, \ud800"}
    xml = junit_xml(failed_item(errors={"site": error}))
    failure = ElementTree.fromstring(xml).find(".//failure")
    assert failure is not None
    assert failure.text == "bell \ufffd, escape \ufffd[31m, <&\"'>, \ufffd"


def test_summary_of_a_complete_ensure() -> None:
    """A table of items."""
    assert (
        markdown_summary(outcome_of("complete"), PROGRESS)
        == f"""\
### ✅ ensure complete: download/dev

3 of 3 items done in 17 s · execution `{EXECUTION}`

| | item | | time | state |
|---|---|---|---:|---|
| ✅ | archive | done | 12 s | path: app.zip, size: 12345 |
| ✅ | site | nothing to do | 0.0 s | files: 3 |
| ✅ | upload | done |  | url: null |

"""
    )


def test_summary_of_an_interrupt() -> None:
    """Who asked, and how to go on."""
    assert (
        markdown_summary(interrupted(), command_line=CommandLine("flow.py"))
        == f"""\
### 🟡 ensure interrupted: download/dev

1 of 3 items done in 17 s · execution `{EXECUTION}`

| | item | | time | state |
|---|---|---|---:|---|
| ✅ | archive | done |  | path: app.zip, size: 12345 |
| ❓ | site | unknown |  | files: 3 |
| ⚪ | upload | not done |  | url: null |

Stop asked by **sigint** at 12:00:05 UTC, level cancel

Next: `irenic resume {EXECUTION} flow.py`

"""
    )


def test_summary_of_an_error_fences_whatever_it_says() -> None:
    """Also backticks, and pipes within a table."""
    error = {"type": "E", "message": "```\nnot the end"}
    states = {"archive": {"current": {"path": "a|b `c` <script>"}}}
    text = markdown_summary(failed_item(errors={"site": error}, states=states))
    assert "````\n```\nnot the end\n````" in text
    assert r"path: a\|b \`c\` &lt;script&gt;" in text


def test_summary_of_very_many_items_is_bounded() -> None:
    """A page of a CI run takes a megabyte at most."""
    items = [f"i{number}" for number in range(MOST_ROWS + 5)]
    text = markdown_summary(outcome_of("complete", items={"done": items}, states={}))
    assert text.count("\n| ✅") == MOST_ROWS
    assert "… and 5 more items" in text


def test_summary_of_a_refusal() -> None:
    """What differs is named."""
    assert "**site**: site was changed outside irenic." in markdown_summary(refused())


async def test_reports_are_written_when_an_execution_ends(tmp_path: Path) -> None:
    """Folders on the way are made; the file of the CI run's page is added to, the others are replaced."""
    page = tmp_path / "page.md"
    page.write_text("before\n")
    reports = ReportEndpoint(
        junit=tmp_path / "new" / "junit.xml",
        summary=tmp_path / "summary.md",
        environment={"GITHUB_STEP_SUMMARY": str(page)},
    )
    (tmp_path / "summary.md").write_text("old")
    await run(MemoryStore(), slow_tower(World(), "a", "b", seconds=0), "ensure", endpoints=(reports,))
    summary = (tmp_path / "summary.md").read_text()
    assert verdicts((tmp_path / "new" / "junit.xml").read_text()) == {"a": "", "b": ""}
    assert summary.startswith("### ✅ ensure complete: slow/default\n")
    assert page.read_text() == f"before\n{summary}"


async def test_nothing_is_written_where_nothing_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable counts as none."""
    monkeypatch.chdir(tmp_path)
    reports = ReportEndpoint(environment={"GITHUB_STEP_SUMMARY": ""})
    await run(MemoryStore(), slow_tower(World(), "a", seconds=0), "ensure", endpoints=(reports,))
    assert list(tmp_path.iterdir()) == []
