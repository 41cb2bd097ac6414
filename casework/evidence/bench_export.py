"""`casework bench export`: the milestone log pulled over HTTP in each form, against COPY of the same columns (evidence.md §1).

Rows a second, interleaved in one run, and the server's highest memory for a log and for one four times as long. The
control fetches everything and makes one text of it: its memory grows with the log.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track

from casework.audit.table import COLUMNS
from casework.evidence.driving import get, header, line_to
from casework.evidence.log_writers import record_milestones
from casework.evidence.measuring import NotMeasurable, cpu_seconds
from casework.evidence.memory import forget_highest, mebibytes
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.kernel import logs
from casework.main import create_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from casework.evidence.driving import Line
    from casework.evidence.stage import Stage

ENTRIES, SHORT_ENTRIES = 1_000_000, 8_000
ROUNDS = 3
PAGE = 5_000
BATCH = 2_000
TARGET = 0.5
# Of a page and its neighbours; what matters is that four times the log adds nothing to it.
MOST_GROWTH_MIB, FLAT_MIB = 150, 24
AUDITOR = "aurele"
FORMS = ("jsonl", "csv", "parquet")
JOINED = (
    "FROM log_entries e JOIN log_leaves l ON l.id = e.leaf_id LEFT JOIN log_links k ON k.leaf_id = e.leaf_id"
    " WHERE e.log = 'milestones' ORDER BY e.index"
)
COMPUTED = {
    "index": "e.index",
    "recorded_at": "l.recorded_at",
    "case": "k.case_tag",
    "occurred_on": "l.body::jsonb -> 'occurred_on' ->> 'value'",
    "occurred_precision": "l.body::jsonb -> 'occurred_on' ->> 'precision'",
    "leaf_hash": r"encode(sha256('\x00'::bytea || convert_to(l.body, 'UTF8')), 'hex')",
}
AS_TABLE = ", ".join(COMPUTED.get(column.name, f"l.body::jsonb ->> '{column.name}'") for column in COLUMNS)
COPIES = {
    "copy_lines": f"COPY (SELECT e.index, l.body, k.case_tag {JOINED}) TO STDOUT",
    "copy_table": f"COPY (SELECT {AS_TABLE} {JOINED}) TO STDOUT",
}
AGAINST = {"jsonl": "copy_lines", "csv": "copy_table", "parquet": "copy_table"}


def run(*, short: bool, seed: int) -> dict[str, Any]:
    logs.configure("error")
    done = Run("export", short, seed)
    entries = SHORT_ENTRIES if short else ENTRIES
    with stage(4, seed, servers=("server",)) as found:
        memory = asyncio.run(_memory(found, entries))
        rates, spent = _rates(found, entries, random.Random(seed))
    ratios = {
        form: [one / other for one, other in zip(rates[form], rates[AGAINST[form]], strict=True)] for form in FORMS
    }
    figures = {
        "entries": entries,
        "target_ratio": TARGET,
        **{f"ratio_{form}": round(median(some), 2) for form, some in ratios.items()},
        "ratio_ranges": {form: [round(min(some), 2), round(max(some), 2)] for form, some in ratios.items()},
        "cpu_us_a_row": {name: round(median(some), 1) for name, some in spent.items()},
        "rows_a_second": {name: round(median(some)) for name, some in rates.items()},
        **memory["server"],
    }
    growth = figures["growth_mib"]
    flat = growth[1] - growth[0] <= FLAT_MIB and growth[1] <= MOST_GROWTH_MIB
    naive = memory["naive"]
    control = {
        "what": "every row fetched, made into objects and one text",
        "growth_mib": naive,
        "failed": naive[1] > 2 * naive[0],
    }
    quick = all(median(some) >= TARGET for some in ratios.values())
    return done.outcome(ok=quick and flat, figures=figures | {"flat": flat}, control=control)


async def _memory(found: Stage, entries: int) -> dict[str, Any]:
    """Fill a quarter of the log, pull it, fill the rest, pull it: growth over the idle server, in MiB, at both sizes."""
    app = create_app(found.settings)
    server = found.contestants["server"]
    token, pid = found.token(AUDITOR), server.meter.pid
    growth, naive, idle = [], [], 0.0
    for size, more in ((entries // 4, entries // 4), (entries, entries - entries // 4)):
        await _filled(app, more)
        if not idle:
            # The first page of each form loads what it needs: that is not the log's doing.
            for form in FORMS:
                await _pulled(server.port, token, form, most=1)
            idle = mebibytes(pid, "VmRSS")
        with suppress(NotMeasurable):
            forget_highest(pid)
        for form in FORMS:
            assert await _pulled(server.port, token, form) == size
        growth.append(round(mebibytes(pid, "VmHWM") - idle, 1))
        naive.append(await asyncio.to_thread(_naive_growth, found.owner_url))
    await app.state.database.close()
    found.owner.execute("VACUUM (ANALYZE)")
    return {"server": {"idle_mib": round(idle, 1), "growth_mib": growth}, "naive": naive}


async def _filled(app: FastAPI, entries: int) -> None:
    for _ in track(range(0, entries, BATCH), "inscriptions / entries", console=Console(stderr=True)):
        await record_milestones(app, BATCH, at_once=500)
        while await app.state.sequencer.tick():
            pass


def _naive_growth(url: str) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "casework.evidence.naive_export"],
        env={**os.environ, "CASEWORK_BENCH_URL": url}, capture_output=True, check=True,
    )  # fmt: skip
    return round(float(json.loads(done.stdout)["growth_mib"]), 1)


async def _pulled(port: int, token: str, form: str, *, most: int | None = None) -> int:
    """Rows pulled, page by page, under the first page's checkpoint."""
    rows, after, size, pages = 0, "", "", 0
    async with line_to(port) as line:
        if form == "jsonl" and most is None:
            return await _streamed(line, token)
        while True:
            path = f"/v1/milestone-log?format={form}&limit={PAGE}{size}{after}"
            head, body = await line.exchange(get(path, token))
            assert head.startswith(b"http/1.1 200"), body[:300]
            manifest = json.loads(body.split(b"\n", 1)[0] if form == "jsonl" else header(head, b"x-export-manifest"))
            rows, pages = rows + int(manifest["count"]), pages + 1
            size, following = f"&size={manifest['size']}", header(head, b"x-next-after").decode()
            if not following or pages == most:
                return rows
            after = f"&after={following}"


async def _streamed(line: Line, token: str) -> int:
    """Rows of the whole log in one answer; each page of it is one chunk, and has one line that is no row."""
    head, chunks = await line.stream(get(f"/v1/milestone-log?whole=true&limit={PAGE}", token))
    assert head.startswith(b"http/1.1 200"), head
    rows = 0
    async for chunk in chunks:
        rows += chunk.count(b"\n") - 1
    return rows


def _rates(found: Stage, entries: int, rng: random.Random) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Rows a second, and CPU microseconds a row (server and its back ends; for COPY its back end), one value a round.

    The first round only warms up.
    """
    server, token = found.contestants["server"], found.token(AUDITOR)
    back_end = found.owner.info.backend_pid

    def pulling(form: str) -> Callable[[], object]:
        return lambda: asyncio.run(_pulled(server.port, token, form))

    def copying(name: str) -> Callable[[], object]:
        return lambda: _copied(found, COPIES[name])

    def spent_by(name: str) -> float:
        return cpu_seconds(back_end) if name in COPIES else server.meter.read().total

    works = {form: pulling(form) for form in FORMS} | {name: copying(name) for name in COPIES}
    rates: dict[str, list[float]] = {name: [] for name in works}
    spent: dict[str, list[float]] = {name: [] for name in works}
    for number in range(ROUNDS + 1):
        for name in rng.sample(sorted(works), len(works)):
            before, started = spent_by(name), time.perf_counter()
            works[name]()
            if number:
                rates[name].append(entries / (time.perf_counter() - started))
                spent[name].append((spent_by(name) - before) * 1e6 / entries)
    return rates, spent


def _copied(found: Stage, command: str) -> int:
    count = 0
    with found.owner.cursor().copy(command.encode()) as copy:
        for part in copy:
            count += len(part)
    return count
