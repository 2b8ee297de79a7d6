"""Items that begin side by side are recorded in one place."""

from pathlib import Path

import pytest
from tests.running import run

from irenic import Flow
from irenic.items import TextFile
from irenic.stores import MemoryStore


async def test_items_that_begin_together_in_a_new_place_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them would leave a mark, and the last one would count."""
    monkeypatch.chdir(tmp_path)
    flow, store = Flow("side_by_side"), MemoryStore()
    names = [f"file_{number}" for number in range(20)]
    for name in names:
        flow.add(TextFile(name), dest=f"{name}.txt", text=name)
    outcome = await run(store, flow, "ensure")
    assert outcome.kind == "complete"
    stored = (await store.states("side_by_side", "default")).items
    assert len({entry.place.id for entry in stored.values() if entry.place is not None}) == 1
    assert {name for name, entry in stored.items() if entry.place is None or entry.elsewhere} == set()
