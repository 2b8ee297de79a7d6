"""Journals written by hand."""

from typing import Any

from irenic.model import events as e
from irenic.model.cmd import Block, Cmd
from irenic.model.events import JournalEvent

AT = "2026-01-31T08:15:{seconds:06.3f}Z"


class Journal:
    """Numbers events as they are added; each comes a second after the one before it."""

    def __init__(self, execution_id: str = "01J00000000000000000000000") -> None:
        self.execution_id = execution_id
        self.events: list[JournalEvent] = []

    def add(self, kind: type[e.Event], **fields: Any) -> "Journal":
        """Add an event."""
        seq = len(self.events)
        event: Any = kind(execution_id=self.execution_id, seq=seq, at=AT.format(seconds=seq), **fields)
        self.events.append(event)
        return self

    def started(self, *items: str, cmds: tuple[Cmd, ...] = (Cmd.ENSURE,), **fields: Any) -> "Journal":
        """Begin with an execution of a short plan."""
        plan = fields.pop("plan", [[Block.STATES_DISCOVER, Block.APPLY] for _ in cmds])
        return self.add(
            e.ExecutionStarted, flow="f", profile="default", cmds=list(cmds), plan=plan, items=list(items), **fields
        )

    def block(self, block: Block, cmd: Cmd = Cmd.ENSURE) -> "Journal":
        """Begin a block."""
        return self.add(e.BlockStarted, cmd=cmd, block=block)

    def block_done(self, block: Block, cmd: Cmd = Cmd.ENSURE) -> "Journal":
        """End a block."""
        return self.add(e.BlockEnded, cmd=cmd, block=block)

    def applying(self, *items: str, **fields: Any) -> "Journal":
        """Begin with an execution that has come to its apply block."""
        self.started(*items, **fields).add(e.CmdStarted, cmd=Cmd.ENSURE)
        return self.block(Block.STATES_DISCOVER).block_done(Block.STATES_DISCOVER).block(Block.APPLY)

    def intent(self, item: str, current: Any = None, target: Any = None, direction: str = "ensure") -> "Journal":
        """Say what is about to be done."""
        hashes = {"params_hash": "p", "code_hash": "c"}
        return self.add(e.ItemIntent, item=item, direction=direction, current=current, target=target, **hashes)

    def result(self, item: str, result: str, direction: str = "ensure", **fields: Any) -> "Journal":
        """Say how it ended."""
        return self.add(e.ItemResult, item=item, direction=direction, result=result, **fields)
