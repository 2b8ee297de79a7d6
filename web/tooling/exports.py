"""What the page is told about the core, by the core itself; run in the environment as `python -m tooling.exports`."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from irenic.cli.flow_wheels import FlowWheels
from irenic.cli.flows import PackagesError
from irenic.cli.site_flow import read_flow
from irenic.cli.tab_python import TabPython
from irenic.endpoints.tab_messages import declared_fields
from irenic.model.errors import FlowError
from tooling.paths import EXPORTS, FLOW_WHEELS, WEB
from tooling.stamps import write_atomically
from tooling.wheel import lock_of, wheels_of_every_tab


def main() -> None:
    """Write the pictures of the page's flows and the schema of its messages into `build/exports/`."""
    wheels = FlowWheels(FLOW_WHEELS)
    try:
        export_flows(WEB / "flows", EXPORTS / "flows", wheels)
    except FlowError as error:
        sys.exit(str(error))
    for folder in set(FLOW_WHEELS.glob("*")) - wheels.used:
        shutil.rmtree(folder)
    write_atomically(EXPORTS / "boot" / "protocol.json", json.dumps(declared_fields()))


def export_flows(sources: Path, target: Path, wheels: FlowWheels) -> None:
    """Write NAME.json, a FlowInfo, for every flow file, and `index.json`, the list of them.

    The list names, beside each flow, the wheels that it needs beyond the core.
    Raises irenic's FlowError where a file defines no flow, or a tab cannot run it.
    """
    every_tab = wheels_of_every_tab()
    tab = TabPython(lock_of(every_tab), every_tab)
    index: list[dict[str, Any]] = []
    wanted = {"index.json"}
    for source in sorted(sources.glob("*.py")):
        flow = read_flow(source, tab, wheels)
        if flow.problem is not None:
            raise PackagesError(flow.problem)
        index.append(flow.entry())
        write_atomically(target / f"{flow.name}.json", flow.info.model_dump_json())
        wanted.add(f"{flow.name}.json")
    write_atomically(target / "index.json", json.dumps({"flows": index}, indent=1))
    for old in target.glob("*.json"):
        if old.name not in wanted:
            old.unlink()


if __name__ == "__main__":
    main()
