"""FileStore after a crash at any byte: what was acknowledged is there, and the next execution goes on from it."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journals import Script

from irenic.model.errors import CorruptStoreError
from irenic.model.ids import new_execution_id
from irenic.model.outcome import Lost
from irenic.model.states import FlowStates
from irenic.stores import FileStore


class Crashed:
    """A store in whose second execution the process ended, and its journal's file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.first = Script()
        self.second = Script()
        asyncio.run(self._write())
        self.journal = f"flows/flow/dev/executions/{self.second.id[:4]}/{self.second.id}.jsonl"
        self.content = (root / self.journal).read_bytes()
        self.line_ends = [at + 1 for at, byte in enumerate(self.content) if byte == ord("\n")]

    async def _write(self) -> None:
        store, script = FileStore(self.root), self.second
        await self.first.run(store)
        lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada")
        journal = await store.create(script.record(fencing=lease.info.fencing), lease)
        script.write(journal, script.started(), script.found("a", {"v": 1}), script.intent("a", {"v": 1}, {"v": 2}))
        script.write(journal, script.result("a", {"v": 2}), script.status("b", "größer"), script.intent("b", None, {}))
        script.write(journal, script.result("b", {"v": 3}), script.ended())
        await journal.durable()
        await store.close()

    def events_before(self, byte: int) -> int:
        """Return how many events are whole in the first bytes of the journal."""
        return max(0, sum(end <= byte for end in self.line_ends) - 1)


@pytest.fixture(scope="module")
def crashed() -> Iterator[Crashed]:
    """One store, of which each example works on a copy."""
    with tempfile.TemporaryDirectory() as folder:
        yield Crashed(Path(folder) / "store")


async def goes_on(root: Path, crashed: Crashed, whole: int) -> None:
    """Assert that a store goes on from the first ``whole`` events of its second execution."""
    store, third = FileStore(root), Script()
    events = crashed.second.events[:whole]
    expected = FlowStates(flow="flow", profile="dev")
    for event in [*crashed.first.events, *events]:
        expected.apply(event)

    assert await store.events(crashed.second.id) == events
    assert await store.states("flow", "dev") == expected
    await third.run(store)

    record = await store.execution(crashed.second.id)
    outcome = await store.outcome(crashed.second.id)
    assert record is not None
    if whole == len(crashed.second.events):
        assert outcome == crashed.second.outcome()
    else:
        assert isinstance(outcome, Lost)
        assert record.next_seq == whole + 1
    assert (record.status, len(await store.events(crashed.second.id))) == (outcome.kind, record.next_seq)
    for event in third.events:
        expected.apply(event)
    assert await store.states("flow", "dev") == expected
    await store.close()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_journal_cut_at_any_byte_keeps_its_whole_lines(crashed: Crashed, data: st.DataObject) -> None:
    """What is torn is dropped, and the next execution is not disturbed by it."""
    cut = data.draw(st.integers(crashed.line_ends[0], len(crashed.content)), label="cut at")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(crashed.root, Path(folder) / "copy"))
        (root / crashed.journal).write_bytes(crashed.content[:cut])

        asyncio.run(goes_on(root, crashed, crashed.events_before(cut)))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_last_line_of_rubbish_is_dropped(crashed: Crashed, data: st.DataObject) -> None:
    """As a disk may leave it that had made the file longer before it wrote the content."""
    lines = data.draw(st.integers(1, len(crashed.line_ends)), label="whole lines")
    rubbish = data.draw(st.binary(min_size=1, max_size=200).filter(lambda found: b"\n" not in found), label="rubbish")
    end = data.draw(st.sampled_from([b"", b"\n"]), label="end")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(crashed.root, Path(folder) / "copy"))
        (root / crashed.journal).write_bytes(crashed.content[: crashed.line_ends[lines - 1]] + rubbish + end)

        asyncio.run(goes_on(root, crashed, lines - 1))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_found(crashed: Crashed, data: st.DataObject) -> None:
    """In the last line it means a torn line; anywhere else the file and the line are named."""
    at = data.draw(st.integers(0, len(crashed.content) - 1), label="byte")
    change = data.draw(st.integers(1, 255), label="change")
    content = bytearray(crashed.content)
    content[at] ^= change
    number = 1 + sum(end <= at for end in crashed.line_ends)

    async def read(root: Path) -> None:
        store = FileStore(root)
        if number == len(crashed.line_ends):
            assert await store.events(crashed.second.id) == crashed.second.events[:-1]
            return
        with pytest.raises(CorruptStoreError, match=rf"{crashed.second.id}.jsonl, line {number}:"):
            await store.events(crashed.second.id)
        with pytest.raises(CorruptStoreError, match=rf"{crashed.second.id}.jsonl, line {number}:"):
            await store.lease("flow", "dev", execution_id=new_execution_id(), holder="bob")

    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(crashed.root, Path(folder) / "copy"))
        (root / crashed.journal).write_bytes(bytes(content))

        asyncio.run(read(root))
