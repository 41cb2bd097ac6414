"""`casework bench placement`: time, peak memory and proven gap of a batch run, beside what it is compared with.

Each size runs in a process of its own, so that its peak memory is its own. The control, the best free place as people
come, must stay far from the bound that the engine's prices prove.
"""

from __future__ import annotations

import json
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from casework.evidence.placement_baselines import by_lot, greedy, whole_program
from casework.evidence.placement_world import Shape, world
from casework.evidence.report import Run
from casework.placement.engine.batch import Placed, place
from casework.placement.engine.check import check
from casework.placement.engine.prices import SCALE, bound
from casework.placement.engine.rounding import Effort

PLACES, WIDE = 60, 104
TARGETS = {500: 0.8, 2_000: 0.15, 10_000: 0.05, 100_000: 0.1}  # percent of the bound (placement.md §4)
SHORT_CASES, SHORT_TARGET = 150, 8.0  # few cases in many small places: the bound itself is loose
CHECKED = 10_000  # certificates of more cases are not written out as text


def run(*, short: bool, seed: int, cases: int | None = None) -> dict[str, Any]:
    done = Run("placement", short, seed)
    sizes = [cases] if cases else [SHORT_CASES] if short else list(TARGETS)
    found = [_apart(size, seed) for size in sizes]
    met = all(size["gap_percent"] <= size["target_percent"] and size["certificate"] != "refused" for size in found)
    bites = all(size["greedy_percent"] > 2 * size["gap_percent"] for size in found)
    control = {
        "what": "the best free place as people come: it must leave at least twice the gap",
        "gap_percent": {str(size["cases"]): size["greedy_percent"] for size in found},
        "failed": bites,
    }
    return done.outcome(ok=met, figures={"sizes": found}, control=control)


def _apart(cases: int, seed: int) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as process:
        measured = process.submit(measured_run, cases, seed).result()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as process:
        return process.submit(compared, measured, cases, seed).result()


def measured_run(cases: int, seed: int) -> dict[str, Any]:
    instance = world(Shape(cases, WIDE if cases > 10_000 else PLACES), seed)
    began, cpu = time.monotonic(), time.process_time()
    quick = place(instance, Effort(pieces=0))
    quick_cpu, cpu = time.process_time() - cpu, time.process_time()
    quick_seconds, began = time.monotonic() - began, time.monotonic()
    placed = place(instance)
    measured = {
        "cases": cases, "places": len(instance.places), "resources": len(instance.resources),
        "target_percent": TARGETS.get(cases, SHORT_TARGET), "gap_percent": _percent(placed.gap),
        "seconds": round(time.monotonic() - began, 2), "cpu_seconds": round(time.process_time() - cpu, 2),
        "quick_gap_percent": _percent(quick.gap), "quick_seconds": round(quick_seconds, 2),
        "quick_cpu_seconds": round(quick_cpu, 2), "unplaced": int((placed.chosen < 0).sum()),
        "bound_thousandths": bound(instance, placed.prices),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip
    return measured | {"certificate": _checked(placed) if cases <= CHECKED else "not written out"}


def _checked(placed: Placed) -> str:
    """By the program that shares no line with the engine, on the text that leaves the house."""
    try:
        check(json.loads(json.dumps(placed.certificate())))
    except ValueError:
        return "refused"
    return "accepted"


def compared(measured: dict[str, Any], cases: int, seed: int) -> dict[str, Any]:
    """The same instance under the other hands, against the same bound."""
    instance = world(Shape(cases, measured["places"]), seed)
    ceiling, clock = measured["bound_thousandths"], measured["seconds"]
    value, seconds = whole_program(instance, clock)
    whole = None if value is None else _percent((ceiling - value * SCALE) / ceiling)
    others = {"random_percent": by_lot(instance, seed), "greedy_percent": greedy(instance)}
    gaps = {name: _percent((ceiling - instance.value(way) * SCALE) / ceiling) for name, way in others.items()}
    return {**measured, **gaps, "full_program_percent": whole, "full_program_seconds": round(seconds, 2)}


def _percent(share: float) -> float:
    return round(100 * share, 4)
