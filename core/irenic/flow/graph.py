"""The graph of a flow: nodes in insertion order, edges that mean "after"."""

from collections.abc import Collection, Iterable

from irenic.model.errors import FlowError


class Graph:
    """A directed acyclic graph over ids, kept acyclic edge by edge."""

    def __init__(self) -> None:
        self._successors: dict[str, dict[str, None]] = {}
        self._predecessors: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._successors)

    def __contains__(self, node: object) -> bool:
        return node in self._successors

    @property
    def nodes(self) -> list[str]:
        """Return the nodes in insertion order."""
        return list(self._successors)

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Return the edges as (predecessor, successor)."""
        return [(node, successor) for node, successors in self._successors.items() for successor in successors]

    def add(self, node: str) -> None:
        """Add a node.

        :raises FlowError: if it is there already.
        """
        if node in self._successors:
            raise FlowError(f"two items have the id {node!r}: give one of them another id.")
        self._successors[node] = {}
        self._predecessors[node] = {}

    def edge(self, predecessor: str, successor: str) -> None:
        """Add an edge; an edge that is there already stays as it is.

        :raises FlowError: if a node is unknown, or if the edge would close a cycle; the message names the cycle.
        """
        for node in (predecessor, successor):
            if node not in self._successors:
                raise FlowError(f"there is no item {node!r} in this flow: add it before the edge.")
        path = self._path(successor, predecessor)
        if path is not None:
            cycle = " -> ".join([predecessor, *path])
            raise FlowError(f"the edge {predecessor} -> {successor} closes a cycle: {cycle}.")
        self._successors[predecessor][successor] = None
        self._predecessors[successor][predecessor] = None

    def successors(self, node: str) -> Collection[str]:
        """Return what comes directly after a node."""
        return self._successors[node].keys()

    def predecessors(self, node: str) -> Collection[str]:
        """Return what comes directly before a node."""
        return self._predecessors[node].keys()

    def predecessor_counts(self) -> dict[str, int]:
        """Return how many nodes come directly before each node."""
        return {node: len(before) for node, before in self._predecessors.items()}

    def ancestors(self, nodes: Iterable[str]) -> set[str]:
        """Return all that the given nodes depend on, themselves included."""
        return _reach(nodes, self._predecessors)

    def descendants(self, nodes: Iterable[str]) -> set[str]:
        """Return all that depends on the given nodes, themselves included."""
        return _reach(nodes, self._successors)

    def subgraph(self, nodes: Iterable[str]) -> "Graph":
        """Return the graph of some of the nodes; an order that led through a node left out is kept as an edge."""
        chosen = set(nodes)
        part = Graph()
        for node in self._successors:
            if node in chosen:
                part.add(node)
        for node in part._successors:
            for successor in self._next_chosen(node, chosen):
                part._successors[node][successor] = None
                part._predecessors[successor][node] = None
        return part

    def reversed(self) -> "Graph":
        """Return the graph with every edge turned round; insertion order stays."""
        turned = Graph()
        turned._successors = {node: dict(nodes) for node, nodes in self._predecessors.items()}
        turned._predecessors = {node: dict(nodes) for node, nodes in self._successors.items()}
        return turned

    def ranks(self) -> dict[str, int]:
        """Return the length of the longest path from a root to each node."""
        ranks: dict[str, int] = {}
        for node in self.topological():
            ranks[node] = max((ranks[before] + 1 for before in self._predecessors[node]), default=0)
        return ranks

    def topological(self) -> list[str]:
        """Return the nodes so that each comes after its predecessors; insertion order decides among equals."""
        missing = self.predecessor_counts()
        ready = [node for node, count in missing.items() if count == 0]
        for node in ready:
            for successor in self._successors[node]:
                missing[successor] -= 1
                if missing[successor] == 0:
                    ready.append(successor)
        return ready

    def _next_chosen(self, node: str, chosen: set[str]) -> dict[str, None]:
        found: dict[str, None] = {}
        seen: set[str] = set()
        stack = list(self._successors[node])
        while stack:
            successor = stack.pop()
            if successor in seen:
                continue
            seen.add(successor)
            if successor in chosen:
                found[successor] = None
            else:
                stack.extend(self._successors[successor])
        return found

    def _path(self, start: str, end: str) -> list[str] | None:
        if start == end:
            return [start]
        if not self._successors[start] or not self._predecessors[end]:
            return None
        came_from = {start: start}
        queue = [start]
        for node in queue:
            for successor in self._successors[node]:
                if successor in came_from:
                    continue
                came_from[successor] = node
                if successor == end:
                    path = [end]
                    while path[-1] != start:
                        path.append(came_from[path[-1]])
                    return path[::-1]
                queue.append(successor)
        return None


def _reach(nodes: Iterable[str], edges: dict[str, dict[str, None]]) -> set[str]:
    reached = set(nodes)
    stack = list(reached)
    while stack:
        for node in edges[stack.pop()]:
            if node not in reached:
                reached.add(node)
                stack.append(node)
    return reached
