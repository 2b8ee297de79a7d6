"""An origin for each flow: a host name below that of the server, at which there is this flow and no other.

Flows of one origin share cookie and files. At its own host a flow has a cookie and files of its own, and its cookie
opens nothing in the API but this flow.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from starlette.types import Scope

from irenic.model.errors import IrenicError
from irenic_server.asgi import header
from irenic_server.settings import Settings

INDEX = "/flows/index.json"
MANIFEST = "/manifest.json"
_label = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_of_a_flow = re.compile(r"/?flows/(?P<name>.+)\.(?:json|py)")


class OriginError(IrenicError):
    """A flow whose name cannot be a host's."""


class Origins:
    """The hosts of the flows of a site.

    :raises OriginError: if a flow's name cannot be that of a host, or two differ in capitals only.
    """

    def __init__(self, site: Path, name: str) -> None:
        self.name = name.lower()
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}
        entries = json.loads((site / INDEX.lstrip("/")).read_text(encoding="utf-8"))["flows"]
        for entry in entries:
            label = str(entry["name"]).lower()
            if not _label.fullmatch(label):
                raise OriginError(
                    f"The flow {entry['name']} cannot have an origin of its own: its file's name is no host name. Use "
                    "letters, digits, - and _."
                )
            if label in self._ids:
                raise OriginError(f"{self._names[label]} and {entry['name']} would have one host: rename one of them.")
            self._ids[label], self._names[label] = str(entry["id"]), str(entry["name"])

    def label(self, host: str) -> str | None:
        """Return which flow's host a ``Host`` header names; None where it is none of them."""
        name = host.lower().rpartition(":")[0] if re.search(r":\d+$", host) else host.lower()
        label, _, rest = name.partition(".")
        return label if rest == self.name and label in self._ids else None

    def label_of(self, scope: Scope) -> str | None:
        """Do as :meth:`label` for a request."""
        return self.label((header(scope, b"host") or b"").decode("latin-1"))

    def flow_id(self, label: str) -> str:
        """Return the id of the flow at a host."""
        return self._ids[label]

    def flow_name(self, label: str) -> str:
        """Return the name of the file of the flow at a host."""
        return self._names[label]

    def addresses(self, scheme: str, port: int | None, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield each flow's name and address, without a token."""
        authority = "" if port is None else f":{port}"
        for label, name in self._names.items():
            yield name, f"{scheme}://{label}.{self.name}{authority}{prefix}/"

    def hides(self, label: str, path: str) -> bool:
        """Tell whether a file of the site belongs to another flow than that of a host."""
        match = _of_a_flow.fullmatch(path)
        return match is not None and match["name"] not in ("index", self._names[label])

    def own_part(self, label: str, path: str, content: bytes) -> bytes:
        """Return the list of flows, or the manifest, with one flow in it."""
        told = json.loads(content)
        if path == INDEX:
            told["flows"] = [flow for flow in told["flows"] if flow["name"] == self._names[label]]
        else:
            told["files"] = {place: digest for place, digest in told["files"].items() if not self.hides(label, place)}
        return json.dumps(told).encode()


def origins_of(settings: Settings) -> Origins | None:
    """Return the hosts of the flows, where each is to have its own."""
    if settings.origin_name is None or settings.site is None:
        return None
    return Origins(settings.site, settings.origin_name)
