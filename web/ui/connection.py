"""What the page says of its server: that it is away, since when, and what can be done meanwhile; or that it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import address, api
from ui.browser import local_time, timestamp
from ui.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.screen import Screen

_KIND = "server"


class Connection:
    """Watches the server, and has a notice on screen while it is away.

    :param runs_here: whether an execution runs in this tab.
    :param moment: what an answer may be too old for.
    :param on_last: called with the last execution of the profile, a record or None, every few seconds.
    :param on_back: called when the server answers again.
    """

    def __init__(
        self,
        screen: Screen,
        runs_here: Callable[[], bool],
        moment: Callable[[], object],
        on_last: Callable[[dict[str, Any] | None], None],
        on_back: Callable[[], None],
    ) -> None:
        self._screen = screen
        self._runs_here = runs_here
        self._moment = moment
        self._on_last = on_last
        self._on_back = on_back
        self._watch: Watch | None = None
        self._since = ""
        self._kept_at = ""
        api.away.on_kept = self._kept

    def begin(self, path: str) -> None:
        """Begin to watch.

        :param path: the path of the profile's last execution.
        """
        self._watch = Watch(path, self._moment, self._on_last, self._away, self._back)
        self._watch.begin(away_since=self._since)

    def lost(self) -> None:
        """Take it that something was asked of the server and not answered."""
        if self._watch is not None:
            self._watch.ask()
        elif not self._since:
            self._away(timestamp())

    def refused(self, problem: api.ApiProblem) -> None:
        """Say that the server answered, and not with what was asked for."""
        if problem.status in (401, 403):
            text = "This page needs a token, and the server does not accept the one that this browser has."
            step = "The server prints its address with the token when it starts: open that address."
        else:
            text = f"The server could not answer: {problem}"
            step = "Load the page again; if it comes back, the server's own output says more."
        self._screen.notices.tell(_KIND, text, step, button="Load again", on_press=address.load_again)

    def _kept(self, at: str) -> None:
        """Learn that an answer is one that the browser has kept."""
        self._kept_at = self._kept_at or at
        if not self._since:
            self._away(timestamp())

    def _away(self, since: str) -> None:
        self._since = since
        self._screen.server_is_away = True
        text = f"The server does not answer since {local_time(since)}; it is asked again every few seconds."
        if self._kept_at:
            text += f" This is what was known at {local_time(self._kept_at)}."
        if self._runs_here():
            step = "What is running goes on; the next item begins, and the journal is sent, when the server answers."
        else:
            step = "Nothing can begin here until then. Files and what was stored are safe."
        step += " If the server was ended, start it again as it was started before."
        self._screen.notices.tell(_KIND, text, step, "warn", "Ask now", self._ask)
        self._screen.request()

    def _ask(self) -> None:
        if self._watch is not None:
            self._watch.ask()
        else:
            address.load_again()

    def _back(self) -> None:
        self._since = self._kept_at = ""
        self._screen.server_is_away = False
        self._screen.notices.withdraw(_KIND)
        self._screen.request()
        self._on_back()
