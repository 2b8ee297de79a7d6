"""Settings of the server: from the command line, from the environment, or given by a test."""

import re
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

MIB = 1024 * 1024
DAY_MS = 24 * 3600 * 1000

FEWEST_CHARACTERS = 16
_path = re.compile(r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*")
_token = re.compile(rf"[A-Za-z0-9._~+/=-]{{{FEWEST_CHARACTERS},512}}")


class Limits(BaseModel):
    """Bounds on what one client may ask of the server."""

    model_config = ConfigDict(frozen=True)

    body: int = Field(MIB, description="bytes of an ordinary body")
    events_body: int = Field(64 * MIB, description="bytes of a batch of events, after decompression")
    telemetry_body: int = Field(20 * MIB, description="bytes of an OTLP request, after decompression")
    events_per_request: int = Field(10_000, description="events of one batch")
    header: int = Field(32 * 1024, description="bytes of a request's line and headers")
    header_seconds: float = Field(10.0, description="time for a request's line and headers to arrive")
    body_seconds: float = Field(30.0, description="time for a body to arrive")
    idle_seconds: float = Field(30.0, description="time that a connection may wait for its next request")
    take_seconds: float = Field(60.0, description="time for a client to take a part of what it is sent")
    close_seconds: float = Field(5.0, description="time for a client to take the last answer before it is cut off")
    connections: int = Field(30_000, description="open connections; fewer where the limit of open files is lower")
    rate: float = Field(2_000.0, description="API requests per second and token; 0 for no limit")
    rate_burst: float = Field(10_000.0, description="API requests that a token may be ahead of its rate")
    failures_rate: float = Field(10.0, description="refused tokens per second and address")
    failures_burst: float = Field(200.0, description="refused tokens that an address may be ahead of its rate")
    pending_writes: int = Field(10_000, description="writes that wait for the writer thread")
    answers: int = Field(256 * MIB, description="bytes of large answers that clients have not taken yet")
    streams: int = Field(20_000, description="open event streams")


class Settings(BaseModel):
    """Everything that can be set; every field has a default that is safe on one machine."""

    model_config = ConfigDict(frozen=True)

    site: Path | None = Field(None, description="folder of the built site; without it only the API is served")
    database: str = Field("irenic.sqlite3", description="a path, or a URL of SQLite or PostgreSQL")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    strict_port: bool = Field(False, description="whether to end where the port is taken")
    token: SecretStr = Field(default_factory=lambda: SecretStr(secrets.token_urlsafe(32)))
    allowed_hosts: tuple[str, ...] = Field((), description="host names besides those of the loopback interface")
    origin_name: str | None = Field(
        None, description="name below which each flow has a host, and so an origin, of its own; localhost, or one's own"
    )
    prefix: str = Field("", description="path under which a proxy serves this server, e.g. /irenic")
    trusted_proxies: tuple[str, ...] = Field((), description="addresses whose X-Forwarded headers are believed")
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    limits: Limits = Limits()
    lease_ttl: float = Field(15.0, gt=0, description="seconds that a lease lives without being renewed")
    lost_after: float = Field(
        60.0, ge=0, description="seconds for which the holder of a lease that ran out may come back, unless it is taken"
    )
    unleased_lost_after: float = Field(3600.0, description="seconds of silence that end an execution without lease")
    heartbeat: float = Field(15.0, gt=0, description="seconds between comments on an idle stream")
    sweep_interval: float = Field(1.0, gt=0, description="seconds between looks for expired leases")
    keep_ms: int | None = Field(None, description="age at which ended executions are deleted; None keeps them")
    retention_interval: float = Field(600.0, gt=0, description="seconds between looks for what is too old")
    pins: tuple[str, ...] = Field((), description="FLOW/PROFILE pairs whose executions are kept for ever")
    run: tuple[Path, ...] = Field((), description="flow files, or folders of them, that may be run on this server")
    telemetry: bool = Field(True, description="whether OTLP is taken at /v1/traces, /v1/metrics and /v1/logs")
    telemetry_keep_ms: int = Field(30 * DAY_MS, description="age at which telemetry is deleted")
    drain_seconds: float = Field(10.0, description="time for requests to end after SIGTERM")

    @field_validator("token")
    @classmethod
    def _token(cls, token: SecretStr) -> SecretStr:
        if not _token.fullmatch(token.get_secret_value()):
            raise ValueError(
                f"a token needs {FEWEST_CHARACTERS} characters or more, of letters, digits and -._~+/=, because it "
                "goes into a header, a cookie and an address; without --token a good one is made"
            )
        return token

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, prefix: str) -> str:
        stripped = prefix.strip("/")
        if stripped and not _path.fullmatch(stripped):
            raise ValueError(f"{prefix!r} is no path: use letters, digits and -._~ between slashes, as in /tools/a")
        return f"/{stripped}" if stripped else ""

    @property
    def scheme(self) -> str:
        """``https`` where a certificate is set."""
        return "https" if self.tls_certificate else "http"
