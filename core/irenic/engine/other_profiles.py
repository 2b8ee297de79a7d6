"""What a flow's other profiles have made in this place: natively, the profiles of a flow share one folder."""

from collections.abc import Callable
from typing import Any, NamedTuple

from irenic.engine.item_run import ItemRun, type_name
from irenic.engine.platform import PlaceMark
from irenic.engine.store import Store
from irenic.flow.params import digest
from irenic.model.states import ItemStates


class OtherEntry(NamedTuple):
    """What another profile has stored of a thing."""

    profile: str
    stored: ItemStates


class OtherProfiles:
    """Finds what other profiles have made in this place, by its identity.

    What they have stored is read when it is first asked for. An item without an identity, or one whose state does not
    live in files, is never found.

    :param place_mark: returns the mark of this place, or None where its files are no other profile's.
    """

    def __init__(self, store: Store, flow: str, profile: str, place_mark: Callable[[], PlaceMark | None]) -> None:
        self._store = store
        self._flow = flow
        self._profile = profile
        self._place_mark = place_mark
        self._entries: dict[str, OtherEntry] | None = None

    async def find(self, run: ItemRun, params: Any) -> OtherEntry | None:
        """Return what another profile has made of the thing that an item stands for.

        :raises StoreError: if what the other profiles have stored cannot be read.
        """
        if params is None or not run.is_local:
            return None
        identity = run.identity(params)
        if identity is None:
            return None
        if self._entries is None:
            mark = self._place_mark()
            place = None if mark is None else await mark.read()
            self._entries = {} if place is None else await self._read(place.id)
        return self._entries.get(_key(type_name(type(run.item)), identity))

    async def _read(self, place: str) -> dict[str, OtherEntry]:
        entries: dict[str, OtherEntry] = {}
        for profile in await self._store.profiles(self._flow):
            if profile == self._profile:
                continue
            states = await self._store.states(self._flow, profile)
            for whole in states.items.values():
                entry = whole.at(place)
                if entry is None or entry.place is None or not entry.is_made or entry.about is None:
                    continue
                if entry.about.identity is not None:
                    entries[_key(entry.about.type, entry.about.identity)] = OtherEntry(profile, entry)
        return entries


def _key(type_: str, identity: Any) -> str:
    return digest([type_, identity])
