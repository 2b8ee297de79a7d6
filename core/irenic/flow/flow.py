"""A flow: items, the graph between them, and the inputs from which a form is drawn."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Secret, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema

from irenic.flow.graph import Graph
from irenic.flow.item import Item, code_hash
from irenic.flow.limit import Limit
from irenic.flow.params import ParamsSpec, by_field_name, explain, takes_none
from irenic.flow.ref import Ref, ref_fingerprint
from irenic.flow.secret_mask import SecretMask, holds_secrets
from irenic.model.errors import FlowError, ParamsError
from irenic.model.flow_info import EdgeInfo, FlowInfo, ItemInfo
from irenic.model.ids import check_identifier
from irenic.model.trusted import trusted

P = TypeVar("P", bound=BaseModel)
S = TypeVar("S", bound=BaseModel)


class ItemHandle(Generic[S]):
    """An item's place in a flow; ``state`` is a reference to its state for the params of other items."""

    def __init__(self, id: str, state: Ref[S]) -> None:
        self.id = id
        self.state: Any = state

    def __repr__(self) -> str:
        return f"ItemHandle({self.id!r})"


class Flow:
    """Items and the edges between them.

    :param id: an identifier, unique in a store.
    :param inputs: a pydantic model; a form is drawn from it, and ``flow.inputs.NAME`` refers to a value.
    :param limits: rate and concurrency limits that items take by name with ``cx.limits(name)``.
    :param guards: sources of interrupts that watch every execution of the flow (see ``irenic.guards``).
    :param summary: a sentence for a person.
    """

    def __init__(
        self,
        id: str,
        *,
        inputs: type[BaseModel] | None = None,
        limits: Mapping[str, Limit] | None = None,
        guards: Iterable[Any] = (),
        summary: str = "",
    ) -> None:
        self.id = check_identifier(id, "flow id")
        self.inputs_model = inputs
        self.inputs: Any = Ref(None, (), inputs if inputs is not None else BaseModel)
        self.limits = dict(limits or {})
        self.guards = tuple(guards)
        self.summary = summary
        self.graph = Graph()
        self.connect: list[str] = []
        self._items: dict[str, Item[Any, Any]] = {}
        self._specs: dict[str, ParamsSpec[Any]] = {}
        self._ref_edges: set[tuple[str, str]] = set()
        self._code_hash: str | None = None
        self._moves: dict[str, str] = {}
        self.namespace: Mapping[str, Any] | None = None
        """What the flow's file defines, where the flow was loaded from one."""

    @property
    def moves(self) -> dict[str, str]:
        """The ids under which items were stored before, with their present ids."""
        return self._moves

    def moved(self, old: str, new: ItemHandle[Any] | str) -> None:
        """Say that an item had another id before, so that what is stored of it goes on to count.

        :raises FlowError: if there is no item ``new``, or ``old`` is still in the flow.
        """
        new_id = _id_of(new)
        if new_id not in self._items:
            raise FlowError(f"there is no item {new_id!r} in this flow: add it before moved({old!r}, {new_id!r}).")
        if old in self._items:
            raise FlowError(f"{old!r} is an item of this flow: it cannot have been renamed to {new_id!r}.")
        self._moves[check_identifier(old, "item id")] = new_id

    @property
    def items(self) -> dict[str, Item[Any, Any]]:
        """The items by id, in insertion order."""
        return self._items

    @property
    def specs(self) -> dict[str, ParamsSpec[Any]]:
        """How each item's params are obtained."""
        return self._specs

    def add(self, item: Item[P, S], **params: Any) -> ItemHandle[S]:
        """Add an item with its params; a :class:`Ref` among them makes the edge by itself.

        :raises FlowError: if the id is taken or a param does not fit; nothing is added then.
        """
        spec = ParamsSpec(item.id, item.Params, params)
        unknown = [predecessor for predecessor in spec.predecessors() if predecessor not in self._items]
        if unknown:
            raise FlowError(f"{item.id} refers to {', '.join(unknown)}, which is not in this flow: add it first.")
        self.graph.add(item.id)
        self._code_hash = None
        self._items[item.id] = item
        self._specs[item.id] = spec
        for predecessor in spec.predecessors():
            self.graph.edge(predecessor, item.id)
            self._ref_edges.add((predecessor, item.id))
        return ItemHandle(item.id, Ref(item.id, (), item.State))

    def edge(self, predecessor: ItemHandle[Any] | str, successor: ItemHandle[Any] | str) -> None:
        """Say that ``successor`` starts only when ``predecessor`` has ended.

        :raises FlowError: if an item is unknown or the edge would close a cycle, which is named.
        """
        self.graph.edge(_id_of(predecessor), _id_of(successor))

    def select(self, items: Iterable[str], *, with_dependencies: bool = False) -> list[str]:
        """Return the chosen items' ids in insertion order.

        :param with_dependencies: whether to take along what they depend on.
        :raises FlowError: if an id is unknown.
        """
        chosen = set(items)
        unknown = sorted(chosen - self._items.keys())
        if unknown:
            raise FlowError(f"there is no item {', '.join(unknown)} in {self.id}; it has: {', '.join(self._items)}.")
        if with_dependencies:
            chosen = self.graph.ancestors(chosen)
        return [id for id in self._items if id in chosen]

    def merge_inputs(self, stored: Mapping[str, Any], given: Mapping[str, Any]) -> BaseModel | None:
        """Return the inputs as the flow's model; None where the flow has none.

        :param stored: values that are kept where none is given; those of fields that are no more are left out.
        :param given: values; an explicit None takes the stored one away, and is the value where the field takes None.
        :raises ParamsError: if they are not valid; the message names each field.
        """
        model = self.inputs_model
        if model is None:
            if given:
                raise ParamsError(f"{self.id} takes no inputs, but was given: {', '.join(given)}.")
            return None
        named = by_field_name(model, given)
        unknown = [name for name in named if name not in model.model_fields]
        if unknown:
            known = ", ".join(model.model_fields)
            raise ParamsError(f"{self.id} has no input {', '.join(unknown)}; it has: {known}.")
        kept = {name: value for name, value in stored.items() if name in model.model_fields and name not in named}
        meant = {name: value for name, value in named.items() if value is not None or takes_none(model, name)}
        values = {**kept, **meant}
        try:
            return model.model_validate(values, by_alias=True, by_name=True)
        except ValidationError as error:
            secrets = SecretMask()
            for name, value in values.items():
                if holds_secrets(model.model_fields[name].annotation):
                    secrets.learn(Secret(value))
            raise ParamsError(secrets.text(explain(error, f"the inputs of {self.id} are not valid"))) from error

    def code_hash(self) -> str:
        """Return a digest that changes when an item, its code, or a reference does."""
        if self._code_hash is None:
            parts: list[str] = []
            for id, item in self._items.items():
                parts.append(f"{id}:{code_hash(item)}")
                for refs in self._specs[id].refs.values():
                    parts += [ref_fingerprint(ref) for ref in refs]
            self._code_hash = hashlib.sha256("".join(parts).encode()).hexdigest()[:16]
        return self._code_hash

    def info(self) -> FlowInfo:
        """Return the flow as pure data, for drawing it."""
        return self.drawing()()

    def drawing(self) -> Callable[[], FlowInfo]:
        """Return what makes the picture of the flow as it is now: one of many items takes time and memory."""
        head = FlowInfo(
            id=self.id,
            summary=self.summary,
            items=[],
            edges=[],
            inputs_schema=_json_schema(self.inputs_model) if self.inputs_model else None,
            connect=list(self.connect),
            code_hash=self.code_hash(),
            moves=dict(self._moves),
        )
        types = [type(item) for item in self._items.values()]
        return partial(_draw, head, list(self._items), types, self.graph.edges, frozenset(self._ref_edges))


def _draw(
    head: FlowInfo,
    ids: list[str],
    types: list[type[Item[Any, Any]]],
    edges: list[tuple[str, str]],
    ref_edges: frozenset[tuple[str, str]],
) -> FlowInfo:
    kinds = {type_: _describe(type_) for type_ in types}
    return head.model_copy(
        update={
            "items": [trusted(ItemInfo, {"id": id, **kinds[type_]}) for id, type_ in zip(ids, types, strict=True)],
            "edges": [
                trusted(EdgeInfo, {"predecessor": edge[0], "successor": edge[1], "by_ref": edge in ref_edges})
                for edge in edges
            ],
        }
    )


def _describe(item: type[Item[Any, Any]]) -> dict[str, Any]:
    return {
        "type": item.__name__,
        "summary": (item.__doc__ or "").strip().partition("\n")[0],
        "params_schema": _json_schema(item.Params),
        "state_schema": _json_schema(item.State),
    }


@lru_cache(maxsize=256)
def _json_schema(model: type[BaseModel]) -> dict[str, Any]:
    try:
        return model.model_json_schema()
    except PydanticInvalidForJsonSchema:
        return {}  # a field of a type that JSON Schema cannot describe: the model is drawn without its fields


def _id_of(item: ItemHandle[Any] | str) -> str:
    return item if isinstance(item, str) else item.id
