"""`casework bench intake`: CPU of taking in a family of four, consents and leaf included (evidence.md §1)."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

from casework.demo.families import family
from casework.evidence.comparison import DifferentWork, Plan, compare, judged
from casework.evidence.driving import Order, drive, post
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.evidence.written import rows_with, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from casework.evidence.stage import Stage

TARGET = 3.0
CASES, SHORT_CASES = 100_000, 500
WORKER = "camille"
PATHS = {"server": "/v1/cases", "floor": "/v1/cases", "control": "/naive/cases"}


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("intake", short, seed)
    plan = (
        Plan(rounds=3, requests=50, width=4, seed=seed) if short else Plan(rounds=5, requests=250, width=4, seed=seed)
    )
    with stage(SHORT_CASES if short else CASES, seed) as found:
        token, fresh = found.token(WORKER), count()
        written = _same_rows(found, token, 3 if short else 10, seed, fresh)

        def block(name: str, number: int) -> list[Order]:
            seeds = range(seed + number * plan.requests, seed + (number + 1) * plan.requests)
            return [_order(name, token, one, fresh) for one in seeds]

        measured = compare(found, plan, block)
        ok, figures, control = judged(measured, TARGET)
        figures |= {
            "cases": found.population.cases,
            "persons": found.population.persons,
            "requests": plan.rounds * plan.requests,
            "connections": plan.width,
            "rows_written": written,
        }
    control["what"] = (
        "the same rows, each an object with an INSERT and a round trip of its own, read back object by object"
    )
    return done.outcome(ok=ok, figures=figures, control=control)


def _order(name: str, token: str, seed: int, fresh: Iterator[int]) -> Order:
    """The same families for each contestant, under external ids that never repeat."""
    return post(PATHS[name], token, family(seed, size=4).body | {"external_id": f"bench-{next(fresh)}"})


def _same_rows(found: Stage, token: str, sample: int, seed: int, fresh: Iterator[int]) -> dict[str, int]:
    """Each contestant writes the same rows in every table and answers alike; the rows of one intake, counted.

    Raises DifferentWork.
    """
    tables: dict[str, int] = {}
    for one in range(seed, seed + sample):
        seen = {}
        for name, contestant in found.contestants.items():
            [body] = drive(contestant.port, [_order(name, token, one, fresh)], width=1)
            rows = rows_with(found.owner, UUID(json.loads(body)["id"]))
            # The control's answer is a model's: the same JSON, in the model's order.
            shape = json.dumps(json.loads(shape_of(body)), sort_keys=True) if name == "control" else shape_of(body)
            seen[name] = (rows, shape)
        rows, shape = seen["server"]
        if seen["floor"] != (rows, shape):
            raise DifferentWork(f"the floor's intake differs: {_difference(rows, seen['floor'][0])}")
        if seen["control"] != (rows, json.dumps(json.loads(shape), sort_keys=True)):
            raise DifferentWork(f"the control's intake differs: {_difference(rows, seen['control'][0])}")
        tables = {table: len(some) for table, some in rows.items()}
    return tables


def _difference(one: dict[str, list[str]], other: dict[str, list[str]]) -> str:
    return ", ".join(table for table in sorted(one | other) if one.get(table) != other.get(table)) or "the answer"
