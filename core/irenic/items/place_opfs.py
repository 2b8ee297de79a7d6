"""The mark of a browser as a place: a file in the origin private file system, which goes where the files go."""

import asyncio
import json

import js

from irenic.items import opfs
from irenic.items.files_opfs import FOLDER
from irenic.model.ids import new_execution_id
from irenic.model.place import PlaceInfo

NAME = "place.json"


class OpfsPlace:
    """See :class:`irenic.engine.platform.PlaceMark`."""

    def __init__(self) -> None:
        self._known: PlaceInfo | None = None

    async def read(self) -> PlaceInfo | None:
        """See the protocol."""
        if self._known is None:
            try:
                folder = await opfs.origin_folder(FOLDER)
                file = await (await folder.getFileHandle(NAME)).getFile()
                self._known = PlaceInfo(id=str(json.loads(await file.text())["id"]), label=browser_label())
            except Exception:  # there is none, or none that can be read
                return None
        return self._known

    async def create(self) -> PlaceInfo | None:
        """See the protocol."""
        for _ in range(_TRIES):
            if await self.read() is not None:
                return self._known
            try:
                folder = await opfs.origin_folder(FOLDER)
                file = await folder.getFileHandle(NAME, create=True)
                access = await file.createSyncAccessHandle()
            except Exception as error:
                if getattr(error, "name", "") != "NoModificationAllowedError":
                    return None  # the browser lets nothing be written
                await asyncio.sleep(_PAUSE)  # another tab marks it in this moment
                continue
            try:
                if access.getSize() == 0:
                    place = PlaceInfo(id=new_execution_id(), label=browser_label())
                    access.write(js.TextEncoder.new().encode(json.dumps({"id": place.id})))
                    access.flush()
                    self._known = place
                    return place
            finally:
                access.close()
        return self._known


_TRIES = 50
_PAUSE = 0.02
"""Seconds between two tries."""

_BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iOS",
    "iPad": "iOS",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def browser_label() -> str:
    """Return the browser and its system, for a person: ``Firefox on Linux``."""
    agent = str(js.navigator.userAgent)
    browser = next((name for mark, name in _BROWSERS.items() if mark in agent), "a browser")
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), "this machine")
    return f"{browser} on {system}"
