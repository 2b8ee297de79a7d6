"""Which collector, if any, is told how runs go."""

import os
from collections.abc import Mapping
from urllib.parse import unquote

from irenic.endpoints.telemetry import TelemetryEndpoint
from irenic.model.server_address import without_token

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
DO_NOT_TRACK = "DO_NOT_TRACK"


def telemetry_endpoints(url: str, environment: Mapping[str, str] = os.environ) -> list[TelemetryEndpoint]:
    """Return the endpoint that sends to a collector; none where no URL is given, or DO_NOT_TRACK is set.

    A server of ours is named as ``--store`` names it, with its token.

    :param environment: further headers are read from ``OTEL_EXPORTER_OTLP_HEADERS``: ``name=value,…``, as OpenTelemetry
        defines it.
    """
    if not url or environment.get(DO_NOT_TRACK, "0") not in ("", "0"):
        return []
    pairs = [pair.partition("=") for pair in environment.get(HEADERS, "").split(",") if "=" in pair]
    headers = {unquote(name.strip()): unquote(value.strip()) for name, _, value in pairs}
    address, token = without_token(url)
    if token:
        headers["authorization"] = f"Bearer {token}"
    return [TelemetryEndpoint(address, headers)]
