"""What tests of single units share."""

import pytest
from tests.changing_world import World

from irenic.stores import MemoryStore


@pytest.fixture
def world() -> World:
    """A world with two places and nothing in it."""
    return World()


@pytest.fixture
def store() -> MemoryStore:
    """An empty store, the one of all profiles and places."""
    return MemoryStore()
