"""Where an execution meets the world.

Each is loaded when it is first asked for, so that the tab never loads what needs a terminal or signals.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from irenic.endpoints.ci import CiEndpoint
    from irenic.endpoints.cli import CliEndpoint
    from irenic.endpoints.recording import RecordingEndpoint
    from irenic.endpoints.reports import ReportEndpoint
    from irenic.endpoints.telemetry import TelemetryEndpoint

__all__ = ["CiEndpoint", "CliEndpoint", "RecordingEndpoint", "ReportEndpoint", "TelemetryEndpoint"]

_MODULES = {
    "CiEndpoint": "ci",
    "CliEndpoint": "cli",
    "RecordingEndpoint": "recording",
    "ReportEndpoint": "reports",
    "TelemetryEndpoint": "telemetry",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
