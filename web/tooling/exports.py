"""What the page is told about the core, by the core itself; run in the environment as `python -m tooling.exports`."""

import json
from pathlib import Path

from irenic.endpoints.tab_messages import declared_fields
from irenic.flow.script import load_flow

from tooling.paths import EXPORTS, WEB
from tooling.stamps import write_atomically


def main() -> None:
    """Write the pictures of the page's flows and the schema of its messages into `build/exports/`."""
    export_flows(WEB / "flows", EXPORTS / "flows")
    write_atomically(EXPORTS / "boot" / "protocol.json", json.dumps(declared_fields()))


def export_flows(sources: Path, target: Path) -> None:
    """Write NAME.json, a FlowInfo, for every flow file, and `index.json`, the list of them.

    Raises irenic's FlowError where a file defines no flow.
    """
    index = []
    wanted = {"index.json"}
    for source in sorted(sources.glob("*.py")):
        info = load_flow(source.read_text(), source.name).info()
        index.append({"name": source.stem, "id": info.id, "summary": info.summary, "connect": info.connect})
        write_atomically(target / f"{source.stem}.json", info.model_dump_json())
        wanted.add(f"{source.stem}.json")
    write_atomically(target / "index.json", json.dumps({"flows": index}, indent=1))
    for old in target.glob("*.json"):
        if old.name not in wanted:
            old.unlink()


if __name__ == "__main__":
    main()
