"""The routes of ``/api/v1``, as FastAPI describes and checks them."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Path, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic_core import to_json

from irenic.model.ids import ExecutionId, Identifier, new_execution_id
from irenic.model.interrupt import InterruptReply
from irenic.model.outcome import CmdOutcome
from irenic.model.record import ExecutionPage, ExecutionRecord, LeaseInfo
from irenic.model.states import FlowStates
from irenic_server.asgi import check_is_json, strong
from irenic_server.auth import PRINCIPAL, require_scope
from irenic_server.clock import now_ms
from irenic_server.executions import (
    create_execution,
    execution_exists,
    interrupt_all,
    interrupt_execution,
    list_executions,
    read_execution,
    read_status,
)
from irenic_server.idempotency import claim_key, point_key, read_key, release_key, take_claim
from irenic_server.journal import read_events
from irenic_server.leases import give_back_lease, renew_lease, take_lease
from irenic_server.openapi import problems
from irenic_server.otlp import Signal
from irenic_server.outcomes import check_outcome, outcome_text, read_outcome, store_outcome
from irenic_server.pause import read_pause, set_pause
from irenic_server.problems import Problem
from irenic_server.profiles import list_profiles, read_inputs, replace_inputs
from irenic_server.requests import (
    Accepted,
    EventPage,
    ExecutionCreate,
    FlowInputs,
    Interrupted,
    InterruptRequest,
    LeaseGiveBack,
    LeaseRenew,
    LeaseTake,
    Pause,
    PauseRequest,
    Profiles,
    Progress,
    RunRequest,
    StatesReplace,
)
from irenic_server.runs import Runs
from irenic_server.services import Services
from irenic_server.states import read_states, replace_states
from irenic_server.strict_json import read_json
from irenic_server.telemetry import read_telemetry
from irenic_server.tokens import Scope


class JsonRequest(Request):
    """A request whose JSON is read strictly: no NaN, no lone surrogates, no endless nesting."""

    async def json(self) -> Any:
        """Return the body's value."""
        try:
            return read_json(await self.body())
        except ValueError as error:
            raise HTTPException(400, f"The body is not JSON: {error}. Nothing was stored.") from None


class JsonRoute(APIRoute):
    """A route that reads its JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, given a strict request."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            strict = JsonRequest(request.scope, request.receive)
            if request.method not in ("GET", "HEAD") and await strict.body():
                check_is_json(request.headers.get("content-type", "nothing").encode("latin-1"))
            return await handle(strict)

        return handle_strictly


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Server = Annotated[Services, Depends(_services)]
Id = Annotated[ExecutionId, Path(description="a ULID, made by whoever creates the execution")]
IfMatch = Annotated[str | None, Header(description='the ETag that was read, e.g. "7"')]
IfNoneMatch = Annotated[str | None, Header(description="an ETag that is known already; or * to create")]

router = APIRouter(prefix="/api/v1", route_class=JsonRoute)
CLAIM_MS = 5_000
"""How long a server has to begin what it has claimed, until another one does."""

CLAIM_LOOK_SECONDS = 0.1
MOST_EVENTS = 10_000
MOST_EXECUTIONS = 500


def json_text(text: str | bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return JSON that is text already, as an answer that nobody may keep."""
    return Response(text, status, {"Cache-Control": "no-store"} | (headers or {}), "application/json")


@router.put(
    "/executions/{execution_id}",
    response_model=ExecutionRecord,
    status_code=201,
    responses=problems(409, also={200: ExecutionRecord}),
    tags=["executions"],
    summary="Create an execution; the same again changes nothing",
)
async def put_execution(
    services: Server, http_request: Request, execution_id: Id, request: ExecutionCreate
) -> Response:
    http_request.scope[PRINCIPAL].check_reach(request.flow, request.profile)
    made, body = await services.writer.write(lambda transaction: create_execution(transaction, execution_id, request))
    services.metrics.executions_created += made
    return json_text(body, 201 if made else 200)


@router.post(
    "/executions",
    response_model=Accepted,
    status_code=202,
    responses=problems(404),
    tags=["executions"],
    summary="Run a flow on this server, if it was started with flows to run",
)
async def post_execution(
    services: Server,
    http_request: Request,
    request: RunRequest,
    idempotency_key: Annotated[str | None, Header(description='a string in quotes, e.g. "8e03978e"')] = None,
) -> Response:
    runs = services.runs
    http_request.scope[PRINCIPAL].check_reach(request.flow, request.profile)
    if request.take_over:
        require_scope(http_request.scope[PRINCIPAL], Scope.TAKE_OVER)
    if runs is None:
        raise Problem("not-found", "This server runs no flows: it was started without any.")
    if services.draining:
        raise Problem("unavailable", "The server is ending. Nothing was started.", headers={"Retry-After": "5"})
    if idempotency_key is None:
        execution_id = await runs.submit(request, new_execution_id())
    else:
        caller = http_request.scope[PRINCIPAL].name
        execution_id = await _submit_once(services, runs, request, caller, read_key(idempotency_key))
    body = Accepted(id=execution_id).model_dump_json()
    return json_text(body, 202, {"Location": f"{services.settings.prefix}/api/v1/executions/{execution_id}"})


async def _submit_once(services: Services, runs: Runs, request: RunRequest, caller: str, key: str) -> str:
    """Begin an execution, unless a request with the same key has done so, here or at another server."""
    fingerprint = hashlib.sha256(to_json(request)).hexdigest()
    new_id = new_execution_id()
    while True:
        claim = await services.writer.write(
            lambda transaction: claim_key(transaction, caller, key, fingerprint, new_id)
        )
        begin = claim.is_new
        if not begin:
            known = runs.knows(claim.execution_id)
            if known or await services.database.read(execution_exists, claim.execution_id):
                return claim.execution_id
            if now_ms() - claim.since_ms > CLAIM_MS:
                begin = await services.writer.write(
                    partial(take_claim, caller=caller, key=key, since_ms=claim.since_ms)
                )
        if begin:
            break
        # Another server is about to begin it; if that has died, it never will.
        await asyncio.sleep(CLAIM_LOOK_SECONDS)
    try:
        begun = await runs.submit(request, claim.execution_id)
    except Problem:
        await services.writer.write(lambda transaction: release_key(transaction, caller, key))
        raise
    if begun != claim.execution_id:
        await services.writer.write(lambda transaction: point_key(transaction, caller, key, begun))
    return begun


@router.get(
    "/executions",
    response_model=ExecutionPage,
    responses=problems(400),
    tags=["executions"],
    summary="List executions, newest first",
)
async def get_executions(
    services: Server,
    flow: Identifier | None = None,
    profile: Identifier | None = None,
    status: Annotated[str | None, Query(pattern="^[a-z_]{1,32}$", description="running, or a kind of outcome")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_EXECUTIONS)] = 50,
    cursor: Annotated[str | None, Query(max_length=64, description="next_cursor of the page before")] = None,
    flow_info: Annotated[bool, Query(description="whether to include the picture of each flow")] = True,
) -> Response:
    body = await services.database.read(
        list_executions,
        flow=flow,
        profile=profile,
        status=status,
        limit=limit,
        cursor=cursor,
        flow_info=flow_info,
    )
    return json_text(body)


@router.get(
    "/executions/{execution_id}",
    response_model=ExecutionRecord,
    responses=problems(404),
    tags=["executions"],
    summary="Read an execution",
)
async def get_execution(services: Server, execution_id: Id) -> Response:
    return json_text((await services.database.read(read_execution, execution_id)).body)


@router.get(
    "/executions/{execution_id}/events",
    response_model=EventPage,
    responses=problems(404),
    tags=["executions"],
    summary="Read events of a journal, in order",
)
async def get_events(
    services: Server,
    execution_id: Id,
    after: Annotated[int, Query(ge=-1, le=2**53, description="the number of the last event that is known")] = -1,
    limit: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = 1000,
) -> Response:
    status = await services.database.read(read_status, execution_id)
    page = (await services.database.read(read_events, status.key, after, limit + 1))[:limit]
    more = bool(page) and page[-1][0] < status.next_seq - 1
    next_after = page[-1][0] if more else None
    bodies = ",".join(body for _, body in page)
    return json_text(f'{{"events":[{bodies}],"next_after":{to_json(next_after).decode()}}}')


@router.put(
    "/executions/{execution_id}/outcome",
    response_model=CmdOutcome,
    status_code=201,
    responses=problems(404, 409, also={200: CmdOutcome}),
    tags=["executions"],
    summary="Store the outcome, once",
)
async def put_outcome(services: Server, execution_id: Id, outcome: Annotated[dict[str, Any], Body()]) -> Response:
    checked = check_outcome(outcome, execution_id)
    body = outcome_text(outcome)
    made = await services.writer.write(lambda transaction: store_outcome(transaction, execution_id, checked, body))
    if made:
        services.metrics.ended(outcome["kind"])
    return json_text(body, 201 if made else 200)


@router.get(
    "/executions/{execution_id}/outcome",
    response_model=CmdOutcome,
    responses=problems(404),
    tags=["executions"],
    summary="Read the outcome; 404 until there is one",
)
async def get_outcome(services: Server, execution_id: Id) -> Response:
    return json_text(await services.database.read(read_outcome, execution_id))


@router.get(
    "/executions/{execution_id}/progress",
    response_model=Progress,
    response_model_exclude_unset=True,
    responses=problems(404),
    tags=["executions"],
    summary="Read how far an execution is",
)
async def get_progress(services: Server, execution_id: Id) -> Response:
    progress = services.runs.progress(execution_id) if services.runs is not None else None
    if progress is None:
        status = await services.database.read(read_status, execution_id)
        if status.ended:
            return json_text('{"done":true}')
        progress = None
        while progress is None:
            # A long journal is folded in steps, so that others are answered in between.
            progress = await services.database.read(services.folds.advance, status.key)
        progress.execution_id = execution_id
    if progress.done:
        # Its journal has its last event; the outcome is stored in this moment.
        return json_text('{"done":true}')
    return json_text(f'{{"done":false,"progress":{progress.model_dump_json()}}}')


@router.post(
    "/executions/{execution_id}/interrupt",
    response_model=Interrupted,
    responses=problems(404),
    tags=["interrupts"],
    summary="Ask an execution to stop, wherever it runs; a second time asks harder",
)
async def post_interrupt(services: Server, execution_id: Id, request: InterruptRequest | None = None) -> Interrupted:
    asked = request or InterruptRequest()
    # One that runs here hears of it at once, and only once; others by their stream, their poll or their lease.
    reply = services.runs.interrupt(execution_id, asked) if services.runs is not None else None
    if reply is None:
        reply = await services.writer.write(lambda transaction: interrupt_execution(transaction, execution_id, asked))
    return Interrupted(reply=reply)


@router.post(
    "/interrupt", response_model=Interrupted, responses=problems(), tags=["interrupts"], summary="Ask all to stop"
)
async def post_interrupt_all(services: Server, request: InterruptRequest | None = None) -> Interrupted:
    asked = request or InterruptRequest()
    here = services.runs.interrupt_all(asked) if services.runs is not None else []
    reply = await services.writer.write(lambda transaction: interrupt_all(transaction, asked, here))
    if here:
        reply = InterruptReply.REQUESTED
    return Interrupted(reply=reply)


@router.get(
    "/pause", response_model=Pause, responses=problems(), tags=["interrupts"], summary="Read whether all is paused"
)
async def get_pause(services: Server, response: Response) -> Pause:
    response.headers["Cache-Control"] = "no-store"
    return await services.database.read(read_pause)


@router.put(
    "/pause",
    response_model=Pause,
    responses=problems(),
    tags=["interrupts"],
    summary="Pause everything: all that runs is asked to stop, and failsafes that look here stop what starts; or go on",
)
async def put_pause(services: Server, request: PauseRequest) -> Pause:
    # What runs here hears of it as others do, by its lease.
    return await services.writer.write(lambda transaction: set_pause(transaction, request))


@router.get(
    "/executions/{execution_id}/telemetry",
    response_model=dict[str, Any],
    responses=problems(404),
    tags=["telemetry"],
    summary="Read the spans, metrics or log records of an execution, as an OTLP request",
)
async def get_telemetry(
    services: Server,
    execution_id: Id,
    signal: Signal = Signal.TRACES,
    limit: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = 5000,
) -> Response:
    await services.database.read(read_status, execution_id)
    return json_text(await services.database.read(read_telemetry, execution_id, signal, limit))


_PROFILE = "/flows/{flow}/profiles/{profile}"


@router.get(
    f"{_PROFILE}/states",
    response_model=FlowStates,
    responses=problems(also={304: None}),
    tags=["states"],
    summary="Read the stored states; their serial is the ETag",
)
async def get_states(
    services: Server, flow: Identifier, profile: Identifier, if_none_match: IfNoneMatch = None
) -> Response:
    states = await services.database.read(read_states, flow, profile)
    etag = {"ETag": f'"{states.serial}"', "Cache-Control": "no-cache"}
    if if_none_match is not None and etag["ETag"] in [strong(tag) for tag in if_none_match.split(",")]:
        return Response(status_code=304, headers=etag)
    return json_text(states.model_dump_json(), headers=etag)


@router.put(
    f"{_PROFILE}/states",
    response_model=FlowStates,
    responses=problems(409, 412, 428),
    tags=["states"],
    summary="Replace the stored states, if nobody else has changed them",
)
async def put_states(
    services: Server,
    flow: Identifier,
    profile: Identifier,
    request: StatesReplace,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    irenic_fencing: Annotated[
        int | None, Header(ge=0, lt=2**53, description="the number of the lease, where somebody holds one")
    ] = None,
) -> Response:
    expected = _expected_serial(if_match, if_none_match)
    states = await services.writer.write(
        lambda transaction: replace_states(transaction, flow, profile, request.items, expected, irenic_fencing)
    )
    return json_text(states.model_dump_json(), headers={"ETag": f'"{states.serial}"'})


def _expected_serial(if_match: str | None, if_none_match: str | None) -> int | None:
    if if_match is None and if_none_match is not None and if_none_match.strip() == "*":
        return None
    if if_match is None:
        raise Problem(
            "precondition-required",
            "States are only replaced by whoever has seen the ones before. Nothing was stored. Read them, and send "
            "their ETag as If-Match; or If-None-Match: * where there are none.",
        )
    serial = strong(if_match).strip('"')
    if not (serial.isascii() and serial.isdecimal()) or len(serial) > 16:
        raise Problem("states-changed", f"No states ever had the ETag {if_match[:40]!r}. Nothing was stored.")
    return int(serial)


@router.get(
    "/flows/{flow}/profiles",
    response_model=Profiles,
    responses=problems(),
    tags=["states"],
    summary="List the profiles of a flow",
)
async def get_profiles(services: Server, http_request: Request, flow: Identifier) -> Profiles:
    found = await services.database.read(list_profiles, flow)
    may_reach = http_request.scope[PRINCIPAL].may_reach
    return Profiles(profiles=[profile for profile in found if may_reach(flow, profile)])


@router.get(
    f"{_PROFILE}/inputs",
    response_model=FlowInputs,
    responses=problems(),
    tags=["states"],
    summary="Read the stored inputs of a profile",
)
async def get_inputs(services: Server, flow: Identifier, profile: Identifier) -> Response:
    return json_text(f'{{"inputs":{await services.database.read(read_inputs, flow, profile)}}}')


@router.put(
    f"{_PROFILE}/inputs",
    response_model=FlowInputs,
    responses=problems(),
    tags=["states"],
    summary="Replace the stored inputs of a profile",
)
async def put_inputs(services: Server, flow: Identifier, profile: Identifier, request: FlowInputs) -> Response:
    inputs = to_json(request.inputs).decode()
    await services.writer.write(lambda transaction: replace_inputs(transaction, flow, profile, inputs))
    return json_text(f'{{"inputs":{inputs}}}')


@router.post(
    f"{_PROFILE}/lease",
    response_model=LeaseInfo,
    status_code=201,
    responses=problems(409),
    tags=["leases"],
    summary="Take the lease of a profile, or take it over",
)
async def post_lease(
    services: Server, http_request: Request, flow: Identifier, profile: Identifier, request: LeaseTake
) -> Response:
    if request.take_over:
        require_scope(http_request.scope[PRINCIPAL], Scope.TAKE_OVER)
    ttl = request.ttl or services.settings.lease_ttl
    lease = await services.writer.write(lambda transaction: take_lease(transaction, flow, profile, request, ttl))
    return json_text(lease.model_dump_json(), 201)


@router.put(
    f"{_PROFILE}/lease",
    response_model=LeaseInfo,
    responses=problems(409),
    tags=["leases"],
    summary="Keep the lease, and hear of an interrupt",
)
async def put_lease(services: Server, flow: Identifier, profile: Identifier, request: LeaseRenew) -> Response:
    ttl = request.ttl or services.settings.lease_ttl
    lease = await services.writer.write(lambda transaction: renew_lease(transaction, flow, profile, request, ttl))
    return json_text(lease.model_dump_json())


@router.delete(
    f"{_PROFILE}/lease",
    status_code=204,
    response_class=Response,
    responses=problems(409),
    tags=["leases"],
    summary="Give the lease back; its execution is lost if it has no outcome",
)
async def delete_lease(
    services: Server,
    flow: Identifier,
    profile: Identifier,
    request: LeaseGiveBack | None = None,
    fencing: Annotated[int | None, Query(ge=0, lt=2**53, description="in place of the body")] = None,
) -> Response:
    number = request.fencing if request is not None else fencing
    if number is None:
        raise Problem("invalid-request", "Say which lease: its fencing number, in the body or the query.")
    kind = await services.writer.write(lambda transaction: give_back_lease(transaction, flow, profile, number))
    if kind is not None:
        services.metrics.ended(kind)
    return Response(status_code=204)
