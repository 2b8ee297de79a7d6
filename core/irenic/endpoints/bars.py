"""Turns the progress of executions into lines for a terminal; pure, so that a frame can be looked at in a test."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rich.cells import cell_len, set_cell_size

from irenic.endpoints.terminal import Ink
from irenic.endpoints.wording import STATUS_LOOKS, WORD_WIDTH, amount, count_of, duration, several, source_in_words
from irenic.model.interrupt import InterruptLevel
from irenic.model.progress import ExecutionProgress, ItemProgress, ProgressStatus, StopProgress
from irenic.model.record import ExecutionRecord
from irenic.model.text import visible
from irenic.model.timestamps import seconds_between

BAR_WIDTHS = (10, 32)
ID_WIDTHS = (8, 28)
LEAST_MESSAGE = 12
LEAST_COLUMNS = 24
"""A narrower terminal is shown lines that are cut off, without colours."""

_PLAIN = str.maketrans({"…": "~", "·": "-"})
"""For terminals without icons, which may know ASCII only."""

_control_codes = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[78]")

_URGENCY = {
    ProgressStatus.USER_PENDING: 0,
    ProgressStatus.COMPLETE_FAIL: 1,
    ProgressStatus.UNKNOWN: 2,
    ProgressStatus.RUNNING_STALLED: 3,
    ProgressStatus.RUNNING: 3,
    ProgressStatus.WAITING: 4,
    ProgressStatus.QUEUED: 5,
    ProgressStatus.INTERRUPTED: 6,
    ProgressStatus.EXEC_PENDING: 7,
    ProgressStatus.INITIALIZED: 7,
    ProgressStatus.COMPLETE_SUCCESS: 8,
}
"""Which items are shown where there is no room for all."""

_ON_SIGINT = {
    InterruptLevel.FINISH: "Ctrl-C again cancels what runs",
    InterruptLevel.CANCEL: "Ctrl-C again gives up waiting",
    InterruptLevel.ABANDON: "",
}
_STOPPING = {
    InterruptLevel.FINISH: "finishing",
    InterruptLevel.CANCEL: "cancelling",
    InterruptLevel.ABANDON: "giving up",
}


@dataclass(frozen=True)
class Look:
    """How a terminal is drawn on."""

    columns: int = 80
    rows: int = 24
    icons: bool = True
    ink: Ink = field(default_factory=lambda: Ink(False))


@dataclass(frozen=True)
class Snapshot:
    """An execution as it stands; ``now`` is the time as RFC 3339 text."""

    record: ExecutionRecord
    progress: ExecutionProgress
    now: str


def visible_cells(line: str) -> int:
    """Return how many cells of a terminal a line takes, its control codes left out."""
    return cell_len(_control_codes.sub("", line))


def frame(snapshots: Sequence[Snapshot], look: Look) -> list[str]:
    """Return the lines for the given executions, each no wider than the terminal, all no higher than it."""
    if look.columns < LEAST_COLUMNS:
        look = replace(look, ink=Ink(False))
    lines: list[str] = []
    room = max(2, (look.rows - 1) // max(1, len(snapshots)))
    for snapshot in snapshots:
        lines += _execution_lines(snapshot, look, room)
    if look.columns < LEAST_COLUMNS:
        lines = [_fit(line, look.columns - 1) for line in lines]
    return lines if look.icons else [line.translate(_PLAIN) for line in lines]


def _execution_lines(snapshot: Snapshot, look: Look, room: int) -> list[str]:
    items = list(snapshot.progress.items.values())
    stop = snapshot.progress.stop
    told = _wrapped(stop_parts(stop, snapshot.now), look.columns - 1) if stop is not None else []
    lines = [_header(snapshot, look)]
    lines += _item_lines(items, look, max(1, room - 1 - len(told)))
    return lines + [look.ink(line, "yellow") for line in told]


def _header(snapshot: Snapshot, look: Look) -> str:
    record, progress = snapshot.record, snapshot.progress
    items = progress.items.values()
    ended = sum(item.status.is_complete for item in items)
    elapsed = seconds_between(record.started_at, snapshot.now) if record.started_at else 0.0
    command = progress.cmd or record.cmds[0]
    parts = [f"{command}{' (dry run)' if record.dry_run else ''} {record.flow}/{record.profile}"]
    if progress.block:
        parts.append(progress.block.replace("_", " "))
    if progress.items:
        parts.append(f"{ended} of {len(progress.items)}")
    parts.append(duration(elapsed))
    return look.ink(_fit(" · ".join(parts), look.columns - 1), "bold")


def stop_parts(stop: StopProgress, now: str) -> list[str]:
    """Return what is waited for since a stop was asked, since when, what the next Ctrl-C does, and who asked."""
    record = stop.interrupt
    since = duration(seconds_between(record.requested_at, now))
    parts = [f"stopping: {_STOPPING[record.level]} {several(stop.waiting_for)} ({since})"]
    if not stop.waiting_for:
        parts = [f"stopping: nothing new starts ({since})"]
    shielded = [f"{item} first: {why}" for item, why in stop.shielded.items() if item in stop.waiting_for]
    if shielded and record.level is not InterruptLevel.FINISH:
        parts.append(several(shielded, 2))
    if _ON_SIGINT[record.level]:
        parts.append(_ON_SIGINT[record.level])
    if record.source not in ("user", "sigint"):
        parts.append(f"asked by {source_in_words(record.source)}{f': {record.reason}' if record.reason else ''}")
    return parts


def _wrapped(parts: list[str], width: int) -> list[str]:
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]} · {part}" if lines else part
        if lines and cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return [_fit(line, width) for line in lines]


def _item_lines(items: list[ItemProgress], look: Look, room: int) -> list[str]:
    shown = items
    if len(items) > room:
        order = sorted(range(len(items)), key=lambda number: (_URGENCY[items[number].status], number))
        shown = [items[number] for number in sorted(order[: room - 1])]
    columns = _Columns(shown, look)
    lines = [columns.line(item) for item in shown]
    if len(shown) < len(items):
        lines.append(look.ink(_fit(_others(items, shown), look.columns - 1), "dim"))
    return lines


def _others(items: list[ItemProgress], shown: list[ItemProgress]) -> str:
    names = {item.item for item in shown}
    counts: dict[str, int] = {}
    for item in items:
        if item.item not in names:
            word = STATUS_LOOKS[item.status].word
            counts[word] = counts.get(word, 0) + 1
    told = ", ".join(f"{number} {word}" for word, number in counts.items())
    return f"… and {count_of(len(items) - len(shown), 'more item')}: {told}"


class _Columns:
    """The widths of the columns of a frame; what does not fit is left out, the least important first."""

    def __init__(self, items: list[ItemProgress], look: Look) -> None:
        self._look = look
        self._mark = 2 if look.icons else WORD_WIDTH
        self._amounts = {item.item: amount(item.position, item.limit) for item in items}
        self._times = {item.item: _time_of(item) for item in items}
        room = look.columns - 1 - self._mark - 1
        longest = max((cell_len(item.item) for item in items), default=0)
        self._id = min(max(ID_WIDTHS[0], longest), max(4, min(ID_WIDTHS[1], room // 2)), longest)
        room -= self._id
        self._amount = max((len(text) for text in self._amounts.values()), default=0)
        self._time = max((len(text) for text in self._times.values()), default=0)
        if self._amount and room > self._amount:
            room -= self._amount + 1
        else:
            self._amount = 0
        without_time = room - self._time - 1
        if self._time and (without_time > BAR_WIDTHS[0] or BAR_WIDTHS[0] >= room > self._time):
            room = without_time
        else:
            self._time = 0
        self._bar = 0
        self._message = 0
        if room > BAR_WIDTHS[0] + LEAST_MESSAGE + 1:
            self._bar = min(BAR_WIDTHS[1], max(BAR_WIDTHS[0], room // 3))
            longest_message = max((cell_len(_message_of(item)) for item in items), default=0)
            self._message = min(room - self._bar - 2, longest_message)
        elif room > BAR_WIDTHS[0]:
            self._bar = min(BAR_WIDTHS[1], room - 1)

    def line(self, item: ItemProgress) -> str:
        """Return an item's line."""
        look, ink = STATUS_LOOKS[item.status], self._look.ink
        parts = [look.icon if self._look.icons else ink(look.word.ljust(self._mark), look.colour)]
        parts.append(_fit(item.item, self._id, pad=True))
        if self._bar:
            parts.append(self._bar_of(item))
        if self._message:
            parts.append(_fit(_message_of(item), self._message, pad=True))
        if self._amount:
            parts.append(self._amounts[item.item].rjust(self._amount))
        if self._time:
            parts.append(ink(self._times[item.item], "dim"))
        return " ".join(parts).rstrip()

    def _bar_of(self, item: ItemProgress) -> str:
        full, half, rest = ("━", "╸", "─") if self._look.icons else ("#", "", ".")
        colour = STATUS_LOOKS[item.status].colour
        width, filled = self._bar, _filled(item, self._bar)
        whole = int(filled)
        done = full * whole
        if half and filled - whole >= 0.5:
            done += half
        return self._look.ink(done, colour) + self._look.ink(rest * (width - len(done)), "dim")


def _filled(item: ItemProgress, width: int) -> float:
    if item.status is ProgressStatus.COMPLETE_SUCCESS:
        return width
    total = item.limit.total if item.limit is not None else None
    if not total:
        return 0
    return width * min(1.0, item.position / total)


def _message_of(item: ItemProgress) -> str:
    if item.status is ProgressStatus.WAITING and item.waiting_for:
        return f"waits for a place of {item.waiting_for}"
    return visible(" ".join(item.message.split()))


def _time_of(item: ItemProgress) -> str:
    if item.elapsed is None or item.status.is_complete:
        return ""
    if item.eta is None:
        return duration(item.elapsed)
    return f"{duration(item.elapsed)}, eta {duration(item.eta)}"


def _fit(text: str, width: int, *, pad: bool = False) -> str:
    """Cut a text to a number of cells, saying so, or fill it up."""
    text = visible(text)
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, max(0, width - 1)) + "…" if width > 0 else ""
    return text + " " * (width - length) if pad else text
