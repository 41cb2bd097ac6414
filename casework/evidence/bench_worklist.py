"""`casework bench worklist`: what is overdue in my region, among a million cases: CPU a request, page after page.

The region's coordinator asks for the first page and the second, of the milestones that are late and of the cases that
wait for them. The control is the same list without a place to stop: every late milestone of the region read, and
sorted by who asks for one page.
"""

from __future__ import annotations

import json
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg

from casework.demo.world import key
from casework.evidence.crowd import gather
from casework.evidence.driving import drive, get
from casework.evidence.measuring import cpu_seconds
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.kernel import clock
from casework.kernel.database import ENTER, Context

if TYPE_CHECKING:
    from casework.evidence.driving import Order
    from casework.evidence.stage import Stage

CASES, SHORT_CASES = 1_000_000, 5_000
TARGET_MS, CLEARLY = 20.0, 3
WORKER, REGION = "coralie", "01"
LIMIT, SHORT_LIMIT = 50, 10
ROUNDS, REQUESTS, WARM = 3, 200, 20
LISTS = {
    "milestones": f"/v1/milestones?state=overdue&region={REGION}",
    "cases": "/v1/worklists?name=overdue",
}
EVERYTHING = (
    "SELECT e.id, e.case_id, e.due_on, e.code, c.reference FROM milestone_expectations e JOIN cases c ON c.id = e.case_id"
    " WHERE e.fulfilled_by IS NULL AND e.due_on < %s AND c.status <> 'closed'"
)


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done, limit = Run("worklist", short, seed), SHORT_LIMIT if short else LIMIT
    with stage(0, seed, servers=("server",), pool_size=2) as found:
        crowd = gather(found.owner_url, found.settings, SHORT_CASES if short else CASES, seed, [])
        figures: dict[str, Any] = {"cases": crowd.cases, "persons": crowd.persons, "target_ms": TARGET_MS}
        for name, path in LISTS.items():
            figures[name] = _asked(found, f"{path}&limit={limit}")
        late, naive = _everything(found)
    worst = max(figures[name]["cpu_ms"] for name in LISTS)
    whole = all(figures[name]["pages_in_order"] for name in LISTS)
    control = {
        "what": "every late milestone of the region read and sorted, for one page of them",
        "late_in_region": late, "cpu_ms_everything": round(naive, 2),
        "ratio_to_worklist": round(naive / figures["milestones"]["cpu_ms"], 2), "must_exceed": CLEARLY,
        # A short crowd has few late milestones: that it reads more than a page is enough.
        "failed": late > limit and (short or naive > CLEARLY * figures["milestones"]["cpu_ms"]),
    }  # fmt: skip
    return done.outcome(ok=worst <= TARGET_MS and whole, figures=figures, control=control)


def _asked(found: Stage, path: str) -> dict[str, Any]:
    """Milliseconds of CPU of one page (server and its back ends), the median of three rounds over the first two pages."""
    contestant, token = found.contestants["server"], found.token(WORKER)
    [first] = drive(contestant.port, [get(path, token)], width=1)
    page = json.loads(first)
    orders: list[Order] = [get(path, token)]
    if page["next_cursor"]:
        orders.append(get(f"{path}&cursor={page['next_cursor']}", token))
    drive(contestant.port, (orders * WARM)[:WARM], width=1)
    spent = []
    for _ in range(ROUNDS):
        before = contestant.meter.read()
        bodies = drive(contestant.port, orders * (REQUESTS // len(orders)), width=1)
        after = contestant.meter.read()
        each = 1_000 / (REQUESTS // len(orders) * len(orders))
        spent.append(((after.total - before.total) * each, (after.postgres - before.postgres) * each))
    return {
        "cpu_ms": round(median(total for total, _ in spent), 2),
        "cpu_ms_per_round": [round(total, 2) for total, _ in spent],
        "cpu_ms_postgres": round(median(postgres for _, postgres in spent), 2),
        "rows": len(page["items"]), "pages_in_order": _in_order([json.loads(body) for body in bodies[: len(orders)]]),
    }  # fmt: skip


def _in_order(pages: list[dict[str, Any]]) -> bool:
    """The most pressing first, over the edge between two pages; and something on each."""
    days = [item["due_on"] for page in pages for item in page["items"]]
    return bool(days) and days == sorted(days)


def _everything(found: Stage) -> tuple[int, float]:
    """How many are late in the region, and milliseconds of CPU to read and sort them all, as the coordinator."""
    context = Context("coordinator", key(WORKER), key(f"{WORKER}/grant"), key("dr-bas-saint-laurent"), REGION)
    entering = {"context": context.signed(found.settings.key("context")), "role": "casework_coordinator"}
    assert found.settings.database_url is not None
    with psycopg.connect(found.settings.database_url.get_secret_value(), prepare_threshold=None) as walled:
        walled.execute(ENTER, entering)
        walled.execute(EVERYTHING.encode(), (clock.today(),)).fetchall()
        began, before = time.process_time(), cpu_seconds(walled.info.backend_pid)
        rows = sorted(walled.execute(EVERYTHING.encode(), (clock.today(),)).fetchall(), key=lambda row: row[2])
        spent = time.process_time() - began + cpu_seconds(walled.info.backend_pid) - before
    return len(rows), spent * 1_000
