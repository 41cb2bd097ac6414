"""`casework drill existence`: does what is out of reach cost more than what does not exist? (access.md §2)

One person asks, in shuffled order, for cases of another office and for ids that nobody has. For each operation the
figure is the probability that a call about a hidden case costs the server and PostgreSQL more CPU than one about an
absent case: one half is blindness. CPU and not the clock, because a busy machine hides from a clock what a quiet one
would tell. Answers must be the same bytes; `tests/test_existence.py` compares them for every route and role.
"""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left, bisect_right
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track

from casework.demo.world import key
from casework.evidence.driving import Order, get, line_to, post
from casework.evidence.population import OFFICE
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from casework.evidence.driving import Line
    from casework.evidence.measuring import Meter
    from casework.evidence.stage import Stage

    Ask = Callable[[str, UUID], Order]

PAIRS, SHORT_PAIRS = 500, 200
CASES, SHORT_CASES = 5_000, 200
# How far from one half chance may carry the figure: several standard errors, 1 / sqrt(12 · pairs) each.
TOLERANCE, SHORT_TOLERANCE = 0.06, 0.12
WARM_UP = 20
AFTER_SECONDS = 0.002
ASKER = "camille"
HIDDEN = "SELECT id FROM cases WHERE office_id <> %s ORDER BY id"
PLACE = "le-phare/10043"


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("existence", short, seed)
    pairs, tolerance = (SHORT_PAIRS, SHORT_TOLERANCE) if short else (PAIRS, TOLERANCE)
    with stage(SHORT_CASES if short else CASES, seed, servers=("server", "late")) as found:
        hidden = [row[0] for row in found.owner.execute(HIDDEN, (key(OFFICE),)).fetchall()]
        operations = {
            name: asyncio.run(_timed(found, "server", ask, hidden, pairs, seed)) for name, ask in ASKED.items()
        }
        naive = asyncio.run(_timed(found, "late", _naive, hidden, pairs, seed))
    far = max(abs(told["dearer_when_hidden"] - 0.5) for told in operations.values())
    different = sum(told["answers_that_differ"] for told in operations.values())
    figures = {
        "pairs": pairs * len(ASKED), "operations": operations, "farthest_from_one_half": round(far, 3),
        "tolerance": tolerance, "answers_that_differ": different, "hidden_cases": len(hidden),
    }  # fmt: skip
    control = {
        "what": "the case read with a manager's eyes, then compared with the asker's office",
        **naive,
        "failed": abs(naive["dearer_when_hidden"] - 0.5) > tolerance,
    }
    return done.outcome(ok=far <= tolerance and not different, figures=figures, control=control)


def _offer(token: str, case_id: UUID) -> Order:
    return post("/v1/offers", token, {"case_id": str(case_id), "capacity_id": str(key(PLACE)), "reason": "Épreuve."})


def _close(token: str, case_id: UUID) -> Order:
    return post(f"/v1/cases/{case_id}/close", token, {"reason": "Épreuve."}, if_match='"1"')


def _naive(token: str, case_id: UUID) -> Order:
    return get(f"/late/compared/{case_id}", token)


ASKED: dict[str, Ask] = {
    "read": lambda token, case_id: get(f"/v1/cases/{case_id}", token),
    "milestones": lambda token, case_id: get(f"/v1/cases/{case_id}/milestones", token),
    "offer": _offer,
    "close": _close,
}


async def _timed(found: Stage, server: str, ask: Ask, hidden: list[UUID], pairs: int, seed: int) -> dict[str, Any]:
    """Milliseconds of CPU by kind of id, one call at a time, the two kinds in a shuffled order."""
    rng, token = random.Random(f"{seed}-{pairs}"), found.token(ASKER)
    times: dict[str, list[float]] = {"hidden": [], "absent": []}
    answers = set()
    contestant = found.contestants[server]
    async with line_to(contestant.port) as line:
        for _ in range(WARM_UP):
            await line.ask(ask(token, new_id()))
        for _ in track(
            range(pairs), "paires / pairs", console=Console(stderr=True), disable=not Console(stderr=True).is_terminal
        ):
            for kind in rng.sample(sorted(times), 2):
                spent, answer = await _once(
                    contestant.meter, line, ask(token, rng.choice(hidden) if kind == "hidden" else new_id())
                )
                times[kind].append(spent)
                answers.add(answer)
    return {
        "dearer_when_hidden": round(dearer(times["hidden"], times["absent"]), 3),
        "cpu_ms_hidden": round(median(times["hidden"]), 3),
        "cpu_ms_absent": round(median(times["absent"]), 3),
        "answers_that_differ": len(answers) - 1,
    }


async def _once(meter: Meter, line: Line, order: Order) -> tuple[float, tuple[bytes, bytes]]:
    """Milliseconds of CPU, and the answer: its first line and its body."""
    before = meter.read().total
    head, body = await line.exchange(order)
    # What a server does once it has answered belongs to the call too.
    await asyncio.sleep(AFTER_SECONDS)
    return (meter.read().total - before) * 1000, (head.partition(b"\r\n")[0], body)


def dearer(one: list[float], other: list[float]) -> float:
    """The probability that a value of `one` exceeds a value of `other`, ties halved (Mann-Whitney)."""
    ranked = sorted(other)
    wins = sum(bisect_left(ranked, value) + bisect_right(ranked, value) for value in one)
    return wins / (2 * len(one) * len(other))
