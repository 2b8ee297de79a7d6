"""The walk over a graph."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import graphs
from tests.virtual_loop import run_virtually

from irenic.engine.walk import Walk
from irenic.flow.graph import Graph

pytestmark = pytest.mark.virtual_clock


def graph(nodes: str, *edges: str) -> Graph:
    """Return a graph of nodes of one letter; ``ab`` is an edge from a to b."""
    made = Graph()
    for node in nodes:
        made.add(node)
    for edge in edges:
        made.edge(edge[0], edge[1])
    return made


def now() -> float:
    """Return the time on the loop's clock."""
    return asyncio.get_running_loop().time()


class Visits:
    """Visits that take a time, and a record of them.

    :param seconds: how long each visit takes; 0 where not given.
    :param refuse: nodes whose successors are not released.
    :param raising: nodes whose visit raises.
    """

    def __init__(self, seconds: dict[str, float] | None = None, refuse: str = "", raising: str = "") -> None:
        self.seconds = seconds or {}
        self.refuse = refuse
        self.raising = raising
        self.began: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        self.most = 0

    async def visit(self, node: str) -> bool:
        """Visit a node."""
        self.began[node] = now()
        self.most = max(self.most, len(self.began) - len(self.ended))
        try:
            await asyncio.sleep(self.seconds.get(node, 0))
        finally:
            self.ended[node] = now()
        if node in self.raising:
            raise ValueError(node)
        return node not in self.refuse


def walk(
    graph: Graph,
    visit: Callable[[str], Awaitable[bool]],
    *,
    may_start: Callable[[], bool] = lambda: True,
    limit: int = 64,
) -> Walk:
    """Return a walk."""
    return Walk(graph, visit, may_start=may_start, max_concurrency=limit)


async def test_a_node_is_visited_the_instant_its_last_predecessor_has_ended() -> None:
    """There are no stages: d does not wait for c."""
    visits = Visits({"a": 1, "b": 2, "c": 10, "d": 1})
    made = walk(graph("abcd", "ab", "ac", "bd"), visits.visit)
    await made.run()
    assert visits.began == {"a": 0, "b": 1, "c": 1, "d": 3}
    assert visits.ended["d"] == 4
    assert (made.started, made.not_started, made.running) == (["a", "b", "c", "d"], [], {})


async def test_a_node_waits_for_all_of_its_predecessors() -> None:
    """Whichever is last."""
    visits = Visits({"a": 1, "b": 5})
    await walk(graph("abc", "ac", "bc"), visits.visit).run()
    assert visits.began["c"] == 5


async def test_the_reversed_graph_is_walked_backwards() -> None:
    """Scenario 120."""
    visits = Visits({"a": 1, "b": 1, "c": 1})
    await walk(graph("abc", "ab", "bc").reversed(), visits.visit).run()
    assert list(visits.began) == ["c", "b", "a"]


async def test_an_empty_graph_is_walked_at_once() -> None:
    """Scenario 126."""
    await walk(graph(""), Visits().visit).run()


async def test_no_more_run_at_once_than_allowed_and_the_others_wait() -> None:
    """In the order in which they became ready."""
    visits = Visits(dict.fromkeys("abcde", 1.0))
    made = walk(graph("abcde", "ae"), visits.visit, limit=2)
    waiting: list[list[str]] = []
    for time in (0.5, 1.5):
        asyncio.get_running_loop().call_later(time, lambda: waiting.append(list(made.ready)))
    await made.run()
    assert visits.most == 2
    assert visits.began == {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2}
    assert waiting == [["c", "d"], ["e"]]
    assert list(made.ready) == []


async def test_a_visit_that_has_done_its_work_makes_room_for_another() -> None:
    """For one at a time, and its successors wait for its end all the same."""
    began: dict[str, float] = {}

    async def visit(node: str) -> bool:
        began[node] = now()
        await asyncio.sleep(1)
        if node == "a":
            made.make_room(node)
            await asyncio.sleep(2)
        return True

    made = walk(graph("abcde", "ad"), visit, limit=1)
    await made.run()
    assert began == {"a": 0, "b": 1, "c": 2, "e": 3, "d": 4}


async def test_a_node_that_says_no_holds_its_successors_back() -> None:
    """Scenario 124: the others go on."""
    visits = Visits(refuse="a")
    made = walk(graph("abcd", "ab", "bd"), visits.visit)
    await made.run()
    assert list(visits.began) == ["a", "c"]
    assert made.not_started == ["b", "d"]


async def test_a_stopped_walk_starts_nothing_more() -> None:
    """What runs goes on to its end."""
    visits = Visits({"a": 1, "b": 2})
    made = walk(graph("abcd", "ac"), visits.visit, limit=2)
    asyncio.get_running_loop().call_later(0.5, made.stop)
    await made.run()
    assert list(visits.ended.items()) == [("a", 1), ("b", 2)]
    assert made.not_started == ["c", "d"]


async def test_nothing_starts_where_it_may_not() -> None:
    """Scenarios 121 and 127: the first no is final, and all are left."""
    answers = iter([False, True])
    made = walk(graph("ab"), Visits().visit, may_start=lambda: next(answers))
    await made.run()
    assert (made.started, made.not_started) == ([], ["a", "b"])


@pytest.mark.parametrize(("budget", "started"), [(2, "fa"), (4, "facb")])
async def test_as_many_start_as_may(budget: int, started: str) -> None:
    """Scenarios 122 and 123, on the graph of fn_graph's own tests."""
    left = iter([True] * budget + [False])
    visits = Visits({"f": 2, "a": 1})
    made = walk(graph("fabcde", "ac", "ab", "bd", "ce"), visits.visit, may_start=lambda: next(left))
    await made.run()
    assert sorted(made.started) == sorted(started)
    assert made.not_started == [node for node in "fabcde" if node not in started]


async def test_a_visit_that_raises_ends_the_walk_when_all_others_have_ended() -> None:
    """Scenario 125: the first exception is the one that is raised."""
    visits = Visits({"a": 1, "b": 3, "c": 5}, raising="ab")
    with pytest.raises(ValueError, match="a"):
        await walk(graph("abcd", "cd"), visits.visit).run()
    assert (now(), "d" in visits.began) == (5, False)


async def test_a_walk_that_is_cancelled_cancels_what_runs_and_waits_for_it() -> None:
    """No task is left behind."""
    visits = Visits({"a": 5, "b": 5})
    walking = asyncio.ensure_future(walk(graph("abc", "ac"), visits.visit).run())
    await asyncio.sleep(1)
    walking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await walking
    assert visits.ended == {"a": 1, "b": 1}


async def test_a_task_that_is_being_cancelled_already_is_not_cancelled_twice() -> None:
    """Its clean-up goes on."""
    cleaned: list[float] = []

    async def visit(node: str) -> bool:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
            cleaned.append(now())
            raise
        return True

    made = walk(graph("a"), visit)
    walking = asyncio.ensure_future(made.run())
    await asyncio.sleep(1)
    for task in asyncio.all_tasks() - {asyncio.current_task(), walking}:
        task.cancel()
    await asyncio.sleep(0.5)
    walking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await walking
    assert cleaned == [2]


async def test_a_walk_that_is_cancelled_as_its_last_visit_ends_just_ends() -> None:
    """Nothing is there to be waited for."""

    async def visit(node: str) -> bool:
        await asyncio.sleep(1)
        walking.cancel()
        return True

    walking = asyncio.ensure_future(walk(graph("a"), visit).run())
    with pytest.raises(asyncio.CancelledError):
        await walking
    assert now() == 1


async def test_what_an_abandoned_visit_raises_concerns_nobody() -> None:
    """Also where it does so before the walk has returned."""
    made = walk(graph("a"), Visits({"a": 5}).visit)
    walking = asyncio.ensure_future(made.run())
    await asyncio.sleep(1)
    for task in made.abandon():
        task.cancel()
    await walking


async def test_an_abandoned_walk_returns_at_once_and_hands_over_what_runs() -> None:
    """What ends later releases nothing."""
    visits = Visits({"a": 5})
    made = walk(graph("ab", "ab"), visits.visit)
    walking = asyncio.ensure_future(made.run())
    await asyncio.sleep(1)
    running = made.abandon()
    await walking
    assert (now(), list(made.running.items())) == (1, [("a", running[0])])
    await asyncio.wait(running)
    assert (now(), list(visits.began)) == (5, ["a"])
    assert made.abandon() == []


@given(graphs(), st.data(), st.integers(1, 3))
def test_whatever_the_graph_every_node_is_visited_once_after_its_predecessors(
    whole: Graph, data: st.DataObject, limit: int
) -> None:
    """Whatever the visits take, and however few run at once; none waits where it need not."""
    seconds: dict[str, Any] = {node: data.draw(st.sampled_from([0, 1, 2, 3])) for node in whole.nodes}
    visits = Visits(seconds)

    async def run() -> None:
        await walk(whole, visits.visit, limit=limit).run()

    run_virtually(run())
    assert sorted(visits.began) == sorted(whole.nodes)
    assert visits.most <= limit
    for before, after in whole.edges:
        assert visits.ended[before] <= visits.began[after]
    if limit >= len(whole):
        for node in whole.nodes:
            assert visits.began[node] == max((visits.ended[p] for p in whole.predecessors(node)), default=0)
