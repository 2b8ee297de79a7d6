"""A flow of files that take 50 ms each, and note in a log when they begin and end."""

import asyncio
import os
import time
from pathlib import Path

from pydantic import BaseModel

from irenic import Flow, Item, ItemContext, PartialParams, StateDiff

ITEMS = 80
ITEM_SECONDS = 0.05
LOG = "log"


class NoteParams(BaseModel):
    """What a note holds."""

    text: str


class NoteState(BaseModel):
    """What a note holds; None where there is none."""

    text: str | None = None


class Note(Item[NoteParams, NoteState]):
    """A file, written at the end of 50 ms."""

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(f"{self.id}.txt")

    async def state_current(self, cx: ItemContext, params: NoteParams) -> NoteState:
        """Read the file."""
        return NoteState(text=self.path.read_text() if self.path.exists() else None)

    async def state_goal(self, cx: ItemContext, params: NoteParams) -> NoteState:
        """Return what it should hold."""
        return NoteState(text=params.text)

    def state_clean(self, params_partial: PartialParams[NoteParams]) -> NoteState:
        """Return what there is without it."""
        return NoteState()

    async def apply(
        self, cx: ItemContext, params: NoteParams, current: NoteState, target: NoteState, diff: StateDiff
    ) -> NoteState:
        """Write the file, slowly."""
        self.note("begin")
        await asyncio.sleep(ITEM_SECONDS)
        self.path.write_text(target.text or "")
        self.note("end")
        return target

    def note(self, what: str) -> None:
        """Add a line to the log, in one write."""
        file = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, f"{what} {self.id} {time.monotonic()}\n".encode())
        os.close(file)


flow = Flow("interrupted")
for number in range(ITEMS):
    flow.add(Note(f"i{number}"), text=str(number))
