"""GroupCommit under any interleaving: order, durability, cancelled waiters, and writes that fail."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from irenic.model.errors import StoreError
from irenic.stores.group_commit import GroupCommit


@dataclass
class Disk:
    """Keeps lines; a write takes some steps of the loop, and the one with number ``fails_at`` fails."""

    steps: list[int]
    fails_at: int | None
    lines: list[bytes] = field(default_factory=list)
    durable: int = 0
    writes: int = 0
    is_busy: bool = False

    async def write(self, lines: list[bytes], sync: bool) -> None:
        """Keep lines, and make all of them durable where that is asked for."""
        assert not self.is_busy
        self.is_busy = True
        number, self.writes = self.writes, self.writes + 1
        for _ in range(self.steps[number % len(self.steps)]):
            await asyncio.sleep(0)
        self.is_busy = False
        if number == self.fails_at:
            raise StoreError("the disk is full.")
        self.lines += lines
        if sync:
            self.durable = len(self.lines)


@dataclass
class Writer:
    """A task that appends and waits: steps to pause before each of its lines, and whether it is cancelled once."""

    pauses: list[int]
    is_cancelled: bool


writers = st.builds(Writer, pauses=st.lists(st.integers(0, 3), min_size=1, max_size=6), is_cancelled=st.booleans())


@given(
    tasks=st.lists(writers, min_size=1, max_size=6),
    steps=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    fails_at=st.none() | st.integers(0, 6),
)
def test_whoever_is_told_that_lines_are_durable_finds_them_so(
    tasks: list[Writer], steps: list[int], fails_at: int | None
) -> None:
    """In the order of the calls, without gaps, and never after a write that failed."""
    disk = Disk(steps, fails_at)

    async def main() -> list[bytes]:
        commit = GroupCommit(disk.write, quiet=60)
        appended: list[bytes] = []

        async def work(writer: Writer) -> None:
            for pause in writer.pauses:
                for _ in range(pause):
                    await asyncio.sleep(0)
                appended.append(b"%d" % len(appended))
                commit.append(appended[-1])
                upto = len(appended)
                try:
                    await commit.durable()
                except StoreError:
                    assert disk.fails_at is not None
                    return
                assert disk.durable >= upto

        running = [asyncio.ensure_future(work(writer)) for writer in tasks]
        await asyncio.sleep(0)
        for writer, task in zip(tasks, running, strict=True):
            if writer.is_cancelled:
                task.cancel()
        await asyncio.wait(running)
        for task in running:
            if not task.cancelled():
                task.result()
        try:
            await commit.durable()
            assert disk.durable == len(appended)
        except StoreError:
            assert disk.fails_at is not None
        await commit.close()
        return appended

    appended = asyncio.run(main())

    assert disk.lines == appended[: len(disk.lines)]
    if fails_at is None or disk.writes <= fails_at:
        assert disk.lines == appended
    else:
        assert disk.writes == fails_at + 1
