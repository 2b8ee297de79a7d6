"""Where an execution meets the world."""

from irenic.endpoints.recording import RecordingEndpoint

__all__ = ["RecordingEndpoint"]
