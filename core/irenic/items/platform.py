"""Files and requests of the place where this runs: the disk and httpx natively, the browser's own in the tab."""

import sys

from irenic.engine.platform import Platform
from irenic.flow.context import HttpClient


def platform() -> Platform:
    """Return the files and the client for requests.

    Natively files lie below the current folder. In the tab each flow and profile has a root of its own.
    """
    if sys.platform == "emscripten":
        from irenic.items.files_opfs import OpfsFiles
        from irenic.items.place_opfs import OpfsPlace

        return Platform(files=OpfsFiles(), http=http_client(), place=OpfsPlace(), files_of=OpfsFiles.of)
    from irenic.items.children import NativeChildren
    from irenic.items.files_disk import DiskFiles
    from irenic.items.place_disk import DiskPlace

    return Platform(files=DiskFiles(), http=http_client(), place=DiskPlace(), children=NativeChildren())


def http_client(*, keep_alive: bool = False) -> HttpClient:
    """Return a client for requests.

    :param keep_alive: natively, whether to keep connections for the next request; the caller calls ``close`` then.
    """
    if sys.platform == "emscripten":
        from irenic.items.http_tab import TabHttp

        return TabHttp()
    from irenic.items.http_native import NativeHttp

    return NativeHttp(keep_alive=keep_alive)
