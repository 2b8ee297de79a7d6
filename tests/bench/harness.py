"""Measure side by side, in alternating rounds, and say whether each goal holds.

What counts is a ratio of two medians of one run: machines differ, and are seldom alone with us. Rows are printed as a
table and kept in `build/bench.json`, where a benchmark replaces its own rows and leaves the others'.

`python3 build.py bench` runs the benchmarks; by hand they want both folders on the path, as in
`PYTHONPATH=.:web .venv/bin/python -m tests.bench.bench_engine`. With `--quick` a benchmark does the least that shows
that it works: one round of little, whose figures say nothing and are not kept.
"""

import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tooling.paths import BUILD
from tooling.stamps import write_atomically

RESULTS = BUILD / "bench.json"
QUICK = "--quick" in sys.argv[1:]
ROUNDS = 1 if QUICK else 5

Measure = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One thing that was measured, against another; the goal is the largest ratio that will do, None where any will.

    A name begins with the benchmark's, as in `engine: the walk alone`. `ratios` are those of the single rounds, where
    it was measured in rounds.
    """

    name: str
    ours: float
    other: float
    other_name: str
    unit: str
    goal: float | None
    ratios: tuple[float, ...] = ()

    @property
    def ratio(self) -> float | None:
        """How much of the other ours is; None where the other is nothing."""
        return self.ours / self.other if self.other else None

    @property
    def holds(self) -> bool:
        """Whether the goal, if there is one, is reached."""
        return self.goal is None or self.ours <= self.goal * self.other

    @property
    def spread(self) -> str:
        """The least and the greatest ratio of a round."""
        return f"{min(self.ratios):.3f} - {max(self.ratios):.3f}" if self.ratios else ""

    def as_json(self) -> dict[str, Any]:
        """Return what is kept of it."""
        return {
            "name": self.name,
            "ours": self.ours,
            "other": self.other,
            "other_name": self.other_name,
            "ratio": self.ratio,
            "unit": self.unit,
            "goal": self.goal,
            "holds": self.holds,
        }


def compare(
    name: str, ours: Sequence[float], other: Sequence[float], other_name: str, unit: str, goal: float | None
) -> Row:
    """Return the row of two things that were measured in the same rounds: their medians, and each round's ratio."""
    ratios = tuple(mine / theirs for mine, theirs in zip(ours, other, strict=True) if theirs)
    return Row(name, statistics.median(ours), statistics.median(other), other_name, unit, goal, ratios)


def alternate(measures: Mapping[str, Measure], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Call every measure once a round, in an order that is turned round each time; return what each gave."""
    given: dict[str, list[float]] = {name: [] for name in measures}
    names = list(measures)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            given[name].append(measures[name]())
    return given


def quantile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that at least this part of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-part * len(ordered) // 1) - 1))]


def skipped(what: str, why: str) -> None:
    """Say that something was not measured."""
    sys.stdout.write(f"skipped: {what}: {why}\n")


def report(rows: Sequence[Row]) -> int:
    """Print rows, keep them, and return the exit code: 1 where a goal is missed.

    A quick run judges nothing and keeps nothing.
    """
    for line in table(rows):
        sys.stdout.write(f"{line}\n")
    if QUICK:
        return 0
    keep(rows, RESULTS)
    return 0 if all(row.holds for row in rows) else 1


def keep(rows: Sequence[Row], results: Path) -> None:
    """Put rows in the place of those that the same benchmarks gave before."""
    kept = json.loads(results.read_text()) if results.exists() else []
    fresh = {_bench_of(row.name) for row in rows}
    others = [row for row in kept if _bench_of(row["name"]) not in fresh]
    write_atomically(results, json.dumps([*others, *(row.as_json() for row in rows)], indent=1, allow_nan=False))


def _bench_of(name: str) -> str:
    return name.partition(":")[0]


def _verdict(row: Row) -> str:
    if row.goal is None:
        return "no goal"
    return "holds" if row.holds else "MISSED"


def table(rows: Sequence[Row]) -> list[str]:
    """Write rows as lines of a table."""
    cells = [("what", "ours", "other", "against", "ratio", "spread", "goal", "")]
    for row in rows:
        word = "quick" if QUICK else _verdict(row)
        ours, other = (f"{value:,.4g} {row.unit}".strip() for value in (row.ours, row.other))
        ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
        goal = "-" if row.goal is None else f"<= {row.goal:g}"
        cells.append((row.name, ours, other, row.other_name, ratio, row.spread, goal, word))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
