"""Every benchmark works, in its quick form, and what should grow evenly does."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.bench import harness
from tests.bench.bench_engine import in_a_process
from tests.bench.harness import RESULTS, Row, compare, keep, table

from tooling.checks import bench_names, run_benchmark

FEW, MANY = 1_000, 8_000
EVENLY = 2.5
"""How much more an item may take among many. Where each looks at all others it is eight times as much."""


def grows_evenly(each: Callable[[int], float], tries: int = 4) -> bool:
    """Return whether what one takes stays about the same as they become more; the best of a few tries counts."""
    few = many = float("inf")
    for _ in range(tries):
        few, many = min(few, each(FEW)), min(many, each(MANY))
        if many <= EVENLY * few:
            return True
    return False


@pytest.mark.parametrize("name", bench_names())
def test_a_benchmark_works(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It prints its rows, and keeps none of a quick run's figures."""
    kept = RESULTS.read_bytes() if RESULTS.exists() else None
    code = run_benchmark(name, "--quick")
    printed, said = capfd.readouterr()
    assert code == 0, said
    assert f"\n{name}: " in printed
    assert (RESULTS.read_bytes() if RESULTS.exists() else None) == kept


@pytest.mark.parametrize("place", [0, 1], ids=["time", "memory"])
def test_the_engine_grows_evenly(place: int) -> None:
    """An item of a large flow takes no more than one of a small flow."""
    assert grows_evenly(lambda count: in_a_process("--grow", count)[place])


def test_what_looks_at_everything_each_time_does_not_grow_evenly() -> None:
    """The test before this one can fail."""
    assert not grows_evenly(lambda count: 5.0 + count / 100)
    assert grows_evenly(lambda count: 5.0 + count.bit_length() / 100)


def test_rows_replace_those_of_the_same_benchmark(tmp_path: Path) -> None:
    """What a benchmark gave before goes, under whatever name; what others gave stays."""
    results = tmp_path / "bench.json"
    keep([Row("engine: old", 1, 2, "b", "us", 1.0), Row("boot: cold", 1, 2, "b", "ms", 1.0)], results)
    keep([compare("engine: new", [3.0, 1.0, 2.0], [4.0, 4.0, 4.0], "b", "us", 0.4)], results)
    old, new = json.loads(results.read_text())
    assert old["name"] == "boot: cold"
    assert new == {
        "name": "engine: new",
        "ours": 2.0,
        "other": 4.0,
        "other_name": "b",
        "ratio": 0.5,
        "unit": "us",
        "goal": 0.4,
        "holds": False,
    }


def test_nothing_beside_nothing_has_no_ratio_and_holds() -> None:
    """JSON knows no infinity."""
    row = Row("interrupt: lost", 0, 0, "signals", "", 0.0)
    assert (row.ratio, row.holds) == (None, True)
    assert not Row("interrupt: lost", 1, 0, "signals", "", 0.0).holds


def test_a_row_without_a_goal_misses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there to be read."""
    monkeypatch.setattr(harness, "QUICK", False)
    row = Row("engine: dask", 3.0, 1.0, "dask", "us", None)
    assert (row.holds, row.as_json()["goal"]) == (True, None)
    assert table([row])[1].split()[-3:] == ["-", "no", "goal"]
    assert table([Row("engine: doit", 3.0, 1.0, "doit", "us", 2.0)])[1].endswith("<= 2  MISSED")
