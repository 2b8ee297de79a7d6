"""The OpenAPI description: what FastAPI makes of the routes, the routes beside it, and the problems."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from irenic_server.otlp import NAMES, Signal
from irenic_server.problems import KINDS, MEDIA_TYPE, URN
from irenic_server.requests import Appended, EventBatch

_REF = "#/components/schemas/{model}"
_EVERYWHERE = (400, 401, 403, 413, 421, 422, 429, 503)


class ProblemBody(BaseModel):
    """An error as RFC 9457 describes it; some kinds have further members."""

    type: str = Field(examples=[URN + "unknown-execution"])
    title: str
    status: int
    detail: str = Field(description="what happened, what is safe, what to do next")


def problems(*statuses: int, also: dict[int, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """Return what FastAPI is told of a route's further answers.

    :param statuses: statuses of problems besides those that every route may give.
    :param also: other answers, by status: the model, or None where there is no body.
    """
    described: dict[int | str, dict[str, Any]] = {status: _problem(status) for status in (*_EVERYWHERE, *statuses)}
    for status, model in (also or {}).items():
        described[status] = {"description": "The same is stored already" if model else "Nothing has changed"}
        if model is not None:
            described[status]["model"] = model
    return described


def _problem(status: int) -> dict[str, Any]:
    names = sorted(name for name, kind in KINDS.items() if kind.status == status)
    return {
        "description": "; ".join(KINDS[name].title for name in names),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(model="ProblemBody")},
                "examples": {
                    name: {"value": {"type": URN + name, "title": KINDS[name].title, "status": status, "detail": "…"}}
                    for name in names
                },
            }
        },
    }


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description of the whole API."""
    description = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        summary=app.summary,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas = description["components"]["schemas"]
    _, further = models_json_schema(
        [(ProblemBody, "validation"), (EventBatch, "validation"), (Appended, "serialization")], ref_template=_REF
    )
    schemas.update(further["$defs"])
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in _raw_paths().items():
        description["paths"].setdefault(path, {}).update(operations)
    description["components"]["responses"] = _share_problems(description["paths"])
    description["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "irenic_token"},
    }
    description["security"] = [{"bearer": []}, {"cookie": []}]
    return description


def _share_problems(paths: dict[str, Any]) -> dict[str, Any]:
    """Put references in place of the problems that every operation repeats, and return what they refer to."""
    shared: dict[str, Any] = {}
    for operations in paths.values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if set(response.get("content", {})) == {MEDIA_TYPE}:
                    name = f"Problem{status}"
                    shared[name] = response
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return shared


def _raw_paths() -> dict[str, dict[str, Any]]:
    execution_id = {
        "name": "execution_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"},
    }
    paths: dict[str, dict[str, Any]] = {
        "/api/v1/executions/{execution_id}/events": {
            "post": {
                "tags": ["executions"],
                "operationId": "append_events",
                "summary": "Append events; the same again changes nothing, a gap is refused",
                "parameters": [
                    execution_id,
                    {
                        "name": "Irenic-Fencing",
                        "in": "header",
                        "description": "the fencing number of the writer's lease",
                        "schema": {"type": "integer", "minimum": 0, "maximum": 2**53},
                    },
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": _REF.format(model="EventBatch")}}},
                },
                "responses": _responses({"$ref": _REF.format(model="Appended")}, 404, 409, 415, 507),
            }
        },
        "/api/v1/executions/{execution_id}/stream": {
            "get": {
                "tags": ["streams"],
                "operationId": "stream_execution",
                "summary": "Follow an execution: events journal, interrupt, and outcome at the end",
                "parameters": [execution_id, *_stream_parameters()],
                "responses": _stream_responses("The end was seen already", 404),
            }
        },
        "/api/v1/executions/{execution_id}/signal": {
            "get": {
                "tags": ["interrupts"],
                "operationId": "read_signal",
                "summary": "Read in one character whether a stop was asked for: 2 if so, else 0",
                "parameters": [execution_id],
                "responses": {
                    "200": {
                        "description": "0 or 2",
                        "content": {"text/plain": {"schema": {"type": "string", "enum": ["0", "2"]}}},
                    }
                }
                | {str(status): _problem(status) for status in (*_EVERYWHERE, 404)},
            }
        },
        "/api/v1/stream": {
            "get": {
                "tags": ["streams"],
                "operationId": "stream_executions",
                "summary": "Follow the list: an event execution for each that is made, interrupted or ends",
                "parameters": _stream_parameters(),
                "responses": _stream_responses(None),
            }
        },
    }
    for signal in Signal:
        paths[f"/v1/{signal}"] = {"post": _telemetry(signal)}
    return paths


def _telemetry(signal: Signal) -> dict[str, Any]:
    body = {"schema": {"type": "object", "properties": {NAMES[signal].resources: {"type": "array"}}}}
    answer = {"schema": {"type": "object", "properties": {"partialSuccess": {"type": "object"}}}}
    status = {
        "schema": {
            "type": "object",
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
            "required": ["code", "message"],
        }
    }
    responses: dict[str, Any] = {
        str(code): {"description": "A google.rpc.Status", "content": {"application/json": status}}
        for code in (400, 404, 413, 415, 507)
    }
    responses["200"] = {"description": "Stored, or in part", "content": {"application/json": answer}}
    return {
        "tags": ["telemetry"],
        "operationId": f"post_{signal}",
        "summary": f"Take an OTLP request of {signal}",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": responses | {str(code): _problem(code) for code in (401, 403, 421, 429, 503)},
    }


def _stream_parameters() -> list[dict[str, Any]]:
    return [
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "the id of the last event that was seen",
            "schema": {"type": "string"},
        },
        {
            "name": "after",
            "in": "query",
            "description": "the same, for the first connection of a browser",
            "schema": {"type": "string"},
        },
    ]


def _stream_responses(no_content: str | None, *statuses: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "200": {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    }
    if no_content is not None:
        found["204"] = {"description": no_content}
    return found | {str(status): _problem(status) for status in (*_EVERYWHERE, *statuses)}


def _responses(schema: dict[str, Any], *statuses: int) -> dict[str, Any]:
    found: dict[str, Any] = {"200": {"description": "Stored", "content": {"application/json": {"schema": schema}}}}
    return found | {str(status): _problem(status) for status in (*_EVERYWHERE, *statuses)}
