"""`casework bench read-case`: CPU of reading one case with its members, against the floor (evidence.md §1)."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from casework.evidence.comparison import DifferentWork, Plan, compare, judged
from casework.evidence.driving import Order, drive, get
from casework.evidence.report import Run
from casework.evidence.stage import stage

if TYPE_CHECKING:
    from casework.evidence.stage import Stage

TARGET = 2.0
CASES, SHORT_CASES = 100_000, 500
READER = "camille"
PATHS = {"server": "/v1/cases/", "floor": "/v1/cases/", "control": "/naive/cases/"}


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("read-case", short, seed)
    plan = (
        Plan(rounds=3, requests=100, width=4, seed=seed) if short else Plan(rounds=5, requests=1000, width=4, seed=seed)
    )
    with stage(SHORT_CASES if short else CASES, seed) as found:
        compared = _same_answers(found, 40 if short else 500)
        token, rng = found.token(READER), random.Random(seed)
        blocks = [rng.choices(found.population.readable, k=plan.requests) for _ in range(plan.rounds + 1)]
        measured = compare(
            found,
            plan,
            lambda name, number: [get(f"{PATHS[name]}{case_id}", token) for case_id in blocks[number]],
        )
        ok, figures, control = judged(measured, TARGET)
        figures |= {
            "cases": found.population.cases,
            "persons": found.population.persons,
            "requests": plan.rounds * plan.requests,
            "connections": plan.width,
            "identical_answers": compared,
        }
    control["what"] = "SQLModel objects loaded one query each, nothing pipelined, the answer validated by its model"
    return done.outcome(ok=ok, figures=figures, control=control)


def _same_answers(found: Stage, sample: int) -> int:
    """Server and floor answer byte for byte alike, the control the same JSON; raises DifferentWork."""
    token, ids = found.token(READER), found.population.readable[:sample]
    bodies: dict[str, list[bytes]] = {}
    for name, contestant in found.contestants.items():
        orders: list[Order] = [get(f"{PATHS[name]}{case_id}", token) for case_id in ids]
        bodies[name] = drive(contestant.port, orders, width=4)
    if bodies["server"] != bodies["floor"]:
        raise DifferentWork("the floor's bytes are not the server's")
    if [json.loads(body) for body in bodies["control"]] != [json.loads(body) for body in bodies["server"]]:
        raise DifferentWork("the control's answer is not the server's")
    return len(ids)
