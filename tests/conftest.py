"""What all tests share: modules marked ``virtual_clock`` run on an event loop whose clock jumps instead of waiting."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase
from tests.virtual_loop import VirtualClockLoop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

EXAMPLES = Path(__file__).resolve().parent.parent / "build" / "cache" / "hypothesis"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and tell Hypothesis that a busy machine is no failure."""
    settings.register_profile("irenic", deadline=None, database=DirectoryBasedExampleDatabase(EXAMPLES))
    settings.load_profile("irenic")
    config.addinivalue_line("markers", "virtual_clock: run async tests on an event loop whose clock jumps when idle")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Choose the event loop of an async test."""
    if item.get_closest_marker("virtual_clock") is not None:
        return {"virtual": VirtualClockLoop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def _no_complaints(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test on the virtual clock that leaves an exception which nobody has seen."""
    yield
    if request.node.get_closest_marker("virtual_clock") is not None:
        complaints = [r.getMessage() for r in caplog.records if r.name == "asyncio" and r.levelno >= logging.ERROR]
        assert complaints == []
