"""A flow whose items wait until a test lets them go on."""

SOURCE = '''
import asyncio
import time
from pathlib import Path

from pydantic import BaseModel

from irenic import Flow, Item, ProgressLimit


class Params(BaseModel):
    way: str = "waits"
    after: str | None = None


class State(BaseModel):
    done: bool = False
    item: str | None = None


def happened(what):
    with Path("happened").open("a") as file:
        file.write(what + "\\n")


class Gated(Item[Params, State]):
    """Waits for a file of its name."""

    async def state_current(self, cx, params):
        done = Path(f"{self.id}.done").exists()
        return State(done=done, item=self.id if done else None)

    async def state_goal(self, cx, params):
        return State(done=True, item=self.id)

    def state_clean(self, params_partial):
        return State()

    async def apply(self, cx, params, current, target, diff):
        happened(f"{self.id} begins")
        if not target.done:
            Path(f"{self.id}.done").unlink()
            return target
        cx.progress.limit(ProgressLimit.bytes(4_000_000))
        cx.progress.inc(1_000_000)
        await getattr(self, params.way)(cx)
        Path(f"{self.id}.done").touch()
        happened(f"{self.id} ends")
        return target

    @property
    def may_go_on(self):
        return Path(f"{self.id}.go").exists()

    async def waits(self, cx):
        while not self.may_go_on:
            await asyncio.sleep(0.01)

    async def spins(self, cx):
        cx.log.info(f"{self.id} spins")
        await self.waits(cx)  # until that has been seen: nothing is drawn any more once it spins
        happened(f"{self.id} spins")
        while True:
            time.monotonic()

    async def spins_in_irenic(self, cx):
        happened(f"{self.id} spins")
        while not self.may_go_on:
            cx.progress.inc()

    async def is_deaf(self, cx):
        while not self.may_go_on:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                happened(f"{self.id} was cancelled")

    async def is_stuck(self, cx):
        happened(f"{self.id} is stuck")
        while not self.may_go_on:
            try:
                time.sleep(0.01)
            except BaseException:
                happened(f"{self.id} swallows")

    async def shielded(self, cx):
        async with cx.shield("the last bytes are being written"):
            await self.waits(cx)

    async def asks(self, cx):
        happened(f"{self.id} got {await cx.ask('Which key?')}")

    async def prints(self, cx):
        print("printed by hand")
        cx.log.warning("logged")
        await self.waits(cx)

    async def fails(self, cx):
        raise OSError("the disk is full")

    async def at_once(self, cx):
        pass


flow = Flow("gated")
before = {}
for name in ITEMS:
    item, _, way = name.partition(":")
    handle = flow.add(Gated(item), way=way or "waits", **before)
    before = {"after": handle.state.item} if CHAIN else {}
'''


def gated_flow(*items: str, chain: bool = True) -> str:
    """Return the source of a flow of items, each ``id`` or ``id:way``, one after the other or side by side."""
    return SOURCE.replace("ITEMS", repr(items)).replace("CHAIN", repr(chain))
