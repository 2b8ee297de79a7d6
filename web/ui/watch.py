"""Whether the server answers, and what it has last of the profile: asked again and again while the page is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import api
from ui.browser import later, spawn, timestamp, window

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY_MS = 3000
_AGAIN_MS = 700
"""After a question that was not answered: a single one may be lost on the way."""
_MISSED = 2
"""Questions in a row without an answer after which the server is away."""


class Watch:
    """Asks for the last execution of a profile.

    :param path: what to ask for.
    :param on_last: called with each answer, a record or None, unless ``moment`` was another when it was asked for.
    :param moment: what an answer may be too old for.
    :param on_away: called when the server is found to be away, with the time since when.
    :param on_back: called when it answers again.
    """

    def __init__(
        self,
        path: str,
        moment: Callable[[], object],
        on_last: Callable[[dict[str, Any] | None], None],
        on_away: Callable[[str], None],
        on_back: Callable[[], None],
    ) -> None:
        self._path = path
        self._moment = moment
        self._on_last = on_last
        self._on_away = on_away
        self._on_back = on_back
        self._missed = 0
        self._since = ""
        self._asking = False
        self._timer: Any = None

    @property
    def is_away(self) -> bool:
        """Whether the server is away as far as is known."""
        return self._missed >= _MISSED

    def begin(self, *, away_since: str = "") -> None:
        """Begin to ask; ``away_since`` says that the server is known to be away."""
        if away_since:
            self._missed, self._since = _MISSED, away_since
            self._on_away(away_since)
        self._ask_in(_AGAIN_MS if away_since else _EVERY_MS)

    def ask(self) -> None:
        """Ask at once: somebody has found the server away, or wants to know."""
        if not self._asking:
            self._ask_in(0)

    def _ask_in(self, milliseconds: int) -> None:
        if self._timer is not None:
            window.clearTimeout(self._timer)
        self._timer = later(milliseconds, lambda: spawn(self._ask()))

    async def _ask(self) -> None:
        self._timer = None
        self._asking, moment, wait = True, self._moment(), _EVERY_MS
        try:
            found = await api.ask_now(self._path)
        except api.ApiProblem:
            raise  # it is there, and lets this page in no more
        except Exception:  # also an answer that broke off: whatever it was, it is asked again
            self._miss()
            wait = _EVERY_MS if self.is_away else _AGAIN_MS
        else:
            self._reached()
            if self._moment() == moment:
                self._on_last(found["items"][0] if found["items"] else None)
        finally:
            self._asking = False
        self._ask_in(wait)

    def _miss(self) -> None:
        self._missed += 1
        if self._missed == 1:
            self._since = timestamp()
        elif self._missed == _MISSED:
            self._on_away(self._since)

    def _reached(self) -> None:
        was_away, self._missed = self.is_away, 0
        if was_away:
            self._on_back()
