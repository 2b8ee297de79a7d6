"""An outcome as a Markdown summary, for the page of a CI run."""

import html
from collections.abc import Iterator

from irenic.endpoints.outcome_text import CommandLine, headline_icon, headline_verb, next_command
from irenic.endpoints.wording import clock, count_of, duration, one_line
from irenic.model.outcome import CmdOutcome
from irenic.model.progress import ExecutionProgress
from irenic.model.timestamps import seconds_between

LONGEST_STATE = 200
MOST_ROWS = 1000
"""A summary of a CI run may not grow without bounds."""


def markdown_summary(
    outcome: CmdOutcome, progress: ExecutionProgress | None = None, command_line: CommandLine | None = None
) -> str:
    """Return an outcome as Markdown, ending in an empty line, so that summaries can follow one another."""
    return "\n".join([*_lines(outcome, progress, command_line), "", ""])


def _lines(outcome: CmdOutcome, progress: ExecutionProgress | None, command_line: CommandLine | None) -> Iterator[str]:
    took = duration(seconds_between(outcome.started_at, outcome.ended_at))
    items = outcome.items
    total = len(items.done) + len(items.not_done) + len(items.unknown)
    yield f"### {headline_icon(outcome)} {headline_verb(outcome)}: {outcome.flow}/{outcome.profile}"
    yield ""
    yield f"{len(items.done)} of {count_of(total, 'item')} done in {took} · execution `{outcome.execution_id}`"
    if outcome.message:
        yield ""
        yield _text(outcome.message)
    if total:
        yield ""
        yield from _table(outcome, progress)
    for item, error in outcome.errors.items():
        yield ""
        yield f"**{item}**{f' in {error.phase}' if error.phase else ''}: {_text(error.type)}"
        yield ""
        yield from _code("\n".join([error.message, *(f"because of {cause}" for cause in error.causes)]))
    for item, refusal in outcome.refusals.items():
        if refusal.reason != "held":
            yield ""
            yield f"**{item}**: {_text(refusal.message)}"
    if outcome.interrupt is not None:
        interrupt = outcome.interrupt
        reason = f": {_text(interrupt.reason)}" if interrupt.reason else ""
        yield ""
        yield (
            f"Stop asked by **{_text(interrupt.source)}** at {clock(interrupt.requested_at)} UTC, "
            f"level {interrupt.level.word}{reason}"
        )
    following = next_command(outcome, command_line)
    if following:
        yield ""
        yield f"Next: `{following}`"


def _table(outcome: CmdOutcome, progress: ExecutionProgress | None) -> Iterator[str]:
    yield "| | item | | time | state |"
    yield "|---|---|---|---:|---|"
    items = outcome.items
    rows = [("✅", item, "done") for item in items.done]
    rows += [("❓", item, "unknown") for item in items.unknown]
    rows += [("❌", i, "failed") if i in outcome.errors else ("⚪", i, "not done") for i in items.not_done]
    order = {item: number for number, item in enumerate(outcome.states)}
    rows.sort(key=lambda row: order.get(row[1], len(order)))
    for icon, item, word in rows[:MOST_ROWS]:
        entry = progress.items.get(item) if progress is not None else None
        time = duration(entry.elapsed) if entry is not None and entry.elapsed is not None else ""
        told = entry.message if entry is not None and entry.message == "nothing to do" else word
        states = outcome.states.get(item)
        state = one_line(states.current) if states is not None and states.current else ""
        if len(state) > LONGEST_STATE:
            state = f"{state[:LONGEST_STATE]}…"
        yield f"| {icon} | {item} | {told} | {time} | {_text(state)} |"
    if len(rows) > MOST_ROWS:
        yield f"| | … and {count_of(len(rows) - MOST_ROWS, 'more item')} | | | |"


def _text(text: str) -> str:
    """Return text that means itself in a table cell of Markdown."""
    plain = html.escape(" ".join(text.split()), quote=False)
    for character in "\\`*_[]|~":
        plain = plain.replace(character, f"\\{character}")
    return plain


def _code(text: str) -> Iterator[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    yield fence
    yield text
    yield fence
