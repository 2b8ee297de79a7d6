"""What is left over is removed where that was asked for, unless another item stands for it now."""

from pathlib import Path

from irenic import CmdExecRequest, CmdExecutionMap, CmdOutcome
from irenic.engine.platform import Platform
from irenic.flow.script import load_flow
from irenic.items.files_disk import DiskFiles
from irenic.items.platform import platform
from irenic.model.states import FlowStates
from irenic.stores import MemoryStore

SOURCE = """
from irenic import Flow
from irenic.items import TextFile

flow = Flow("notes")
"""
ONE = 'flow.add(TextFile("one"), dest="one.txt", text="1")\n'
TWO = 'flow.add(TextFile("two"), dest="two.txt", text="2")\n'


class Notes:
    """A flow file that changes, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = MemoryStore()

    async def run(self, items: str, cmd: str = "ensure", *, prune: bool = False) -> CmdOutcome:
        """Run a command on the flow with these items."""
        flow = load_flow(SOURCE + items, "notes.py")
        here = Platform(files=DiskFiles(self._folder), http=platform().http)
        async with CmdExecutionMap(self._store, platform=here) as executions:
            return await executions.submit(CmdExecRequest(flow=flow, cmds=[cmd], prune=prune))

    @property
    def files(self) -> dict[str, str]:
        """The folder's files and their texts."""
        return {path.name: path.read_text() for path in sorted(self._folder.glob("*.txt"))}

    async def stored(self) -> FlowStates:
        """Return what is stored of the flow."""
        return await self._store.states("notes", "default")


async def test_prune_removes_what_the_flow_no_longer_names(tmp_path: Path) -> None:
    """And says so in the outcome."""
    notes = Notes(tmp_path)
    await notes.run(ONE + TWO)
    outcome = await notes.run(ONE, prune=True)
    assert (outcome.kind, outcome.items.done) == ("complete", ["one", "two"])
    assert outcome.notes["two"].message == "it was left over"
    assert outcome.leftovers == []
    assert notes.files == {"one.txt": "1"}
    assert list((await notes.stored()).items) == ["one"]


async def test_prune_keeps_the_file_of_an_item_that_was_renamed(tmp_path: Path) -> None:
    """The file is the renamed item's from then on, so that clean removes it."""
    notes, renamed = Notes(tmp_path), TWO.replace('"two"', '"second"')
    await notes.run(ONE + TWO)
    await notes.run(ONE + renamed)
    pruned = await notes.run(ONE + renamed, prune=True)
    assert (pruned.kind, pruned.leftovers) == ("complete", [])
    assert notes.files == {"one.txt": "1", "two.txt": "2"}
    assert set((await notes.stored()).items) == {"one", "second"}
    await notes.run(ONE + renamed, "clean")
    assert notes.files == {}


async def test_prune_keeps_the_files_of_items_that_changed_places(tmp_path: Path) -> None:
    """Each former file is what the other item stands for now."""
    notes = Notes(tmp_path)
    swapped = ONE.replace("one.txt", "two.txt") + TWO.replace("two.txt", "one.txt")
    await notes.run(ONE + TWO)
    outcome = await notes.run(swapped, prune=True)
    assert (outcome.kind, outcome.leftovers) == ("complete", [])
    notes_of_former = {item: note.message for item, note in outcome.notes.items() if "#" in item}
    assert notes_of_former == {"one#1": "two stands for it now", "two#1": "one stands for it now"}
    assert notes.files == {"one.txt": "2", "two.txt": "1"}
    again = await notes.run(swapped, prune=True)
    assert (again.notes, again.drift) == ({}, {})
    await notes.run(swapped, "clean")
    assert notes.files == {}
    assert (await notes.stored()).items["one"].is_made is False
