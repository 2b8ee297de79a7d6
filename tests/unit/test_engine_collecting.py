"""The garbage collector's settings while executions run."""

import asyncio
import gc
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests.items import Thing, ThingState, World

from irenic import CmdExecRequest, CmdExecutionMap, Flow
from irenic.engine.collecting import FULL, fewer_full_collections
from irenic.stores import MemoryStore

OWN = (701, 11, 12)


@pytest.fixture(autouse=True)
def own_thresholds() -> Iterator[None]:
    """Set thresholds as a program might, and put the former ones back."""
    before = gc.get_threshold()
    gc.set_threshold(*OWN)
    yield
    gc.set_threshold(*before)


def test_the_program_has_its_own_setting_again_when_the_last_block_has_ended() -> None:
    """Blocks overlap: executions do."""
    first, second = fewer_full_collections(), fewer_full_collections()
    with first:
        second.__enter__()
        assert gc.get_threshold() == (*OWN[:2], FULL)
    assert gc.get_threshold() == (*OWN[:2], FULL)
    second.__exit__(None, None, None)
    assert gc.get_threshold() == OWN


def test_what_the_program_sets_meanwhile_stays() -> None:
    """Whoever sets it last is heeded."""
    with fewer_full_collections():
        gc.set_threshold(5, 6, 7)
    assert gc.get_threshold() == (5, 6, 7)


def test_a_program_that_wants_still_fewer_has_its_way() -> None:
    """Nothing is ever made lower."""
    gc.set_threshold(0, 10, FULL + 1)
    with fewer_full_collections():
        assert gc.get_threshold() == (0, 10, FULL + 1)
    assert gc.get_threshold() == (0, 10, FULL + 1)


@pytest.mark.parametrize("platform", [sys.platform, "emscripten"])
async def test_an_execution_holds_it_until_its_end(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that is off stays off; the tab's is left alone."""
    seen: list[tuple[tuple[int, int, int], bool]] = []

    async def apply(cx: Any, params: Any, current: Any, target: ThingState, diff: Any) -> ThingState:
        seen.append((gc.get_threshold(), gc.isenabled()))
        return target

    gc.disable()
    try:
        flow = Flow("f")
        flow.add(Thing("a", World(), apply=apply))
        async with CmdExecutionMap(MemoryStore()) as executions:
            with monkeypatch.context() as patch:
                patch.setattr(sys, "platform", platform)
                execution = executions.submit(CmdExecRequest(flow=flow))
                await asyncio.sleep(0)
            assert (await execution).kind == "complete"
        assert gc.get_threshold() == OWN
    finally:
        gc.enable()
    during = OWN if platform == "emscripten" else (*OWN[:2], FULL)
    assert seen == [(during, False)]
