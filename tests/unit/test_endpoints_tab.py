"""What the page is told by a tab's core, and how often."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from irenic.endpoints.tab_endpoint import FRAME, MOST_AT_ONCE, TabEndpoint
from irenic.endpoints.tab_messages import Asked, Events, Message, Progress, declared_fields
from irenic.model.cmd import Cmd
from irenic.model.events import Ask, ItemPosition, ItemStatus, JournalEvent
from irenic.model.outcome import Complete
from irenic.model.progress import ExecutionProgress, ItemProgress, ProgressStatus
from irenic.model.record import ExecutionRecord

pytestmark = pytest.mark.virtual_clock

ID = "01M86N631Y6N8W4HV05VCJN393"
AT = "2026-11-24T10:15:00.000Z"


class Execution:
    """An execution as an endpoint sees it, with items that a test moves."""

    def __init__(self, items: int) -> None:
        self.id = ID
        self.record = ExecutionRecord(id=ID, flow="f", profile="p", cmds=[Cmd.ENSURE])
        self.items = {f"i{n}": ItemProgress(item=f"i{n}", status=ProgressStatus.EXEC_PENDING) for n in range(items)}

    @property
    def progress(self) -> ExecutionProgress:
        """A snapshot."""
        return ExecutionProgress(execution_id=ID, items=dict(self.items))

    def move(self, item: str, position: int) -> None:
        """Let an item come on."""
        self.items[item] = ItemProgress(item=item, status=ProgressStatus.RUNNING, position=position)


class Told:
    """An endpoint, and what it has posted."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.endpoint = TabEndpoint(self.messages.append)

    @property
    def progress(self) -> list[list[str]]:
        """The items that each progress message has named."""
        return [list(m.progress.items) for m in self.messages if isinstance(m, Progress)]

    @property
    def events(self) -> list[list[int]]:
        """The numbers of the events in each message."""
        return [[event.seq for event in m.events] for m in self.messages if isinstance(m, Events)]


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    """Make an endpoint; leave no timer behind."""
    made = Told()
    yield made
    await asyncio.sleep(10 * FRAME)


def position(seq: int, item: str = "i0") -> JournalEvent:
    """Return the event that an item has come on."""
    return ItemPosition(execution_id=ID, seq=seq, at=AT, item=item, position=seq)


def status(seq: int, item: str = "i0") -> JournalEvent:
    """Return the event that an item's status has changed."""
    return ItemStatus(execution_id=ID, seq=seq, at=AT, item=item, status=ProgressStatus.RUNNING)


async def test_there_is_one_message_of_events_a_frame(told: Told) -> None:
    """Calls within a frame are put together."""
    execution = Execution(1)
    for seq in range(5):
        await told.endpoint.on_events(execution, [status(seq)])
        await asyncio.sleep(0.4 * FRAME)
    await asyncio.sleep(2 * FRAME)
    assert told.events == [[0], [1, 2], [3, 4]]


async def test_of_the_positions_within_a_frame_the_last_is_told(told: Told) -> None:
    """Positions stand for those before them; a change of status is never left out."""
    await told.endpoint.on_events(Execution(1), [position(0), status(1), position(2), position(3), status(4)])
    await asyncio.sleep(2 * FRAME)
    assert told.events == [[1, 3, 4]]


async def test_progress_names_what_has_changed(told: Told) -> None:
    """Of a large flow only the items that moved are told."""
    execution = Execution(100)
    execution.move("i7", 1)
    await told.endpoint.on_events(execution, [])
    await asyncio.sleep(2 * FRAME)
    execution.move("i7", 2)
    execution.move("i8", 1)
    await told.endpoint.on_events(execution, [])
    await asyncio.sleep(2 * FRAME)
    assert told.progress == [["i7"], ["i7", "i8"]]


async def test_much_is_told_in_several_messages(told: Told) -> None:
    """In order, and none of it twice."""
    count = 2 * MOST_AT_ONCE + 1
    execution = Execution(count)
    for name in execution.items:
        execution.move(name, 1)
    await told.endpoint.on_events(execution, [status(seq, f"i{seq}") for seq in range(count)])
    await asyncio.sleep(2 * FRAME)
    assert [len(numbers) for numbers in told.events] == [MOST_AT_ONCE, MOST_AT_ONCE, 1]
    assert [seq for part in told.events for seq in part] == list(range(count))
    assert [len(names) for names in told.progress] == [MOST_AT_ONCE, MOST_AT_ONCE, 1]
    assert [name for part in told.progress for name in part] == list(execution.items)


async def test_a_question_is_told_at_once(told: Told) -> None:
    """A question does not wait for the frame."""
    question = Ask(execution_id=ID, seq=0, at=AT, item="i0", ask_id="1", prompt="Go on?")
    await told.endpoint.on_events(Execution(1), [question])
    assert told.messages == [Asked(execution_id=ID, ask_id="1", item="i0", prompt="Go on?")]


async def test_the_outcome_comes_after_everything_else(told: Told) -> None:
    """What waits for the next frame is told before the outcome."""
    execution = Execution(1)
    await told.endpoint.on_events(execution, [status(0)])
    outcome = Complete(execution_id=ID, flow="f", profile="p", started_at=AT, ended_at=AT)
    await told.endpoint.on_outcome(execution, outcome)
    assert [type(message).__name__ for message in told.messages] == ["Events", "Progress", "OutcomeReached"]


def test_the_declaration_names_every_field_with_its_types() -> None:
    """The page checks messages by this short form."""
    declared = declared_fields()
    assert declared["to_core"]["interrupt"]["level"] == "null|string?"
    assert declared["to_core"]["submit"]["execution_id"] == "string"
    assert declared["from_core"]["file"] == {"path": "string", "blob": "any"}
