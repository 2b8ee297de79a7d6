"""Files and requests of the place where this runs: the disk and httpx natively, the browser's own in the tab."""

import sys

from irenic.engine.platform import Platform
from irenic.flow.context import HttpClient


def platform() -> Platform:
    """Return the files and the client for requests; natively files lie below the current folder."""
    if sys.platform == "emscripten":
        from irenic.items.files_opfs import OpfsFiles

        return Platform(files=OpfsFiles(), http=http_client())
    from irenic.items.children import NativeChildren
    from irenic.items.files_disk import DiskFiles

    return Platform(files=DiskFiles(), http=http_client(), children=NativeChildren())


def http_client(*, keep_alive: bool = False) -> HttpClient:
    """Return a client for requests.

    :param keep_alive: natively, whether to keep connections for the next request; the caller calls ``close`` then.
    """
    if sys.platform == "emscripten":
        from irenic.items.http_tab import TabHttp

        return TabHttp()
    from irenic.items.http_native import NativeHttp

    return NativeHttp(keep_alive=keep_alive)
