"""Saved plans: files of ``irenic preview --save``."""

from pathlib import Path

from irenic.flow.flow import Flow
from irenic.model.errors import ParamsError, PlanError
from irenic.model.plan import Plan


def read_plan(path: Path, flow: Flow, profile: str) -> Plan:
    """Return a plan for a flow and profile from its file.

    :raises ParamsError: if it cannot be read, or was made for something else.
    """
    again = f"save one with `irenic preview FLOW.py --save {path}`"
    try:
        plan = Plan.read(path.read_bytes())
        plan.check_meant_for(flow.id, profile)
    except OSError as error:
        raise ParamsError(f"--plan {path} cannot be read ({error.strerror}): {again}.") from error
    except PlanError as error:
        raise ParamsError(f"--plan {path}: {error}") from error
    return plan


def write_plan(path: Path, plan: Plan) -> None:
    """Save a plan.

    :raises ParamsError: if the file cannot be written.
    """
    try:
        path.write_text(plan.text(), encoding="utf-8")
    except OSError as error:
        raise ParamsError(f"--save {path} cannot be written: {error.strerror}.") from error
