"""A picture of a flow as pure data, for drawing it where its code is not loaded."""

from typing import Any

from pydantic import BaseModel


class ItemInfo(BaseModel):
    """One item of a flow: its id, its class and the JSON Schemas of its params and state."""

    id: str
    type: str
    summary: str = ""
    params_schema: dict[str, Any] = {}
    state_schema: dict[str, Any] = {}


class EdgeInfo(BaseModel):
    """An edge: ``successor`` starts when ``predecessor`` has ended; ``by_ref`` where a Ref made it."""

    predecessor: str
    successor: str
    by_ref: bool = False


class FlowInfo(BaseModel):
    """A flow: items in insertion order, edges, the JSON Schema of its inputs, and the hosts it may talk to.

    ``moves`` gives the present ids of items that had another one before, by the former one.
    """

    id: str
    summary: str = ""
    items: list[ItemInfo]
    edges: list[EdgeInfo]
    inputs_schema: dict[str, Any] | None = None
    connect: list[str] = []
    code_hash: str = ""
    moves: dict[str, str] = {}
