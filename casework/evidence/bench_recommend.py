"""`casework bench recommend`: CPU of one recommendation over 60 places with every explanation, and whether it is true.

What is measured is the engine's part of a request: ranking, both languages' sentences for every place, what would
change each answer, and the frozen bytes with their hash. The control is an explanation by brute force: the whole
ranking made again for every change tried.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from casework.evidence.recommend_truths import faults
from casework.evidence.recommend_world import ON, a_household, places
from casework.evidence.report import Run
from casework.placement import counterfactual
from casework.placement.explain import explain
from casework.placement.model import Ranking, rank
from casework.placement.reference import default_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.placement.model import HouseholdNeeds, Place

TARGET_MS, PLACES = 30.0, 60
REQUESTS, SHORT_REQUESTS = 400, 40
TRUE_CASES, SHORT_TRUE_CASES = 10_000, 200


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done, draw = Run("recommend", short, seed), random.Random(seed)
    there = places(draw, PLACES)
    households = [a_household(draw, number, there) for number in range(SHORT_REQUESTS if short else REQUESTS)]
    ours = sorted(_milliseconds(needs, there, _told) for needs in households)
    brute = sorted(_milliseconds(needs, there, _brute) for needs in households[:10])
    cases = SHORT_TRUE_CASES if short else TRUE_CASES
    wrong = [fault for number in range(cases) for fault in _faults(draw, number)]
    median, worst = ours[len(ours) // 2], ours[int(len(ours) * 0.99)]
    figures = {
        "places": PLACES, "requests": len(ours), "cpu_ms_median": round(median, 2), "cpu_ms_p99": round(worst, 2),
        "target_ms": TARGET_MS, "random_cases": cases, "faults": len(wrong), "first_faults": wrong[:5],
    }  # fmt: skip
    control = {
        "what": "every change tried with the whole ranking made again",
        "cpu_ms_median": round(brute[len(brute) // 2], 2), "failed": brute[len(brute) // 2] > TARGET_MS,
    }  # fmt: skip
    ok = median <= TARGET_MS and not wrong
    return done.outcome(ok=bool(ok), figures=figures, control=control)


def _faults(draw: random.Random, number: int) -> list[str]:
    there = places(draw, 8)
    return list(faults(_ranking(a_household(draw, number, there), there), changes=8))


def _ranking(needs: HouseholdNeeds, there: list[Place]) -> Ranking:
    return rank(needs, there, default_weights(ON), ON)


def _milliseconds(needs: HouseholdNeeds, there: list[Place], act: Callable[[Ranking], object]) -> float:
    began = time.process_time()
    act(_ranking(needs, there))
    return 1_000 * (time.process_time() - began)


def _told(ranking: Ranking) -> tuple[str, list[dict[str, Any]]]:
    return ranking.sha256(), [explain(ranking, place.key).as_json() for place in ranking.places]


def _brute(ranking: Ranking) -> list[bool]:
    return [
        rank(change.needs, [change.place if each is place else each for each in ranking.places], ranking.weights, ON)
        .ranked[:1] != ()
        for place in ranking.places
        for change in counterfactual.changes(ranking, place)
    ]  # fmt: skip
