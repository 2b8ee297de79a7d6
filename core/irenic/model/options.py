"""The options of a request as data, so that the same request can be made again."""

from typing import Any

from pydantic import BaseModel, Field

from irenic.model.cmd import DiscoverScope, OnDrift, StateSource
from irenic.model.interrupt import InterruptStrategy


class RequestOptions(BaseModel):
    """Everything that a request asks for besides flow, profile, commands and inputs.

    ``guards`` describes the guards that were given with the request, each by ``kind`` and its arguments. ``plan`` is
    the hash of the plan that was given.
    """

    items: list[str] | None = None
    with_dependencies: bool = False
    with_dependents: bool = False
    dry_run: bool = False
    on_drift: OnDrift = OnDrift.ASK
    prune: bool = False
    plan: str | None = None
    max_concurrency: int = Field(64, ge=1)
    strategy: InterruptStrategy = InterruptStrategy.FinishCurrent
    deadline: float | None = None
    escalate_after: float | None = None
    stall_after: float = 30.0
    source: StateSource | None = None
    scope: DiscoverScope = DiscoverScope.BOTH
    guards: list[dict[str, Any]] = []
    forget: list[str] = []
    moves: dict[str, str] = {}
