"""What the first picture is made of, asked for before anything that draws it has been imported."""

from __future__ import annotations

from ui import address, api, identity
from ui.browser import BASE, remember, remembered

FLOWS = f"{BASE}flows/"
INDEX = f"{FLOWS}index.json"
_KEY = "irenic.opened"


class Opening:
    """The addresses of a flow's picture, last execution and stored states in one profile.

    :param name: the name of the flow's file, by which the site knows it.
    :param id: the flow's id, by which the API knows it.
    """

    def __init__(self, name: str, id: str, profile: str) -> None:
        self.name = name
        self.id = id
        self.profile = profile
        self.info = f"{FLOWS}{name}.json"
        self.last = f"/executions?flow={id}&profile={profile}&limit=1&flow_info=false"
        self.states = api.flow_path(id, profile, "states")

    def remember(self) -> None:
        """Have it asked for at once when this browser comes back."""
        remember(_KEY, f"{self.name} {self.id} {self.profile}")


def ask_early() -> None:
    """Ask for what will most likely be drawn first: what was opened last in this browser, or what the address says."""
    api.ask_early(INDEX)
    parts = (remembered(_KEY) or "").split(" ")
    profile = address.chosen("profile") or "default"
    if len(parts) != 3 or address.chosen("flow") not in (None, parts[0]) or not identity.is_identifier(profile):
        return
    opening = Opening(parts[0], parts[1], profile)
    api.ask_early(opening.info)
    api.ask_early(api.ROOT + opening.states)
    api.ask_early(api.ROOT + opening.last)
