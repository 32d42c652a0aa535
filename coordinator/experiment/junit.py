"""The verdicts as JUnit XML, which every CI system shows: one test case a point."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from coordinator.experiment.spec import Experiment
from coordinator.experiment.verdict import FAIL, UNKNOWN, Judged


def xml(experiment: Experiment, judged: Sequence[Judged], seconds: float) -> str:
    """A testsuite; unknown is reported as an error: nothing was shown."""
    count = {kind: sum(one.verdict == kind for one in judged) for kind in (FAIL, UNKNOWN)}
    suite = ET.Element(
        "testsuite",
        name=experiment.document.name,
        tests=str(len(judged)),
        failures=str(count[FAIL]),
        errors=str(count[UNKNOWN]),
        time=f"{seconds:.1f}",
    )
    for one in judged:
        case = ET.SubElement(suite, "testcase", classname=experiment.document.name, name=one.point.label)
        low, high = one.interval
        measure = experiment.document.hypothesis.measure
        text = f"{measure} {one.estimate} ({low:.4g} to {high:.4g}), {one.replicates} swarms"
        if one.verdict == FAIL:
            why = f"; in {one.broken} something was that must never be" if one.broken else ""
            ET.SubElement(case, "failure", message=f"{text}{why}")
        elif one.verdict == UNKNOWN:
            why = f"; in {one.unproven} a fault hit nothing" if one.unproven else ""
            ET.SubElement(case, "error", message=f"unknown: {text}{why}")
        else:
            ET.SubElement(case, "system-out").text = text
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"
