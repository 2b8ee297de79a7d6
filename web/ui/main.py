"""What the page's script tag runs."""

from ui.opening import ask_early

ask_early()

from ui.app import App  # noqa: E402 - the server answers while this is being compiled

App().begin()
