"""The same request again: what a stopped execution was asked for, whole, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from irenic.engine.request import CmdExecRequest
from irenic.flow.flow import Flow
from irenic.model.cmd import Cmd, OnDrift
from irenic.model.errors import ParamsError
from irenic.model.options import RequestOptions
from irenic.model.outcome import CmdOutcome
from irenic.model.record import ExecutionRecord


def request_again(
    flow: Flow,
    record: ExecutionRecord,
    outcome: CmdOutcome | None,
    *,
    inputs: Mapping[str, Any] | None = None,
    guards: Sequence[Any] = (),
    **more: Any,
) -> CmdExecRequest:
    """Return the request that goes on with an execution: its commands that are not done, with all its options.

    A plan is left out: the world is not what it saw any more, because the execution has changed it.

    :param inputs: secrets, which are never stored, and values that replace stored ones.
    :param guards: those of the request, made again.
    :raises ParamsError: if the execution was one of another flow, or the flow has none of its items any more.
    """
    if record.flow != flow.id:
        raise ParamsError(f"this file defines the flow {flow.id}, but {record.id} ran {record.flow}.")
    options = record.request or RequestOptions(dry_run=record.dry_run)
    given = {name: getattr(options, name) for name in RequestOptions.model_fields if name not in ("guards", "plan")}
    if record.request is None and outcome is not None:  # of an earlier irenic, which stored no request
        given["items"] = [*outcome.items.done, *outcome.items.not_done, *outcome.items.unknown, *outcome.errors] or None
    if given["items"] is not None:
        names = given["items"]
        given["items"] = [item for item in dict.fromkeys(names) if item in flow.items]
        if not given["items"]:
            raise ParamsError(f"{record.id} was about {', '.join(names)}, which {flow.id} no longer has.")
    if given["on_drift"] is OnDrift.ASK:
        given["on_drift"] = OnDrift.REPAIR  # the preview of the resume is what asks
    left = [Cmd(cmd) for cmd in outcome.cmds.not_done] if outcome is not None else []
    return CmdExecRequest(
        flow=flow,
        profile=record.profile,
        cmds=left or record.cmds,
        inputs={**record.inputs, **(inputs or {})},
        guards=tuple(guards),
        **{**given, **more},
    )
