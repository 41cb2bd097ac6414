"""`casework bench placement`: time, peak memory and proven gap of a batch run, beside what it is compared with.

Each size runs in a process of its own, so that its peak memory is its own. Time is judged by the seconds of CPU of the
one thread there is: what else runs on the machine has no say in it. The control, the best free place as people come,
must stay far from the bound that the engine's prices prove.
"""

from __future__ import annotations

import json
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple

from casework.evidence.placement_baselines import by_lot, greedy, whole_program
from casework.evidence.placement_world import Shape, world
from casework.evidence.report import Run
from casework.placement.engine.batch import Placed, place
from casework.placement.engine.check import check
from casework.placement.engine.prices import SCALE, bound
from casework.placement.engine.rounding import Effort

PLACES, WIDE = 60, 104


class Target(NamedTuple):
    """Percent of the bound, seconds of CPU, MiB (placement.md §4)."""

    gap: float
    seconds: float
    memory: int = 1_536


TARGETS = {
    500: Target(0.8, 60), 2_000: Target(0.15, 30), 10_000: Target(0.05, 60), 100_000: Target(0.1, 600),
}  # fmt: skip
SHORT_CASES, SHORT = 150, Target(8.0, 60)  # below 500: few cases in many small places, the bound itself is loose
AT_ONCE = Effort(pieces=10, cases=150, nodes=3, places=30, choices=3, patience=10, enough=11_500)
"""For somebody who waits at the screen."""
QUICK = {500: Target(1.2, 3)}
CHECKED = 10_000  # certificates of more cases are not written out as text
WHOLE = 10_000  # beyond, one program of all pairs found nothing in 362 s (placement.md §3): it is not tried


def run(*, short: bool, seed: int, cases: int | None = None) -> dict[str, Any]:
    done = Run("placement", short, seed)
    sizes = [cases] if cases else [SHORT_CASES] if short else list(TARGETS)
    found = [_apart(size, seed) for size in sizes]
    missed = {str(size["cases"]): short_of for size in found if (short_of := _missed(size))}
    bites = all(size["greedy_percent"] > 2 * size["gap_percent"] for size in found)
    control = {
        "what": "the best free place as people come: it must leave at least twice the gap",
        "gap_percent": {str(size["cases"]): size["greedy_percent"] for size in found},
        "failed": bites,
    }
    return done.outcome(ok=not missed, figures={"sizes": found, "missed": missed}, control=control)


def _target(cases: int) -> Target:
    """Of the largest size listed that is no larger."""
    return max((size, target) for size, target in ({0: SHORT} | TARGETS).items() if size <= cases)[1]


def _missed(size: dict[str, Any]) -> list[str]:
    """What of its targets a size did not reach."""
    target, quick = _target(size["cases"]), QUICK.get(size["cases"])
    held = {
        "gap": size["gap_percent"] <= target.gap,
        "seconds": size["cpu_seconds"] <= target.seconds,
        "memory": size["peak_mib"] <= target.memory,
        "quick gap": quick is None or size["quick_gap_percent"] <= quick.gap,
        "quick seconds": quick is None or size["quick_cpu_seconds"] <= quick.seconds,
        "certificate": size["certificate"] != "refused",
    }
    return [name for name, reached in held.items() if not reached]


def _apart(cases: int, seed: int) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as process:
        measured = process.submit(measured_run, cases, seed).result()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as process:
        return process.submit(compared, measured, cases, seed).result()


def measured_run(cases: int, seed: int) -> dict[str, Any]:
    instance = world(Shape(cases, WIDE if cases > 10_000 else PLACES), seed)
    began, cpu = time.monotonic(), time.process_time()
    quick = place(instance, AT_ONCE)
    quick_cpu, cpu = time.process_time() - cpu, time.process_time()
    quick_seconds, began = time.monotonic() - began, time.monotonic()
    placed = place(instance)
    measured = {
        "cases": cases, "places": len(instance.places), "resources": len(instance.resources),
        "target": _target(cases)._asdict(), "gap_percent": _percent(placed.gap),
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
    value, seconds = whole_program(instance, clock) if cases <= WHOLE else (None, 0.0)
    whole = None if value is None else _percent((ceiling - value * SCALE) / ceiling)
    others = {"random_percent": by_lot(instance, seed), "greedy_percent": greedy(instance)}
    gaps = {name: _percent((ceiling - instance.value(way) * SCALE) / ceiling) for name, way in others.items()}
    return {**measured, **gaps, "full_program_percent": whole, "full_program_seconds": round(seconds, 2)}


def _percent(share: float) -> float:
    return round(100 * share, 4)
