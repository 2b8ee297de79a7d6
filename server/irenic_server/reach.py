"""Tokens that are for some flows only: which flow a request is about, told by its path."""

import re
from urllib.parse import parse_qs

from sqlalchemy import Connection, select
from starlette.types import Scope

from irenic_server.database import Database
from irenic_server.tables import executions, profiles
from irenic_server.tokens import Principal

_execution = re.compile(r"/api/v1/executions/([^/]+)(?:/.*)?")
_profile = re.compile(r"/api/v1/flows/([^/]+)/profiles/([^/]+)/.*")
_BY_HANDLER = re.compile(r"/api/v1/executions/[^/]+|/api/v1/executions|/api/v1/flows/[^/]+/profiles")
"""Paths of which the body says what they are about, or the answer is made for the token."""
_OF_ALL = re.compile(r"/api/openapi\.json|/v1/.*|/metrics")


async def check_reach(principal: Principal, scope: Scope, database: Database) -> None:
    """Check that a token is for what a request is about.

    Who may do something to all flows at once is for all flows.

    :raises Problem: if it is not.
    """
    if not principal.flows:
        return
    path, method = scope["path"], scope["method"]
    if match := _profile.fullmatch(path):
        principal.check_reach(*match.groups())
        return
    if match := _execution.fullmatch(path):
        place = await database.read(_place_of, match[1])
        if place is not None:
            principal.check_reach(*place)
        return
    if path == "/api/v1/executions" and method == "GET":
        query = parse_qs(scope["query_string"].decode("latin-1"))
        flow, profile = query.get("flow", [""])[-1], query.get("profile", [None])[-1]
        if not principal.may_reach(flow, profile):
            raise principal.out_of_reach(
                f"a list of {flow or 'all flows'}; name what it is for, by ?flow= and &profile="
            )
        return
    if (path == "/api/v1/pause" and method == "GET") or _BY_HANDLER.fullmatch(path) or _OF_ALL.fullmatch(path):
        return
    raise principal.out_of_reach("all flows at once")


def _place_of(connection: Connection, execution_id: str) -> tuple[str, str] | None:
    """Return the flow and profile of an execution; None where there is none of this id."""
    row = connection.execute(
        select(profiles.c.flow, profiles.c.profile)
        .join(executions, executions.c.profile_key == profiles.c.key)
        .where(executions.c.id == execution_id)
    ).one_or_none()
    return (row.flow, row.profile) if row is not None else None
