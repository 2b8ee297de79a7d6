"""ShCommand and TextFile with real processes and files."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.workshop import Workshop, open_workshop

from irenic import Complete, Flow
from irenic.items import ShCommand, TextFile
from irenic.items.children import NativeChildren
from irenic.items.processes import run_script
from irenic.model.errors import StoreError
from irenic.model.events import ChildStarted, ItemResult, JournalEvent, Log


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    """Files, and a store."""
    with open_workshop(tmp_path) as shop:
        yield shop


def file_by_script(shop: Workshop, **scripts: Any) -> Flow:
    """Return a flow with a file that is looked at, made and removed by scripts."""
    flow = Flow("scripts")
    defaults = {
        "current": "cat made 2>/dev/null || true",
        "goal": "echo wanted",
        "ensure": 'echo "$IRENIC_GOAL" > made; echo once >> log',
        "clean": "rm made",
        "env": {"PWD_WANTED": str(shop.root)},
    }
    given = {**defaults, **scripts}
    for name in ("current", "goal", "ensure", "clean"):
        if given[name] is not None:
            given[name] = f'cd "$PWD_WANTED"; {given[name]}'
    flow.add(ShCommand("thing"), **given)
    return flow


async def test_scripts_look_make_and_remove(shop: Workshop) -> None:
    """peace 137: ensure runs when it is needed, not a second time, and clean removes."""
    flow = file_by_script(shop)

    made = await shop.run(flow)
    again = await shop.run(flow)
    files = shop.tree()
    cleaned = await shop.run(flow, "clean")

    assert all(isinstance(outcome, Complete) for outcome in (made, again, cleaned))
    assert files == {"made": b"wanted\n", "log": b"once\n"}
    assert shop.tree() == {"log": b"once\n"}


async def test_an_exit_code_is_an_error_and_tells_the_last_lines_of_stderr(shop: Workshop) -> None:
    """peace ignores it (its hazard 2.9)."""
    flow = file_by_script(shop, ensure="for n in 1 2 3 4 5 6 7; do echo line $n >&2; done; exit 3")

    outcome = await shop.run(flow)

    expected = "the script `ensure` failed with exit code 3:" + "".join(f"\n  line {n}" for n in (3, 4, 5, 6, 7))
    assert outcome.errors["thing"].message == expected


async def test_stderr_goes_to_the_log_line_by_line(shop: Workshop) -> None:
    """Also from scripts that end well."""
    execution = shop.submit(file_by_script(shop, ensure="echo working >&2; echo wanted > made"))

    logged = [event.text for event in [e async for e in execution.events()] if isinstance(event, Log)]

    assert logged == ["working"]


async def test_an_ensure_that_does_not_reach_the_goal_is_an_error(shop: Workshop) -> None:
    """The item is not shown as done when `current` says otherwise."""
    outcome = await shop.run(file_by_script(shop, ensure="echo other > made"))

    assert "prints 'other' now, not 'wanted'" in outcome.errors["thing"].message


async def test_a_goal_that_prints_nothing_is_an_error(shop: Workshop) -> None:
    """Nothing is the clean state."""
    outcome = await shop.run(file_by_script(shop, goal="true"))

    assert "printed nothing" in outcome.errors["thing"].message


async def test_without_a_clean_script_clean_is_an_error(shop: Workshop) -> None:
    """The message says what to do."""
    flow = file_by_script(shop, clean=None)
    await shop.run(flow)

    outcome = await shop.run(flow, "clean")

    assert "has no script `clean`" in outcome.errors["thing"].message


async def test_output_without_end_is_an_error(shop: Workshop) -> None:
    """The script is ended, not read for ever."""
    outcome = await shop.run(file_by_script(shop, current="yes"))

    assert "more than 1,048,576 bytes" in outcome.errors["thing"].message


async def test_a_script_that_is_killed_is_told_by_the_signal(shop: Workshop) -> None:
    """As by the memory killer."""
    outcome = await shop.run(file_by_script(shop, ensure="kill -KILL $$"))

    assert outcome.errors["thing"].message == "the script `ensure` was ended by SIGKILL."


async def started(events: Any) -> int:
    """Wait until a script says its child's process id on stderr."""
    async for event in events:
        if isinstance(event, Log):
            return int(event.text)
    raise AssertionError("the script said nothing")


async def is_gone(pid: int) -> bool:
    """Return whether a process has ended; init may need a moment to take it away."""
    for _ in range(1500):
        with suppress(ProcessLookupError, FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                os.kill(pid, 0)
                await asyncio.sleep(0.02)
                continue
        return True
    return False


@pytest.mark.parametrize(
    "script",
    ["sleep 60 & echo $! >&2; wait", "trap '' TERM; sleep 60 & echo $! >&2; while true; do wait; done"],
    ids=["ends at SIGTERM", "ignores SIGTERM"],
)
async def test_cancelling_ends_the_whole_process_group(shop: Workshop, script: str) -> None:
    """Children of the script go too; one that ignores the request is killed."""
    execution = shop.submit(file_by_script(shop, ensure=script, grace=0.2), strategy="cancel")
    child = await started(execution.events())

    execution.interrupt()
    outcome = await execution

    assert outcome.is_interrupted
    assert await is_gone(child)


async def test_a_finish_interrupt_lets_the_script_end(shop: Workshop) -> None:
    """Its process group is its own, so Ctrl-C in the terminal would not reach it either."""
    execution = shop.submit(file_by_script(shop, ensure="echo $$ >&2; read line < gate; echo wanted > made"))
    os.mkfifo(shop.root / "gate")
    script = await started(execution.events())
    assert os.getpgid(script) == script != os.getpgid(0)

    execution.interrupt()
    await asyncio.to_thread((shop.root / "gate").write_text, "go\n")
    outcome = await execution

    assert outcome.items.done == ["thing"]


async def test_a_script_begins_only_when_its_process_is_in_the_journal(shop: Workshop) -> None:
    """Else nobody could know it again; where that cannot be written, it never begins."""

    async def refuse(pid: int) -> None:
        raise StoreError("the disk is full")

    script = f"touch {shop.root}/begun"
    with pytest.raises(StoreError, match="the disk is full"):
        await run_script(script, name="ensure", env={}, grace=1, on_start=refuse, on_error_line=print)
    assert shop.tree() == {}

    execution = shop.submit(file_by_script(shop, ensure="echo $$ >&2; echo wanted > made"))
    events = [event async for event in execution.events()]

    kinds = [event.kind for event in events if event.kind in ("item_intent", "child_started", "log")]
    assert kinds == ["item_intent", "child_started", "log", "child_started"]  # the last looks what was made
    child = next(event.child for event in events if isinstance(event, ChildStarted))
    (said,) = (event.text for event in events if isinstance(event, Log))
    assert child.pid == int(said)


def test_a_process_is_not_taken_for_another_of_the_same_id() -> None:
    """Its start counts, and the machine since that was started."""
    children = NativeChildren()
    child = children.describe(os.getpid())
    assert child is not None

    for change in ({"started": "1"}, {"machine": "another"}, {"pid": 2**22 + 1}):
        assert not asyncio.run(children.end(child.model_copy(update=change)))


async def test_a_text_file_is_written_once_mended_and_removed(shop: Workshop) -> None:
    """Content counts."""
    flow = Flow("text")
    flow.add(TextFile("note"), dest="a/note.txt", text="größer\n")

    await shop.run(flow)
    again = await shop.run(flow)
    written = shop.tree()
    (shop.root / "a/note.txt").write_text("changed")
    await shop.run(flow)
    mended = shop.tree()
    await shop.run(flow, "clean")

    events: list[JournalEvent] = await shop.store.events(again.execution_id)
    assert [event.result for event in events if isinstance(event, ItemResult)] == ["unchanged"]
    assert written == mended == {"a/note.txt": "größer\n".encode()}
    assert shop.tree() == {}
