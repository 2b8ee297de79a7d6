"""The files panel: what the flow has written into this browser's file system, each with a button that saves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import units
from ui.browser import by_id, clear, document, listen, make, to_js, window

if TYPE_CHECKING:
    from collections.abc import Callable


class FilesPanel:
    """Lists files.

    :param on_ask: asks which files there are; :meth:`draw` takes the answer.
    :param on_save: called with the path of one that is to be saved.
    """

    def __init__(self, on_ask: Callable[[], None], on_save: Callable[[str], None]) -> None:
        self._on_ask = on_ask
        self._on_save = on_save
        self._list = by_id("files")
        self._note = by_id("files-note")
        self._drawn: list[tuple[str, int]] | None = None
        listen(self._list, "click", self._clicked)

    def ask(self) -> None:
        """Ask anew which files there are; until the answer is there the list counts as busy."""
        self._list.setAttribute("aria-busy", "true")
        self._on_ask()

    def draw(self, files: list[dict[str, Any]]) -> None:
        """Show these files, sorted by path."""
        self._list.setAttribute("aria-busy", "false")
        found = sorted([(str(file["path"]), int(file["size"])) for file in files])
        if found == self._drawn:
            return
        self._drawn = found
        clear(self._list)
        for path, size in found:
            row = make("li")
            row.appendChild(_path(path))
            row.appendChild(make("span", units.size(size), "size"))
            row.appendChild(make("button", "Save", type="button", data_path=path, aria_label=f"Save {path}"))
            self._list.appendChild(row)
        if found:
            total = units.size(sum(size for _, size in found))
            self._note.textContent = f"{len(found)} {'file' if len(found) == 1 else 'files'}, {total}, in this browser."
        else:
            self._note.textContent = "No files yet. What the flow writes stays in this browser."

    def fail(self, why: str) -> None:
        """Say why there is no list."""
        self._list.setAttribute("aria-busy", "false")
        self._drawn = None
        clear(self._list)
        self._note.textContent = f"{why[:1].upper()}{why[1:]}"

    def _clicked(self, event: Any) -> None:
        button = event.target.closest("button[data-path]")
        if button is not None:
            self._on_save(str(button.dataset.path))


def _path(path: str) -> Any:
    """Make a path that may be broken behind its slashes."""
    shown = make("span", cls="path")
    parts = path.split("/")
    for part in parts[:-1]:
        shown.append(f"{part}/", make("wbr"))
    shown.append(parts[-1])
    return shown


def save_text(path: str, text: str) -> None:
    """Hand a text over to the browser's downloads."""
    save(path, window.Blob.new(to_js([text])))


def save(path: str, blob: Any) -> None:
    """Hand a file over to the browser's downloads."""
    address = window.URL.createObjectURL(blob)
    link = make("a", href=str(address), download=path.split("/")[-1])
    document.body.appendChild(link)
    link.click()
    link.remove()
    window.setTimeout(lambda: window.URL.revokeObjectURL(address), 60_000)
