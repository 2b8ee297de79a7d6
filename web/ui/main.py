"""What the page's script tag runs."""

from ui.app import App

App().begin()
