"""Progress as lines for a terminal, frame by frame."""

import pytest
from tests.outcomes import item_of, progress_of, record_of
from tests.screen import control_codes

from irenic.endpoints.bars import Look, Snapshot, frame, visible_cells
from irenic.endpoints.terminal import Ink
from irenic.model.interrupt import InterruptLevel, InterruptRecord
from irenic.model.progress import ExecutionProgress, ProgressStatus, StopProgress

NOW = "2026-11-24T12:00:17.900Z"

RUNNING = progress_of(
    item_of(
        "archive", "running", position=12_300_000, total=40_000_000, message="reading example.org", elapsed=12.3, eta=27
    ),
    item_of("site", "exec_pending"),
    item_of("upload", "complete_success", message="nothing to do", elapsed=1.0),
    item_of("notes", "complete_fail", position=2, steps=7, message="no such host:\nexample.org", elapsed=0.2),
    item_of("lock", "waiting", waiting_for="api"),
)


def lines_of(progress: ExecutionProgress, columns: int = 100, rows: int = 24, *, icons: bool = True) -> list[str]:
    """Return a frame without colours."""
    return frame([Snapshot(record_of(), progress, NOW)], Look(columns, rows, icons))


def stopping(level: str, waiting_for: list[str], **fields: object) -> ExecutionProgress:
    """Return progress of an execution that was told to stop five seconds after it began."""
    record = InterruptRecord(
        source=str(fields.pop("source", "sigint")),
        reason=None if "reason" not in fields else str(fields.pop("reason")),
        level=InterruptLevel[level.upper()],
        requested_at="2026-11-24T12:00:05.000Z",
    )
    stop = StopProgress(interrupt=record, waiting_for=waiting_for, **fields)
    return progress_of(item_of("archive", "running"), item_of("site", "interrupted"), stop=stop)


def test_a_frame_shows_icon_id_bar_message_amount_and_times() -> None:
    """One line for the execution, one for each item."""
    assert lines_of(RUNNING) == [
        "ensure download/dev · apply · 2 of 5 · 17 s",
        "🔵 archive ━━━━━━────────────── reading example.org       12.3/40.0 MB 12 s, eta 27 s",
        "⚪ site    ────────────────────",
        "✅ upload  ━━━━━━━━━━━━━━━━━━━━ nothing to do",
        "❌ notes   ━━━━━╸────────────── no such host: example.org          2/7",
        "🟣 lock    ──────────────────── waits for a place of api",
    ]


def test_a_terminal_without_icons_is_shown_words_and_ascii() -> None:
    """The console of Linux, or a stream that is not UTF-8."""
    lines = lines_of(RUNNING, 90, icons=False)
    assert lines[:2] == [
        "ensure download/dev - apply - 2 of 5 - 17 s",
        "running     archive ####.......... reading example.org       12.3/40.0 MB 12 s, eta 27 s",
    ]
    assert all(line.isascii() for line in lines)


@pytest.mark.parametrize(
    ("columns", "archive"),
    [
        (70, "🔵 archive ━━━─────── reading example.org 12.3/40.0 MB 12 s, eta 27 s"),
        (60, "🔵 archive ━━━━━━────────────── 12.3/40.0 MB 12 s, eta 27 s"),
        (40, "🔵 archive ━━━━╸────────── 12.3/40.0 MB"),
        (20, "🔵 archive"),
        (8, "🔵 arc…"),
    ],
)
def test_a_narrow_terminal_is_shown_what_matters_most(columns: int, archive: str) -> None:
    """First the message goes, then the times, the bar, the amount, and in the end part of the id."""
    lines = lines_of(RUNNING, columns)
    assert lines[1] == archive
    assert max(visible_cells(line) for line in lines) < columns


@pytest.mark.parametrize("columns", range(4, 140, 3))
def test_no_line_is_ever_as_wide_as_the_terminal(columns: int) -> None:
    """A full line would wrap in some terminals."""
    for icons in (True, False):
        stop = stopping("cancel", ["archive"], shielded={"archive": "the upload is being committed"})
        assert all(visible_cells(line) < columns for line in lines_of(stop, columns, icons=icons))


def test_a_message_that_is_wide_is_cut_by_cells() -> None:
    """Not by characters, of which some take two cells."""
    progress = progress_of(item_of("archive", "running", message="読み込み中 " * 10))
    line = lines_of(progress, 60)[1]
    assert visible_cells(line) < 60
    assert line.endswith("…")


def test_a_low_terminal_is_shown_the_most_urgent_items_and_how_many_more_there_are() -> None:
    """Questions and errors first, then what runs; all in the order of the flow."""
    items = [item_of(f"i{number}", "complete_success") for number in range(20)]
    items[3] = item_of("i3", "running")
    items[11] = item_of("i11", "user_pending", message="Which key?")
    items[15] = item_of("i15", "complete_fail")
    lines = lines_of(progress_of(*items), rows=6)
    assert len(lines) == 5
    assert [line.split()[1] for line in lines[1:4]] == ["i3", "i11", "i15"]
    assert lines[4] == "… and 17 more items: 17 done"


def test_elapsed_time_is_not_shown_of_what_is_complete() -> None:
    """It is over."""
    assert "1.0 s" not in lines_of(RUNNING)[3]


def test_unknown_size_shows_a_position_and_an_empty_bar() -> None:
    """There is nothing to be filled."""
    progress = progress_of(item_of("archive", "running", position=1_500, total=None, elapsed=2.0))
    assert lines_of(progress, 60)[1] == "🔵 archive ──────────── 1.5 kB 2.0 s"


@pytest.mark.parametrize(
    ("progress", "told"),
    [
        (
            stopping("finish", ["archive"]),
            "stopping: finishing archive (12 s) · Ctrl-C again cancels what runs",
        ),
        (
            stopping("cancel", ["archive"], shielded={"archive": "committing", "other": "x"}),
            "stopping: cancelling archive (12 s) · archive first: committing · Ctrl-C again gives up waiting",
        ),
        (stopping("abandon", ["archive"]), "stopping: giving up archive (12 s)"),
        (stopping("finish", []), "stopping: nothing new starts (12 s) · Ctrl-C again cancels what runs"),
        (
            stopping("finish", list("abcdef"), source="deadline", reason="60 s have passed"),
            "stopping: finishing a, b, c and 3 more (12 s) · Ctrl-C again cancels what runs · "
            "asked by deadline: 60 s have passed",
        ),
    ],
)
def test_a_stop_says_what_it_waits_for_since_when_and_what_comes_next(progress: ExecutionProgress, told: str) -> None:
    """At every level, whoever asked."""
    assert lines_of(progress, 160)[-1] == told


def test_a_stop_is_told_on_several_lines_where_one_is_too_narrow() -> None:
    """What the next Ctrl-C does must not be cut off."""
    assert lines_of(stopping("finish", ["archive"]), 40)[-2:] == [
        "stopping: finishing archive (12 s)",
        "Ctrl-C again cancels what runs",
    ]


def test_colours_are_only_in_a_frame_for_a_terminal_that_wants_them() -> None:
    """And each is switched off again."""
    plain = frame([Snapshot(record_of(), RUNNING, NOW)], Look(ink=Ink(False)))
    coloured = frame([Snapshot(record_of(), RUNNING, NOW)], Look(ink=Ink(True)))
    assert list(control_codes("".join(plain))) == []
    assert [visible_cells(line) for line in coloured] == [visible_cells(line) for line in plain]
    assert all(line.count("\x1b[0m") * 2 == line.count("\x1b[") for line in coloured)


def test_several_executions_share_the_terminal() -> None:
    """Each has its own line, and its part of the height."""
    other = record_of(id="01M86MQWZGBVQB4PDMD7H5X27X", profile="prod", dry_run=True)
    items = [item_of(f"i{number}", "running") for number in range(30)]
    snapshots = [Snapshot(record_of(), progress_of(*items), NOW), Snapshot(other, progress_of(*items), NOW)]
    lines = frame(snapshots, Look(100, 24))
    assert [line for line in lines if "download/" in line] == [
        "ensure download/dev · apply · 0 of 30 · 17 s",
        "ensure (dry run) download/prod · apply · 0 of 30 · 17 s",
    ]
    assert len(lines) < 24


def test_every_status_has_an_icon_and_a_word() -> None:
    """None is forgotten, and icons are two cells wide."""
    items = [item_of(f"i{number}", status) for number, status in enumerate(ProgressStatus)]
    icons = [line.split()[0] for line in lines_of(progress_of(*items))[1:]]
    assert len(icons) == len(ProgressStatus)
    assert {visible_cells(icon) for icon in icons} == {2}
