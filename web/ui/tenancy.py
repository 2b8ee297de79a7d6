"""Which tab of this browser may run executions of a profile: one, told by a Web Lock that the browser takes back itself
when the tab goes away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import api, identity
from ui.browser import later, random_bytes, remember, remembered, spawn, to_js, window

if TYPE_CHECKING:
    from collections.abc import Callable

_BROWSER_KEY = "irenic.browser"
_TAB_KEY = "irenic.tab"


class Tenancy:
    """Holds a profile for this tab, or waits until it is free."""

    def __init__(self, flow: str, profile: str, on_held: Callable[[], None], on_taken: Callable[[], None]) -> None:
        self._flow = flow
        self._profile = profile
        self._name = f"irenic/{flow}/{profile}"
        self._on_held = on_held
        self._on_taken = on_taken
        self.held = False
        self.browser = _browser_id()
        self.holder = identity.holder(self.browser, _tab_id())

    async def claim(self) -> bool:
        """Take the lock if it is free and return whether it was; where it was not, wait for it beside the rest."""
        if not hasattr(window.navigator, "locks"):
            self.held = True
            return True
        answer = window.Promise.withResolvers()
        spawn(self._hold({"ifAvailable": True}, answer))
        if await answer.promise:
            return True
        spawn(self._hold({}, None))
        return False

    async def take_over(self) -> None:
        """Take the profile away from whoever holds it; what it was running becomes lost."""
        answer = window.Promise.withResolvers()
        spawn(self._hold({"steal": True}, answer))
        await answer.promise
        if not api.server.is_there:
            return
        lease = await api.send(
            "POST",
            api.flow_path(self._flow, self._profile, "lease"),
            {"holder": self.holder, "execution_id": None, "take_over": True},
        )
        await self._give_back(lease["fencing"])

    async def settle(self, record: dict[str, Any]) -> bool:
        """Give back the lease of an execution that a tab of this browser left behind, so that it is lost at once.

        :return: whether it was this browser's to give back.
        """
        if not identity.is_of_browser(record.get("holder") or "", self.browser) or record.get("fencing") is None:
            return False
        await self._give_back(record["fencing"])
        return True

    async def _give_back(self, fencing: int) -> None:
        try:
            await api.send("DELETE", api.flow_path(self._flow, self._profile, "lease"), {"fencing": fencing})
        except api.ApiProblem as problem:
            if problem.status != 409:
                raise

    async def _hold(self, options: dict[str, Any], answer: Any) -> None:
        kept = window.Promise.withResolvers()

        def granted(lock: Any) -> Any:
            got = lock is not None
            self.held = self.held or got
            if answer is not None:
                answer.resolve(got)
            elif got:
                later(0, self._on_held)
            return kept.promise if got else None

        try:
            await window.navigator.locks.request(self._name, to_js(options), granted)
        except Exception:
            # The only way to end a lock that is held for ever: another tab has stolen it.
            self.held = False
            self._on_taken()


def _browser_id() -> str:
    known = remembered(_BROWSER_KEY)
    if known is None:
        known = identity.word(random_bytes(8))
        remember(_BROWSER_KEY, known)
    return known


def _tab_id() -> str:
    known = window.sessionStorage.getItem(_TAB_KEY)
    if known is None:
        known = identity.word(random_bytes(6))
        window.sessionStorage.setItem(_TAB_KEY, known)
    return str(known)
