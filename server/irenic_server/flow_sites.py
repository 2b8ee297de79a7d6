"""The site where each flow has an origin of its own: at a flow's host that flow, elsewhere a list of addresses."""

import html
from pathlib import Path

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from irenic_server.asgi import header, respond
from irenic_server.auth import given_token
from irenic_server.origins import INDEX, MANIFEST, Origins
from irenic_server.problems import Problem
from irenic_server.settings import Settings

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>irenic</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Flows</h1><p>Each flow has an address of its own, with a cookie and files of its own.</p>
<ul>{rows}</ul></main></body></html>
"""


class FlowSites:
    """Serves a site as one for each flow."""

    def __init__(self, site: ASGIApp, root: Path, origins: Origins, settings: Settings) -> None:
        self._site = site
        self._root = root
        self._origins = origins
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, label = scope["path"], self._origins.label_of(scope)
        reads = scope["method"] in ("GET", "HEAD")
        if label is None and path == "/" and reads:
            await self._list(scope, send)
        elif label is None or self._origins.hides(label, path):
            raise Problem("not-found", "Nothing is here: each flow has an address of its own, which / lists.")
        elif path in (INDEX, MANIFEST) and reads:
            content = await to_thread.run_sync((self._root / path.lstrip("/")).read_bytes)
            body = self._origins.own_part(label, path, content)
            await respond(send, 200, body, [(b"content-type", b"application/json"), (b"cache-control", b"no-cache")])
        else:
            await self._site(scope, receive, send)

    async def _list(self, scope: Scope, send: Send) -> None:
        """Lead to the flows, with the token that opens this page: a cookie is known at no other host."""
        token = html.escape(given_token(scope) or "")
        host = (header(scope, b"host") or b"").decode("latin-1")
        port = host.rpartition(":")[2]
        addresses = self._origins.addresses(
            scope.get("scheme", "http"), int(port) if port.isdecimal() else None, self._settings.prefix
        )
        rows = "".join(
            f'<li><a href="{html.escape(address)}?token={token}">{html.escape(name)}</a></li>'
            for name, address in addresses
        )
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store")]
        await respond(send, 200, _PAGE.format(rows=rows).encode(), headers)
