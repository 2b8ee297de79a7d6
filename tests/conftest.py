"""What all tests share: modules marked ``virtual_clock`` run on an event loop whose clock jumps instead of waiting."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
from tests.virtual_loop import VirtualClockLoop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "virtual_clock: run async tests on an event loop whose clock jumps when idle")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Choose the event loop of an async test."""
    if item.get_closest_marker("virtual_clock") is not None:
        return {"virtual": VirtualClockLoop}
    return {"asyncio": asyncio.new_event_loop}
