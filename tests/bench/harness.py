"""Measure side by side, in alternating rounds, and say whether each goal holds.

What counts is a ratio of two medians of one run: machines differ, and are seldom alone with us. Rows are printed as a
table and kept in `build/bench.json`, where a benchmark replaces its own rows and leaves the others'.
"""

import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[2] / "build" / "bench.json"
ROUNDS = 5

Measure = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One thing that was measured, against another; the goal is the largest ratio that will do."""

    name: str
    ours: float
    other: float
    other_name: str
    unit: str
    goal: float

    @property
    def ratio(self) -> float:
        """How much of the other ours is."""
        return self.ours / self.other if self.other else float("inf")

    @property
    def holds(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio <= self.goal


def alternate(measures: Mapping[str, Measure], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Call every measure once a round, in an order that is turned round each time; return what each gave."""
    given: dict[str, list[float]] = {name: [] for name in measures}
    names = list(measures)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            given[name].append(measures[name]())
    return given


def medians(measures: Mapping[str, Measure], rounds: int = ROUNDS) -> dict[str, float]:
    """Measure in alternating rounds and return the median of each."""
    return {name: statistics.median(values) for name, values in alternate(measures, rounds).items()}


def quantile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that at least this part of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-part * len(ordered) // 1) - 1))]


def report(rows: Sequence[Row]) -> int:
    """Print rows, keep them, and return the exit code: 1 where a goal is missed."""
    for line in table(rows):
        sys.stdout.write(f"{line}\n")
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    new = [{**asdict(row), "ratio": row.ratio, "holds": row.holds} for row in rows]
    names = {row.name for row in rows}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps([*(row for row in kept if row["name"] not in names), *new], indent=1))
    return 0 if all(row.holds for row in rows) else 1


def table(rows: Sequence[Row]) -> list[str]:
    """Write rows as lines of a table."""
    cells = [("what", "ours", "other", "against", "ratio", "goal", "")]
    for row in rows:
        word = "holds" if row.holds else "MISSED"
        ours, other = (f"{value:,.4g} {row.unit}".strip() for value in (row.ours, row.other))
        cells.append((row.name, ours, other, row.other_name, f"{row.ratio:.3f}", f"<= {row.goal:g}", word))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
