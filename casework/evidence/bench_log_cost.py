"""`casework bench log-cost`: write throughput with the log, against the same server without it (audit.md §1, §5).

Blocks of milestones are recorded over HTTP by several clients at once, in a shuffled order of servers. The server with
the log also sequences, in its own process as in production, and its block ends when the last leaf of it is provable.
"""

from __future__ import annotations

import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from casework.evidence.child import serving
from casework.evidence.driving import drive, post
from casework.evidence.measuring import Meter
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.kernel import clock

if TYPE_CHECKING:
    from uuid import UUID

    from casework.evidence.child import Child
    from casework.evidence.driving import Order
    from casework.evidence.stage import Stage

TARGET = 0.25
CASES, SHORT_CASES = 5_000, 60
WRITES, SHORT_WRITES = 2_000, 120
ROUNDS = 5
SHORT_ROUNDS = 3
WIDTH = 32
WRITER = "camille"
CODE = "DIPLOMAS_GATHERED"
PRINCIPALS = "SELECT case_id, person_id FROM memberships WHERE relation = 'principal' AND case_id = ANY(%s)"
WAITING = "SELECT EXISTS (SELECT FROM log_queue)"
# Real commits: the throwaway server would otherwise not wait for its own log, and the log's writes would cost nothing.
DURABLE = "ALTER DATABASE casework SET synchronous_commit = on"
SERVERS = {
    "with": ("casework", "serve"),
    "without": ("casework.evidence.logless",),
    "control": ("casework.evidence.logless", "--at-once"),
}


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("log-cost", short, seed)
    writes, rounds = (SHORT_WRITES, SHORT_ROUNDS) if short else (WRITES, ROUNDS)
    with stage(SHORT_CASES if short else CASES, seed, servers=(), pool_size=WIDTH) as found:
        found.owner.execute(DURABLE)
        people = [(row[0], row[1]) for row in found.owner.execute(PRINCIPALS, (found.population.readable,)).fetchall()]
        with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
            running = {name: stack.enter_context(_served(found, name, Path(folder))) for name in SERVERS}
            rates, spent = _measured(found, running, people, writes, rounds, random.Random(seed))
    costs = [1 - one / other for one, other in zip(rates["with"], rates["without"], strict=True)]
    at_once = [1 - one / other for one, other in zip(rates["control"], rates["without"], strict=True)]
    cpu = [one / other for one, other in zip(spent["with"], spent["without"], strict=True)]
    figures = {
        "cases": found.population.cases,
        "clients": WIDTH,
        "writes_a_block": writes,
        "rounds": rounds,
        "cost": round(median(costs), 3),
        "cost_range": [round(min(costs), 3), round(max(costs), 3)],
        "target": TARGET,
        "writes_a_second": {name: round(median(some), 1) for name, some in rates.items()},
        "cpu_ms_a_write": {name: round(median(some), 2) for name, some in spent.items()},
        "cpu_ratio": round(median(cpu), 3),
    }
    control = {
        "what": "every write waits for its own index, tree and signature, one after the other",
        "cost": round(median(at_once), 3),
        "failed": median(at_once) > TARGET,
    }
    return done.outcome(ok=median(costs) <= TARGET, figures=figures, control=control)


def _served(found: Stage, name: str, folder: Path) -> Any:
    settings = found.settings.model_copy(update={"background": name == "with"})
    return serving(SERVERS[name], settings, folder / f"{name}.log", f"casework-bench-{name}")


def _measured(
    found: Stage,
    running: dict[str, Child],
    people: list[tuple[UUID, UUID]],
    writes: int,
    rounds: int,
    rng: random.Random,
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Writes a second and CPU milliseconds a write (server and its back ends), one value a round; round 0 warms up."""
    token = found.token(WRITER)
    meters = {name: Meter(found.owner, child.pid, child.application) for name, child in running.items()}
    rates: dict[str, list[float]] = {name: [] for name in running}
    spent: dict[str, list[float]] = {name: [] for name in running}
    for number in range(rounds + 1):
        for name in rng.sample(sorted(running), len(running)):
            orders = [_order(token, *rng.choice(people)) for _ in range(writes)]
            before, started = meters[name].read().total, time.perf_counter()
            drive(running[name].port, orders, width=WIDTH)
            while name == "with" and found.owner.execute(WAITING).fetchone() == (True,):
                time.sleep(0.005)
            seconds = time.perf_counter() - started
            if number:
                rates[name].append(writes / seconds)
                spent[name].append((meters[name].read().total - before) * 1000 / writes)
            # What the control left unsequenced (another's tick took its turn) is nobody's cost.
            while found.owner.execute(WAITING).fetchone() == (True,):
                time.sleep(0.005)
    return rates, spent


def _order(token: str, case_id: UUID, person_id: UUID) -> Order:
    today = {"value": clock.today().isoformat(), "precision": "day"}
    body = {"code": CODE, "person_id": str(person_id), "outcome": "done", "occurred_on": today, "note": "Diplôme vu"}
    return post(f"/v1/cases/{case_id}/milestones", token, body)
