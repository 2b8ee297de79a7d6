"""A place where items work on real files and a real web server, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.origin import Origin, running_origin

from irenic import CmdExecRequest, CmdExecution, CmdExecutionMap, CmdOutcome, Flow
from irenic.engine.platform import Platform
from irenic.items.children import NativeChildren
from irenic.items.files_disk import DiskFiles
from irenic.items.http_native import NativeHttp
from irenic.items.paths import PARTIAL
from irenic.stores import MemoryStore


class Workshop:
    """Files below ``root``, a web server, and a store that outlives each run."""

    def __init__(self, root: Path, origin: Origin) -> None:
        self.root = root
        self.origin = origin
        self.store = MemoryStore()
        self.use(DiskFiles(root))

    def use(self, files: DiskFiles) -> None:
        """Let items work on these files from now on."""
        self.files = files
        self.executions = CmdExecutionMap(self.store, platform=Platform(files, NativeHttp(), children=NativeChildren()))

    def submit(self, flow: Flow, *cmds: str, **options: Any) -> CmdExecution:
        """Begin to run commands on a flow."""
        return self.executions.submit(CmdExecRequest(flow=flow, cmds=list(cmds or ("ensure",)), **options))

    async def run(self, flow: Flow, *cmds: str, **options: Any) -> CmdOutcome:
        """Run commands on a flow to their end."""
        return await self.submit(flow, *cmds, **options)

    async def state(self, flow: Flow, item: str) -> dict[str, Any] | None:
        """Return an item's stored current state."""
        return (await self.store.states(flow.id, "default")).items[item].current

    def tree(self) -> dict[str, bytes]:
        """Return all files by their path, also unfinished ones."""
        found = [path for path in self.root.rglob("*") if path.is_file()]
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in sorted(found)}

    def leaves_nothing_unfinished(self) -> bool:
        """Return whether no unfinished file is left."""
        return not (self.root / PARTIAL).exists()


@contextmanager
def open_workshop(root: Path) -> Iterator[Workshop]:
    """Run the web server until the block ends."""
    with running_origin() as origin:
        yield Workshop(root, origin)
