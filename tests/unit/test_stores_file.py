"""FileStore: what it keeps through crashes, what it refuses, and how it shares a folder with other processes."""

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.items import Thing, World
from tests.journals import Script

from irenic import CmdExecRequest, CmdExecutionMap, Flow
from irenic.items.disk import write_file_durably
from irenic.model.errors import CorruptStoreError, FencedError, HeldError, StoreError
from irenic.model.ids import new_execution_id
from irenic.model.interrupt import InterruptReply, InterruptSignal
from irenic.model.outcome import Lost
from irenic.stores import FileStore, file_layout
from irenic.stores.file_layout import FORMAT


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FileStore]:
    """An empty store."""
    made = FileStore(tmp_path / "store")
    yield made
    await made.close()


def journal_of(root: Path, script: Script) -> Path:
    """Return the file of an execution's journal."""
    return root / f"store/flows/{script.flow}/{script.profile}/executions/{script.id[:4]}/{script.id}.jsonl"


HOLDER = """
import asyncio, sys
from tests.journals import Script
from irenic.stores import FileStore

async def main(root, execution_id):
    store = FileStore(root)
    script = Script(execution_id=execution_id)
    stopped = asyncio.Event()
    def interrupted(signal):
        print("interrupted", signal.reason, flush=True)
    def lost(why):
        print("lost", why, flush=True)
    told = {"on_interrupt": interrupted, "on_lost": lost}
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada", **told)
    journal = await store.create(script.record(fencing=lease.info.fencing), lease)
    script.write(journal, script.started(), script.intent("a", None, {"v": 1}))
    await journal.durable()
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        try:
            script.write(journal, script.status("a", line.strip()))
            await journal.durable()
            print("written", flush=True)
        except Exception as error:
            print(type(error).__name__, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def another_process(root: Path, execution_id: str) -> AsyncIterator[Process]:
    """Run a process that holds ``flow/dev`` and writes an event for each line that it is sent, until the block ends."""
    command = [sys.executable, "-c", HOLDER, str(root / "store"), execution_id]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=Path(__file__).parents[2])
    try:
        assert await said(process) == "ready"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(process: Process) -> str:
    """Return the next line that a process prints."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()


async def test_a_killed_holder_frees_the_profile_and_its_execution_is_lost(store: FileStore, tmp_path: Path) -> None:
    """At once for readers, and recorded when the next one takes the lease."""
    script = Script()
    async with another_process(tmp_path, script.id) as holder:
        alive = await store.execution(script.id)
        with pytest.raises(HeldError, match=rf"held by ada .*process {holder.pid} on .*interrupt {script.id}"):
            await store.lease("flow", "dev", execution_id=new_execution_id(), holder="bob")
        holder.kill()
        await holder.wait()
        seen = await store.execution(script.id), await store.outcome(script.id)
        lease = await store.lease("flow", "dev", execution_id=new_execution_id(), holder="bob")

    assert alive is not None
    assert alive.status == "running"
    assert seen[0] is not None
    assert seen[0].status == "lost"
    assert isinstance(seen[1], Lost)
    assert seen[1].items.unknown == ["a"]
    assert await store.outcome(script.id) == seen[1]
    assert (await store.states("flow", "dev")).items["a"].unknown
    await lease.release()


async def test_a_holder_in_another_process_can_be_interrupted(store: FileStore, tmp_path: Path) -> None:
    """Twice, so that the level may rise."""
    script = Script()
    async with another_process(tmp_path, script.id) as holder:
        replies = [await store.interrupt(script.id, InterruptSignal(reason=reason)) for reason in ("one", "two")]
        heard = [await said(holder), await said(holder)]

    assert replies == [InterruptReply.REQUESTED] * 2
    assert heard == ["interrupted one", "interrupted two"]


async def test_a_holder_in_another_process_can_be_taken_over_from(store: FileStore, tmp_path: Path) -> None:
    """It is told, and what it still wants to write is refused."""
    script = Script()
    async with another_process(tmp_path, script.id) as holder:
        lease = await store.lease("flow", "dev", execution_id=new_execution_id(), holder="bob", take_over=True)
        events = await store.events(script.id)
        assert holder.stdin is not None
        holder.stdin.write(b"late\n")
        answers = {(await said(holder)).partition(" ")[0] for _ in range(2)}

    assert answers == {"lost", "FencedError"}
    assert await store.events(script.id) == events
    assert isinstance(await store.outcome(script.id), Lost)
    await lease.release()


@pytest.mark.parametrize("damaged", ["lease", "interrupt"])
async def test_one_look_that_fails_does_not_end_the_watch(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    """A file that was damaged, or that could not be read once, is looked at again."""
    looked_in_vain = asyncio.Event()
    monkeypatch.setattr("irenic.stores.file_lease._log.warning", lambda *args: looked_in_vain.set())
    script = Script()
    heard: asyncio.Queue[InterruptSignal] = asyncio.Queue()
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada", on_interrupt=heard.put_nowait)
    await store.create(script.record(fencing=lease.info.fencing), lease)
    profile = tmp_path / "store/flows/flow/dev"
    if damaged == "lease":
        path = profile / "lease.json"
        whole = path.read_bytes()
        write_file_durably(path, b"garbage")
        await asyncio.wait_for(looked_in_vain.wait(), 30)
        write_file_durably(path, whole)
    else:
        (profile / "interrupts").mkdir()
        (profile / "interrupts" / "1.json").write_bytes(b"garbage")
        assert (await asyncio.wait_for(heard.get(), 30)).source == "other"

    reply = await store.interrupt(script.id, InterruptSignal(reason="lunch"))

    assert reply is InterruptReply.REQUESTED
    assert (await asyncio.wait_for(heard.get(), 30)).reason == "lunch"
    await lease.release()


async def test_a_reader_in_another_process_sees_durable_events(store: FileStore, tmp_path: Path) -> None:
    """Each as soon as it is acknowledged."""
    script = Script()
    async with another_process(tmp_path, script.id) as holder:
        assert holder.stdin is not None
        for number in range(3):
            holder.stdin.write(b"more\n")
            assert await said(holder) == "written"
            assert len(await store.events(script.id)) == 3 + number


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The files that journals were synced to, each time they were."""
    handles: list[int] = []
    sync = os.fdatasync

    def counted(handle: int) -> None:
        handles.append(handle)
        sync(handle)

    monkeypatch.setattr(os, "fdatasync", counted)
    return handles


async def test_many_waiters_share_one_sync(store: FileStore, syncs: list[int]) -> None:
    """A hundred items that wait together cost two syncs: one under way, and one for all that came meanwhile."""
    script = Script()
    journal = await store.create(script.record(), None)

    async def one(number: int) -> None:
        journal.append(script.status("a", str(number)))
        await journal.durable()

    async with asyncio.TaskGroup() as tasks:
        for number in range(100):
            tasks.create_task(one(number))

    assert len(syncs) <= 2


async def test_what_is_durable_is_not_synced_again(store: FileStore, syncs: list[int]) -> None:
    """Nor where its last waiter has only just been told."""
    script = Script()
    journal = await store.create(script.record(), None)
    script.write(journal, script.started())
    for _ in range(2):
        await journal.durable()
    assert len(syncs) == 1


async def test_results_share_a_sync_with_the_intents_of_the_items_that_come_next(
    store: FileStore, syncs: list[int]
) -> None:
    """An item that only waits for its result to be durable does not hold up another that may run beside it."""
    world = World()
    flow = Flow("wide")
    for name in "abcdefghijkl":
        flow.add(Thing(name, world))
    async with CmdExecutionMap(store) as executions:
        assert (await executions.submit(CmdExecRequest(flow=flow, max_concurrency=4))).kind == "complete"
    begin_and_end, intents, both, results = 3, 1, 2, 1
    assert len(syncs) == begin_and_end + intents + both + results


async def test_where_nothing_was_written_no_checkpoint_is(store: FileStore, tmp_path: Path) -> None:
    """The states of a profile that is new are none."""
    await store.lease("flow", "dev", execution_id=new_execution_id(), holder="ada")
    assert not (tmp_path / "store/flows/flow/dev/states.json").exists()
    assert (await store.states("flow", "dev")).items == {}


async def test_events_that_nobody_waits_for_are_written_soon(store: FileStore, tmp_path: Path) -> None:
    """So that others see them, and a crash loses little."""
    script = Script()
    journal = await store.create(script.record(), None)

    journal.append(script.started())

    async def seen() -> None:
        while await store.events(script.id) != script.events:  # noqa: ASYNC110 - a disk sets no event
            await asyncio.sleep(0.02)

    await asyncio.wait_for(seen(), 30)


@pytest.mark.parametrize("line", [1, 2, 3])
async def test_a_changed_line_is_refused_with_file_and_line(store: FileStore, tmp_path: Path, line: int) -> None:
    """Neither reading nor the next execution goes over it."""
    script = Script()
    await script.run(store, finish=False)
    path = journal_of(tmp_path, script)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(script.id.encode(), script.id[::-1].encode())
    path.write_bytes(b"".join(lines))

    other = FileStore(tmp_path / "store")
    with pytest.raises(CorruptStoreError, match=rf"{path}, line {line}:"):
        await other.events(script.id)
    with pytest.raises(CorruptStoreError, match=rf"{path}, line {line}:"):
        await other.lease("flow", "dev", execution_id=new_execution_id(), holder="bob")


async def test_a_missing_line_is_refused(store: FileStore, tmp_path: Path) -> None:
    """The numbers of the events have no gaps."""
    script = Script()
    await script.run(store, finish=False)
    path = journal_of(tmp_path, script)
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[2]
    path.write_bytes(b"".join(lines))

    with pytest.raises(CorruptStoreError, match=r"line 3:"):
        await FileStore(tmp_path / "store").events(script.id)


@pytest.mark.parametrize("damage", [b"garbage", b""])
async def test_a_damaged_journal_does_not_hide_the_others(
    store: FileStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    """The list leaves it out, and the log names its file."""
    scripts = [Script(), Script(), Script()]
    for script in scripts:
        await script.run(store)
    await store.close()
    path = journal_of(tmp_path, scripts[1])
    path.write_bytes(damage + path.read_bytes()[len(damage) or 10_000 :])

    listed = await FileStore(tmp_path / "store").executions()

    assert {record.id for record in listed.items} == {scripts[0].id, scripts[2].id}
    assert str(path) in caplog.text


@pytest.mark.parametrize("name", ["states.json", "lease.json", "inputs.json"])
async def test_another_damaged_file_is_refused_by_name(store: FileStore, tmp_path: Path, name: str) -> None:
    """Nothing is guessed."""
    await store.save_inputs("flow", "dev", {"a": 1})
    await Script().run(store)
    path = tmp_path / "store/flows/flow/dev" / name
    path.write_bytes(path.read_bytes()[:-5])
    other = FileStore(tmp_path / "store")

    with pytest.raises(CorruptStoreError, match=str(path)):
        await (other.inputs("flow", "dev") if name == "inputs.json" else other.states("flow", "dev"))


async def test_states_are_made_anew_from_the_journals(store: FileStore, tmp_path: Path) -> None:
    """Where the checkpoint is gone."""
    await Script().run(store)
    second = Script()
    lease = await store.lease("flow", "dev", execution_id=second.id, holder="ada")
    journal = await store.create(second.record(fencing=lease.info.fencing), lease)
    second.write(journal, second.started(), second.result("a", {"v": 2}), second.result("b", {"v": 3}))
    await journal.finish(second.outcome())
    await lease.release()
    states = await store.states("flow", "dev")

    (tmp_path / "store/flows/flow/dev/states.json").unlink()

    assert await FileStore(tmp_path / "store").states("flow", "dev") == states
    assert states.items["a"].current == {"v": 2}


async def test_a_full_disk_is_told_and_nothing_half_written_stays(tmp_path: Path) -> None:
    """The line that did not fit is cut off again; what was acknowledged is there."""
    script = (
        "import asyncio, resource, signal, sys\n"
        "from tests.journals import Script\n"
        "from irenic.stores import FileStore\n"
        "from irenic.model.errors import StoreError\n"
        "async def main():\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "    store, script = FileStore(sys.argv[1]), Script(execution_id=sys.argv[2])\n"
        "    journal = await store.create(script.record(), None)\n"
        "    script.write(journal, script.started())\n"
        "    for number in range(100):\n"
        "        try:\n"
        "            journal.append(script.status('a', 'x' * 1000))\n"
        "            await journal.durable()\n"
        "        except StoreError as error:\n"
        "            print(number, error)\n"
        "            break\n"
        "asyncio.run(main())\n"
    )
    made = Script()
    command = [sys.executable, "-c", script, str(tmp_path / "store"), made.id]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=Path(__file__).parents[2])
    output, _ = await process.communicate()

    acknowledged, _, told = output.decode().partition(" ")
    events = await FileStore(tmp_path / "store").events(made.id)
    assert "could not be written" in told
    assert "What was acknowledged before is kept." in told
    assert len(events) == 1 + int(acknowledged)
    assert journal_of(tmp_path, made).read_bytes().endswith(b"]\n")


async def test_after_an_error_of_the_disk_nothing_more_is_taken(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync that failed once cannot be trusted to have kept anything since."""
    script = Script()
    journal = await store.create(script.record(), None)

    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    script.write(journal, script.started())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        with pytest.raises(StoreError, match="Input/output error"):
            await journal.durable()
    script.write(journal, script.status("a"))

    with pytest.raises(StoreError, match="Input/output error"):
        await journal.durable()


async def test_reading_does_not_make_the_folder(tmp_path: Path) -> None:
    """Only writing does."""
    store = FileStore(tmp_path / "store")

    await store.states("flow", "dev")
    await store.executions()

    assert not (tmp_path / "store").exists()


async def test_a_folder_with_other_files_is_no_store(tmp_path: Path) -> None:
    """Nothing is written among somebody's files."""
    (tmp_path / "letter.txt").write_text("dear")
    store = FileStore(tmp_path)

    with pytest.raises(StoreError, match="is not a store"):
        await store.save_inputs("flow", "dev", {})
    with pytest.raises(StoreError, match="is not a store"):
        await store.states("flow", "dev")

    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


async def test_a_store_of_a_newer_format_is_left_alone(store: FileStore, tmp_path: Path) -> None:
    """With what to do about it."""
    await Script().run(store)
    (tmp_path / "store/format.json").write_text(json.dumps({"format": FORMAT + 1}))

    with pytest.raises(StoreError, match="use a newer irenic"):
        await FileStore(tmp_path / "store").states("flow", "dev")


async def test_a_store_of_an_older_format_is_brought_up_step_by_step(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that was cut off is done again, one that was finished is not."""
    script = Script()
    await script.run(store)
    done: list[str] = []

    def first(root: Path) -> None:
        done.append("first")

    def second(root: Path) -> None:
        done.append("second")
        if len(done) == 2:
            raise RuntimeError("cut off")
        (root / "flows/flow/dev/executions/new").mkdir()

    monkeypatch.setattr(file_layout, "MIGRATIONS", {FORMAT: first, FORMAT + 1: second})
    monkeypatch.setattr(file_layout, "FORMAT", FORMAT + 2)
    layout = file_layout.Layout(tmp_path / "store")

    with pytest.raises(RuntimeError, match="cut off"):
        layout.look()
    assert await FileStore(tmp_path / "store").events(script.id) == script.events

    assert done == ["first", "second", "second"]
    assert json.loads((tmp_path / "store/format.json").read_text()) == {"format": FORMAT + 2}


async def test_a_store_of_a_format_that_nobody_knows_any_more_is_refused(store: FileStore, tmp_path: Path) -> None:
    """Rather than read wrongly."""
    await Script().run(store)
    (tmp_path / "store/format.json").write_text(json.dumps({"format": 0}))

    with pytest.raises(StoreError, match="cannot bring up"):
        await FileStore(tmp_path / "store").executions()


async def test_compressed_journals_tell_the_same(store: FileStore, tmp_path: Path) -> None:
    """Records, events and outcomes; the newest and the last of each profile are left as they are."""
    scripts = [Script() for _ in range(6)]
    for script in scripts:
        await script.run(store)
    before = [await store.execution(script.id) for script in scripts]

    count = await store.compact(keep=2)

    other = FileStore(tmp_path / "store")
    assert count == 4
    assert sorted(path.suffix for path in (tmp_path / "store").rglob("01*.*")) == [".gz"] * 4 + [".jsonl"] * 2
    assert [await other.execution(script.id) for script in scripts] == before
    assert [await other.events(script.id) for script in scripts] == [script.events for script in scripts]
    assert await other.events(scripts[0].id, after=1, limit=1) == scripts[0].events[2:3]
    assert [await other.outcome(script.id) for script in scripts] == [script.outcome() for script in scripts]
    assert await store.compact(keep=2) == 0
    with pytest.raises(StoreError, match="already"):
        await other.create(scripts[0].record(), None)


async def test_pruned_executions_are_gone_and_the_states_stay(store: FileStore) -> None:
    """But never the one that wrote last, nor one that still runs."""
    scripts = [Script() for _ in range(4)]
    for script in scripts:
        await script.run(store)
    running = Script()
    await store.create(running.record(), None)
    states = await store.states("flow", "dev")
    await store.compact(keep=3)

    count = await store.prune(keep=0)

    assert count == 3
    left = [record.id for record in (await store.executions()).items]
    assert left == [running.id, scripts[3].id]
    assert await store.states("flow", "dev") == states


async def test_opening_reads_as_little_with_many_executions_as_with_few(tmp_path: Path) -> None:
    """The files that are opened to begin an execution do not grow in number with the history."""
    opened: list[str] = []
    is_counting = False

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if is_counting and event == "open" and str(tmp_path) in str(arguments[0]):
            opened.append(str(arguments[0]))

    sys.addaudithook(hook)  # stays until the process ends, but does nothing then
    counts = []
    for number in (3, 60):
        root = tmp_path / str(number)
        first = FileStore(root)
        for _ in range(number):
            await Script().run(first)
        await first.close()
        store, script = FileStore(root), Script()
        opened.clear()
        is_counting = True
        lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada")
        await store.states("flow", "dev")
        await store.create(script.record(), lease)
        await store.executions(limit=3)
        is_counting = False
        counts.append(len(opened))
        await store.close()

    assert counts[0] == counts[1]


async def test_an_id_that_is_no_file_name_is_refused(store: FileStore) -> None:
    """It cannot lead out of the folder."""
    script = Script(execution_id="../../etc")

    with pytest.raises(StoreError, match="cannot be the id"):
        await store.create(script.record(), None)

    assert await store.execution("../../etc/passwd") is None


async def test_closing_gives_back_leases_and_leaves_what_runs_to_be_lost(tmp_path: Path) -> None:
    """As if the process had ended."""
    script = Script()
    store = FileStore(tmp_path / "store")
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada")
    journal = await store.create(script.record(fencing=lease.info.fencing), lease)
    script.write(journal, script.started())
    await journal.durable()

    await store.close()

    other = FileStore(tmp_path / "store")
    assert isinstance(await other.outcome(script.id), Lost)
    await (await other.lease("flow", "dev", execution_id=new_execution_id(), holder="bob")).release()


async def test_the_folder_is_kept_out_of_version_control_and_from_other_users(store: FileStore, tmp_path: Path) -> None:
    """States may hold what is nobody else's business."""
    await Script().run(store)

    assert (tmp_path / "store/.gitignore").read_text() == "*\n"
    assert (tmp_path / "store").stat().st_mode & 0o077 == 0


async def test_a_copy_of_the_folder_is_a_store(store: FileStore, tmp_path: Path) -> None:
    """A backup is made by copying."""
    script = Script()
    await script.run(store)
    shutil.copytree(tmp_path / "store", tmp_path / "copy")

    copy = FileStore(tmp_path / "copy")

    assert await copy.events(script.id) == script.events
    assert await copy.states("flow", "dev") == await store.states("flow", "dev")


async def test_a_lost_lease_is_told_at_the_next_write(store: FileStore, tmp_path: Path) -> None:
    """Also before the watch has found it."""
    script = Script()
    lease = await store.lease("flow", "dev", execution_id=script.id, holder="ada")
    journal = await store.create(script.record(fencing=lease.info.fencing), lease)
    other = FileStore(tmp_path / "store")
    taken = await other.lease("flow", "dev", execution_id=new_execution_id(), holder="bob", take_over=True)

    script.write(journal, script.started())
    with pytest.raises(FencedError, match="bob"):
        await journal.finish(script.outcome())

    await taken.release()
    await lease.release()
