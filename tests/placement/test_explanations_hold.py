"""Explanations are true on random households: CASEWORK_RANDOM_CASES says how many (`bench recommend` takes 10,000)."""

from __future__ import annotations

import os
import random
from dataclasses import replace

import pytest

from casework.evidence.recommend_truths import faults
from casework.evidence.recommend_world import ON, a_household, places
from casework.placement.model import Exclusion, Ranking, rank
from casework.placement.reference import default_weights
from casework.placement.rules import Rule, Violation

CASES = int(os.environ.get("CASEWORK_RANDOM_CASES", "300"))


def a_ranking(draw: random.Random, number: int) -> Ranking:
    there = places(draw, 8)
    return rank(a_household(draw, number, there), there, default_weights(ON), ON)


def test_every_explanation_adds_up_and_every_change_told_works() -> None:
    draw = random.Random(5)
    rankings = [a_ranking(draw, number) for number in range(CASES)]
    assert [fault for each in rankings for fault in faults(each, changes=8)] == []
    assert sum(len(each.ranked) for each in rankings) > CASES // 2
    assert sum(len(each.excluded) for each in rankings) > CASES // 2


@pytest.mark.parametrize("lie", ["score", "rule", "candidate"])
def test_the_truths_notice_a_lie(lie: str) -> None:
    draw = random.Random(6)
    honest = next(each for each in (a_ranking(draw, n) for n in range(50)) if len(each.ranked) > 1 and each.excluded)
    if lie == "score":
        told = replace(honest, ranked=(replace(honest.ranked[0], score=honest.ranked[0].score + 1),))
    elif lie == "rule":
        false = Exclusion(honest.ranked[0].place, (Violation(Rule.place_avoided, {}),))
        told = replace(honest, excluded=(false,))
    else:
        told = replace(honest, ranked=(replace(honest.ranked[0], place=honest.excluded[0].place),))
    assert list(faults(told, changes=0)) != []
