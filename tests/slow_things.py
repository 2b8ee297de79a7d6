"""Things that take their time to be applied."""

import asyncio
from typing import Any

from tests.items import Thing, ThingParams, ThingState, World

from irenic import Flow, ItemContext, ProgressLimit, StateDiff


class SlowThing(Thing):
    """A thing whose apply takes a number of steps, each of which takes a while.

    :param seconds: how long the apply takes in all.
    :param steps: how many steps it has.
    """

    def __init__(self, id: str, world: World, seconds: float = 1.0, steps: int = 1) -> None:
        super().__init__(id, world)
        self.seconds = seconds
        self.steps = steps

    async def apply(
        self, cx: ItemContext, params: ThingParams, current: ThingState, target: ThingState, diff: StateDiff
    ) -> ThingState:
        """Take the time, then change the world."""
        self.begin()
        cx.progress.limit(ProgressLimit.steps(self.steps))
        for _ in range(self.steps):
            await asyncio.sleep(self.seconds / self.steps)
            cx.progress.inc()
        return self.put(target.value)


def slow_tower(world: World, *ids: str, seconds: float = 1.0, flow: str = "slow") -> Flow:
    """Return a flow of slow things of which each stands upon the one before it."""
    made = Flow(flow)
    params: dict[str, Any] = {}
    for id in ids:
        params = {"below": made.add(SlowThing(id, world, seconds), **params).state.value}
    return made
