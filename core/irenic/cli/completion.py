"""What the shell completes: profiles, items and executions of the store that is at hand."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from irenic.model.errors import IrenicError

MOST = 50


def complete_profile(ctx: Any, incomplete: str) -> list[str]:
    """Return the profiles of the flow that begin as typed."""

    async def profiles(store: Any) -> list[str]:
        flow = _flow_id(ctx)
        return await store.profiles(flow) if flow is not None else []

    return [name for name in _from_store(ctx, profiles) if name.startswith(incomplete)]


def complete_items(ctx: Any, incomplete: str) -> list[str]:
    """Return the items of the flow that begin as typed."""
    flow = _flow_of(ctx)
    return [item for item in flow.items if item.startswith(incomplete)] if flow is not None else []


def complete_execution(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """Return the latest executions that begin as typed, with a word about each."""

    async def executions(store: Any) -> list[tuple[str, str]]:
        page = await store.executions(limit=MOST)
        return [(r.id, f"{r.status} {r.flow}/{r.profile} {' '.join(r.cmds)}") for r in page.items]

    return [entry for entry in _from_store(ctx, executions) if entry[0].startswith(incomplete.upper())]


def _from_store(ctx: Any, ask: Callable[[Any], Awaitable[list[Any]]]) -> list[Any]:
    from irenic.cli.stores import open_store

    async def asked() -> list[Any]:
        store = open_store(
            ctx.params.get("store") or os.environ.get("IRENIC_STORE") or ".irenic",
            ctx.params.get("token") or os.environ.get("IRENIC_TOKEN") or "",
        )
        try:
            return await ask(store)
        finally:
            await store.close()

    try:
        return asyncio.run(asked())
    except (IrenicError, OSError):
        return []  # nothing is completed where nothing can be asked


def _flow_of(ctx: Any) -> Any:
    from irenic.cli.flows import load_flow_file

    # An option that has no value yet leaves what stands before it unread.
    path = ctx.params.get("flow") or next((word for word in ctx.args if not word.startswith("-")), None)
    try:
        return load_flow_file(Path(path)) if path else None
    except (IrenicError, OSError):
        return None


def _flow_id(ctx: Any) -> str | None:
    flow = _flow_of(ctx)
    return None if flow is None else flow.id
