"""The small server of irenic: static site, store API, web API endpoint, auth, telemetry and migrations."""

from irenic_server.app import create_app
from irenic_server.settings import Settings

__all__ = ["Settings", "create_app"]
