"""FileStore in real processes that are killed at any moment: what was acknowledged is never lost."""

import asyncio
import os
import random
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from tests.journals import Script

from irenic.model.outcome import Complete, Lost
from irenic.stores import FileStore

WRITER = """
import asyncio, sys
from tests.journals import Script
from irenic.stores import FileStore

async def main(root):
    store = FileStore(root)
    while True:
        script = Script()
        lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada")
        journal = await store.create(script.record(fencing=lease.info.fencing), lease)
        script.write(journal, script.started(*[f'i{n}' for n in range(8)]))
        async def one(item):
            for step in range(5):
                script.write(journal, script.intent(item, None, {"v": step}), script.status(item, "x" * 50))
                event = script.result(item, {"v": step})
                journal.append(event)
                await journal.durable()
                print("kept", script.id, event.seq, item, step, flush=True)
        async with asyncio.TaskGroup() as tasks:
            for number in range(8):
                tasks.create_task(one(f"i{number}"))
        script.write(journal, script.ended())
        await journal.finish(script.outcome())
        print("ended", script.id, flush=True)
        await lease.release()

asyncio.run(main(sys.argv[1]))
"""

ROUNDS = int(os.environ.get("IRENIC_KILL_ROUNDS", "6"))
"""Kills of each store; more of them make the long form of the test."""


@pytest.mark.parametrize("seed", range(2))
async def test_what_was_acknowledged_survives_kill_at_any_moment(tmp_path: Path, seed: int) -> None:
    """Over many kills of one store: events, states and outcomes, and nothing has to be mended by hand."""
    chance = random.Random(seed)
    root = tmp_path / "store"
    kept: dict[str, dict[int, tuple[str, int]]] = {}
    ended: set[str] = set()
    for _ in range(ROUNDS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(root), stdout=PIPE, cwd=Path(__file__).parents[2]
        )
        assert process.stdout is not None
        lines = [(await process.stdout.readline()).decode() for _ in range(chance.randint(1, 120))]
        await asyncio.sleep(chance.random() * 0.004)
        process.kill()
        rest, _ = await process.communicate()
        for line in [*lines, *rest.decode().splitlines(keepends=True)]:
            match line.split():
                case ["kept", id, seq, item, step] if line.endswith("\n"):
                    kept.setdefault(id, {})[int(seq)] = (item, int(step))
                case ["ended", id] if line.endswith("\n"):
                    ended.add(id)
        await check(root, kept, ended)

    store = FileStore(root)
    await Script().run(store)
    records = (await store.executions(limit=1000)).items
    assert {record.status for record in records} <= {"complete", "lost"}
    assert kept.keys() <= {record.id for record in records}
    await store.close()


async def check(root: Path, kept: dict[str, dict[int, tuple[str, int]]], ended: set[str]) -> None:
    """Assert that a store still knows everything that was acknowledged."""
    store = FileStore(root)
    last = max(kept)
    events = {event.seq: event for event in await store.events(last, limit=10_000)}
    for seq, (item, step) in kept[last].items():
        event = events[seq]
        assert event.kind == "item_result"
        assert (event.item, event.state) == (item, {"v": step})
    states = await store.states("flow", "dev")
    for item, step in kept[last].values():
        entry = states.items[item]
        assert entry.current is not None
        assert entry.current["v"] >= step or entry.execution_id != last
    for id in ended:
        assert isinstance(await store.outcome(id), Complete)
    if last not in ended:
        assert isinstance(await store.outcome(last), (Lost, Complete))
    await store.close()
