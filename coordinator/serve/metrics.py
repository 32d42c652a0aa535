"""The run's numbers for Prometheus, in its text format, made when asked for. May import prometheus_client.

docs/grafana/planaria.json is a dashboard of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from coordinator.actions import FaultReport

GAUGES = {  # name -> (key of the measure, help)
    "time_intervals": ("intervals", "T since the seed."),
    "alive_cells": ("alive", "Cells with a process."),
    "living_cells": ("living", "Cells whose alpha is above 0.1."),
    "loss_log10": ("loss_log10", "log10 of the mean squared error to the target."),
    "gain_log10": ("gain_log10", "Loss of a blank grid minus loss."),
    "stale_age_p99_intervals": ("stale_age_p99", "99th percentile of the stale age of the states used, in T."),
    "heard_share": ("heard_share", "Neighbours heard in an update, of half the living ones; 1 is healthy."),
    "cpu_microseconds_per_update": ("cpu_us_per_update", "CPU time of one update."),
    "interval_seconds": ("interval_s", "T, the mean wake interval."),
}
COUNTERS = {
    "updates": ("updates", "Updates since the seed."),
    "missed_wakes": ("missed_wakes", "Wakes that came more than T late."),
}
VERDICTS = ("pass", "fail", "unknown")


class Numbers(Collector):
    """One look: a measure, faults, and what the page itself does."""

    def __init__(self, measure: dict[str, Any], faults: list[FaultReport], page: dict[str, float]) -> None:
        self._measure, self._faults, self._page = measure, faults, page

    def collect(self) -> Iterator[Metric]:
        names = ["run", "rule", "engine"]
        values = [str(self._measure[name]) for name in names]
        for name, (key, text) in GAUGES.items():
            if self._measure[key] is not None:
                gauge = GaugeMetricFamily(f"planaria_{name}", text, labels=names)
                gauge.add_metric(values, float(self._measure[key]))
                yield gauge
        for name, (key, text) in COUNTERS.items():
            counter = CounterMetricFamily(f"planaria_{name}", text, labels=names)
            counter.add_metric(values, float(self._measure[key]))
            yield counter
        verdict = GaugeMetricFamily("planaria_verdict", "1 for the verdict as it is now.", labels=[*names, "verdict"])
        for word in VERDICTS:
            verdict.add_metric([*values, word], float(self._measure["verdict"] == word))
        yield verdict
        yield from self._of_faults()
        for name, value in self._page.items():
            yield GaugeMetricFamily(f"planaria_page_{name}", f"Of the live page: {name.replace('_', ' ')}.", value)

    def _of_faults(self) -> Iterable[Metric]:
        hits = CounterMetricFamily("planaria_fault_hits", "Proof counted at the victims.", labels=["fault", "kind"])
        going = GaugeMetricFamily("planaria_fault_active", "1 while a fault lasts.", labels=["fault", "kind"])
        for fault in self._faults:
            hits.add_metric([str(fault.id), fault.kind], float(fault.hits))
            going.add_metric([str(fault.id), fault.kind], float(fault.state not in ("finished", "healed")))
        return hits, going


def text(measure: dict[str, Any], faults: list[FaultReport], page: dict[str, float]) -> bytes:
    """What Prometheus scrapes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Numbers(measure, faults, page))
    return generate_latest(registry)
