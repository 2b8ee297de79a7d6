"""Counters and histograms, written as Prometheus text.

Labels hold only names from the code, never ids: the number of series does not grow with use.
Source: the Prometheus text exposition format 0.0.4.
"""

import sys
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

if sys.platform != "win32":
    import resource

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


class Histogram:
    """Counts observations in buckets, each of which holds what is at most its bound."""

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def lines(self, name: str, labels: str = "") -> Iterator[str]:
        """Return the lines of all buckets, the sum and the count."""
        separator = "," if labels else ""
        running = 0
        for bound, count in zip((*self._bounds, None), self._counts, strict=True):
            running += count
            le = "+Inf" if bound is None else f"{bound:g}"
            yield f'{name}_bucket{{{labels}{separator}le="{le}"}} {running}'
        braces = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{braces} {self._total:.9g}"
        yield f"{name}_count{braces} {running}"


class Metrics:
    """What this process has done since it started."""

    def __init__(self) -> None:
        self._started = time.time()
        self._requests: dict[tuple[str, str, int], int] = {}
        self._request_seconds: dict[str, Histogram] = {}
        self._commit_seconds = Histogram(SECONDS)
        self._commit_writes = Histogram(SIZES)
        self.events_appended = 0
        self.executions_created = 0
        self.executions_ended: dict[str, int] = {}
        self.leases_expired = 0
        self.telemetry_rejected = 0
        self.telemetry_dropped = 0
        self._telemetry_received: dict[str, int] = {}
        self.streams = 0

    def requested(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        key = (route, method, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        histogram = self._request_seconds.get(route)
        if histogram is None:
            histogram = self._request_seconds[route] = Histogram(SECONDS)
        histogram.observe(seconds)

    def committed(self, writes: int, seconds: float) -> None:
        """Count a commit of a number of writes."""
        self._commit_seconds.observe(seconds)
        self._commit_writes.observe(writes)

    def ended(self, kind: str) -> None:
        """Count an outcome."""
        self.executions_ended[kind] = self.executions_ended.get(kind, 0) + 1

    def telemetry(self, signal: str, received: int, rejected: int) -> None:
        """Count the records of an OTLP request."""
        self._telemetry_received[signal] = self._telemetry_received.get(signal, 0) + received
        self.telemetry_rejected += rejected

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Return everything as Prometheus text.

        :param gauges: values read just now, with their help texts.
        """
        lines: list[str] = []
        lines += _family(
            "irenic_http_requests_total",
            "counter",
            "Requests answered.",
            (
                f'irenic_http_requests_total{{route="{route}",method="{method}",status="{status}"}} {count}'
                for (route, method, status), count in sorted(self._requests.items())
            ),
        )
        lines += _family(
            "irenic_http_request_seconds",
            "histogram",
            "Time from a request's headers to the end of its answer.",
            (
                line
                for route, histogram in sorted(self._request_seconds.items())
                for line in histogram.lines("irenic_http_request_seconds", f'route="{route}"')
            ),
        )
        lines += _family(
            "irenic_commit_seconds",
            "histogram",
            "Time of a commit, from its first statement to the disk.",
            self._commit_seconds.lines("irenic_commit_seconds"),
        )
        lines += _family(
            "irenic_commit_writes",
            "histogram",
            "Writes that shared one commit.",
            self._commit_writes.lines("irenic_commit_writes"),
        )
        lines += _single("irenic_events_appended_total", "counter", "Journal events stored.", self.events_appended)
        lines += _single("irenic_executions_created_total", "counter", "Executions made.", self.executions_created)
        lines += _labelled(
            "irenic_executions_ended_total", "Executions that got an outcome.", "outcome", self.executions_ended
        )
        lines += _single("irenic_leases_expired_total", "counter", "Leases that ran out.", self.leases_expired)
        lines += _labelled("irenic_telemetry_received_total", "OTLP records taken.", "signal", self._telemetry_received)
        lines += _single("irenic_telemetry_rejected_total", "counter", "OTLP records refused.", self.telemetry_rejected)
        lines += _single(
            "irenic_telemetry_dropped_total",
            "counter",
            "OTLP requests that could not be passed on to the collector.",
            self.telemetry_dropped,
        )
        lines += _single("irenic_streams", "gauge", "Open event streams.", self.streams)
        for name, (help_text, value) in gauges.items():
            lines += _single(name, "gauge", help_text, value)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        lines += _single(
            "process_cpu_seconds_total", "counter", "Processor time used.", usage.ru_utime + usage.ru_stime
        )
        lines += _single("process_start_time_seconds", "gauge", "Start, in Unix seconds.", self._started)
        lines += _single("process_max_resident_memory_bytes", "gauge", "Most memory held so far.", _max_rss(usage))
        return "\n".join(lines) + "\n"


def _max_rss(usage: resource.struct_rusage) -> int:
    return usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024


def _family(name: str, kind: str, help_text: str, lines: Iterable[str]) -> list[str]:
    return [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}", *lines]


def _single(name: str, kind: str, help_text: str, value: float) -> list[str]:
    return _family(name, kind, help_text, [f"{name} {value:.15g}"])


def _labelled(name: str, help_text: str, label: str, values: Mapping[str, int]) -> list[str]:
    lines = (f'{name}{{{label}="{value}"}} {count}' for value, count in sorted(values.items()))
    return _family(name, "counter", help_text, lines)
