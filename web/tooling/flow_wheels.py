"""What a flow needs beyond the core (PEP 723), as wheels for the tab, resolved when the site is made.

A flow's author pins what has to be pinned, in the flow's own header; what the tab loads anyway keeps its version.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from irenic.flow.script import FlowHeader
from tooling.errors import BuildError
from tooling.packages import TAB_TARGET, normalised, pinned_versions
from tooling.paths import FLOW_WHEELS, WEB
from tooling.stamps import Step

NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


def flow_wheels(flow: str, header: FlowHeader) -> list[Path]:
    """Download the wheels that a flow's header asks for beyond the core, with all that they need, and list them.

    Raises BuildError where one of them has no wheel that a tab can load.
    """
    folder = FLOW_WHEELS / flow
    if not (wanted := [need for need in header.dependencies if _name(need) != "irenic"]):
        shutil.rmtree(folder, ignore_errors=True)
        return []
    step = Step(
        name="downloaded",
        title=f"wheels of the flow {flow}",
        inputs=(*wanted, *TAB_TARGET, WEB / "wheels.txt"),
        outputs=(),
        action=lambda: _download(flow, folder, wanted),
        stamps=folder,
    )
    step.bring_up_to_date()
    return sorted(folder.glob("*.whl"))


def forget_flows_but(flows: Collection[str]) -> None:
    """Delete the wheels of flows that are no longer there."""
    for folder in FLOW_WHEELS.glob("*"):
        if folder.name not in flows:
            shutil.rmtree(folder)


def _name(requirement: str) -> str:
    found = NAME.match(requirement)
    return normalised(found.group(1)) if found else ""


def _download(flow: str, folder: Path, wanted: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    loaded_anyway = pinned_versions(WEB / "wheels.txt")
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in loaded_anyway.items()))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *TAB_TARGET, "--dest", str(folder)]
    downloaded = subprocess.run(
        [*pip, "--constraint", str(constraints), *wanted], capture_output=True, text=True, check=False
    )
    if downloaded.returncode != 0:
        raise BuildError(
            f"The flow {flow} asks for {', '.join(wanted)}, of which a tab can load no wheels.",
            next_step=f"Change the dependencies in the header of web/flows/{flow}.py.",
            log=downloaded.stderr,
        )
    for wheel in folder.glob("*.whl"):
        if normalised(wheel.name.split("-")[0]) in loaded_anyway:
            wheel.unlink()
