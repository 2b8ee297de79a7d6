"""What the page is told about the core, by the core itself; run in the environment as `python -m tooling.exports`."""

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from irenic.endpoints.tab_messages import declared_fields
from irenic.flow.script import load_flow, read_header
from irenic.model.errors import FlowError
from tooling.errors import BuildError
from tooling.flow_wheels import flow_wheels, forget_flows_but
from tooling.paths import EXPORTS, WEB
from tooling.stamps import write_atomically


def main() -> None:
    """Write the pictures of the page's flows and the schema of its messages into `build/exports/`."""
    try:
        forget_flows_but(export_flows(WEB / "flows", EXPORTS / "flows"))
    except BuildError as error:
        sys.exit(f"{error.log}\n{error}\n{error.next_step}")
    except FlowError as error:
        sys.exit(str(error))
    write_atomically(EXPORTS / "boot" / "protocol.json", json.dumps(declared_fields()))


def export_flows(sources: Path, target: Path) -> set[str]:
    """Write NAME.json, a FlowInfo, for every flow file, and `index.json`, the list of them; return the names.

    The list names, beside each flow, the wheels that it needs beyond the core.
    Raises irenic's FlowError where a file defines no flow.
    """
    index: list[dict[str, Any]] = []
    wanted = {"index.json"}
    for source in sorted(sources.glob("*.py")):
        text = source.read_text()
        wheels = flow_wheels(source.stem, read_header(text))
        with importable(wheels):
            info = load_flow(text, source.name).info()
        addresses = [f"vendor/wheels/{wheel.name}" for wheel in wheels]
        index.append({"name": source.stem, "id": info.id, "summary": info.summary, "wheels": addresses})
        write_atomically(target / f"{source.stem}.json", info.model_dump_json())
        wanted.add(f"{source.stem}.json")
    write_atomically(target / "index.json", json.dumps({"flows": index}, indent=1))
    for old in target.glob("*.json"):
        if old.name not in wanted:
            old.unlink()
    return {entry["name"] for entry in index}


@contextlib.contextmanager
def importable(wheels: Iterable[Path]) -> Iterator[None]:
    """Let pure Python be imported out of its wheels; what is compiled for the tab has to be installed here too."""
    before = list(sys.path)
    sys.path += [str(wheel) for wheel in wheels if wheel.name.endswith("-none-any.whl")]
    try:
        yield
    finally:
        sys.path[:] = before


if __name__ == "__main__":
    main()
