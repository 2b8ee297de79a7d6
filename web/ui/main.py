"""What the page's script tag runs."""

import packed  # type: ignore[import-not-found]  # noqa: F401 - mounts the page's modules

from ui.opening import ask_early

ask_early()

from ui.app import App  # noqa: E402 - the server answers while this is being loaded

App().begin()
