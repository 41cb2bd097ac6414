"""`casework bench import`: a large sheet with faults in it; the report is exact, memory flat, a second time changes nothing.

Memory is measured twice: what reading holds for each household more (traced allocations), and the peak of the server
process that imports a large file after a small one. The control loads the whole workbook, as most programs do.
"""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from casework.evidence.import_sheet import sheet
from casework.evidence.measuring import NotMeasurable
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.household_imports.sheets import XLSX, sheet_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.evidence.import_sheet import Planted
    from casework.evidence.stage import Stage

HOUSEHOLDS, SHORT_HOUSEHOLDS = 10_000, 300
TRACED, SHORT_TRACED = 2_000, 400
TIMES = 10
BYTES_A_HOUSEHOLD = 1_024
PEAK_RATIO = 1.25
WORKER = "ines"
TRACE = ("log_leaves", "log_queue", "read_entries")
PATIENCE = httpx.Timeout(60, read=3600)


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("import", short, seed)
    held = growth(_read, SHORT_TRACED if short else TRACED, seed)
    naive = growth(_load, SHORT_TRACED if short else TRACED, seed)
    small, large = [sheet(count, seed + count) for count in _sizes(SHORT_HOUSEHOLDS if short else HOUSEHOLDS)]
    with stage(0, seed, servers=("server",)) as found:
        _import(found, small)
        peak_small = peak_of(found.contestants["server"].meter.pid)
        first = _import(found, large)
        peak_large = peak_of(found.contestants["server"].meter.pid)
        before = _rows(found)
        second = _import(found, large)
        changed = {name: count - before[name] for name, count in _rows(found).items() if count != before[name]}
    reported = {(fault["line"], fault["column"], fault["code"]) for fault in first["faults"]}
    exact = reported == large.faults and len(first["faults"]) == len(large.faults) and first["stored"] == large.good
    untouched = not changed and second["stored"] == 0 and second["known"] == large.good
    figures = {
        "households": large.households, "lines": large.lines, "file_bytes": len(large.body),
        "faults_planted": len(large.faults), "faults_reported": len(reported & large.faults), "report_exact": exact,
        "stored": first["stored"], "refused": first["refused"],
        "second": {"stored": second["stored"], "known": second["known"], "rows_changed": changed},
        "bytes_per_household": held, "server_peak_mib": {"small": peak_small, "large": peak_large},
        "server_peak_ratio": round(peak_large / peak_small, 3),
    }  # fmt: skip
    flat = held <= BYTES_A_HOUSEHOLD and peak_large / peak_small <= PEAK_RATIO
    control = {
        "what": "the whole workbook in memory",
        "bytes_per_household": naive,
        "failed": naive > BYTES_A_HOUSEHOLD,
    }
    return done.outcome(ok=exact and untouched and flat, figures=figures, control=control)


def _sizes(large: int) -> tuple[int, int]:
    return large // TIMES, large


def growth(read: Callable[[bytes], object], households: int, seed: int) -> int:
    """Bytes at the peak for each household more, between a file and one ten times as long."""
    peaks = []
    for count in _sizes(households):
        body = sheet(count, seed).body
        read(body)  # what is loaded and compiled once is not this file's
        tracemalloc.start()
        read(body)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return round((peaks[1] - peaks[0]) / (households - households // TIMES))


def _read(body: bytes) -> None:
    for _ in sheet_of(body, XLSX).lines():
        pass


def _load(body: bytes) -> object:
    import openpyxl

    return list(openpyxl.load_workbook(io.BytesIO(body)).worksheets[0].iter_rows())


def peak_of(pid: int) -> float:
    """The most memory the process has held since it began, in MiB; raises NotMeasurable."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise NotMeasurable("the memory of another process is read on Linux only") from error
    return next(round(int(line.split()[1]) / 1024, 1) for line in lines if line.startswith("VmHWM"))


def _import(found: Stage, planted: Planted) -> dict[str, Any]:
    url = f"http://127.0.0.1:{found.contestants['server'].port}/v1/household-imports"
    headers = {"Authorization": f"Bearer {found.token(WORKER)}", "Content-Type": XLSX}
    answer = httpx.post(url, content=planted.body, headers=headers, timeout=PATIENCE)
    answer.raise_for_status()
    report: dict[str, Any] = answer.json()
    return report


def _rows(found: Stage) -> dict[str, int]:
    """Rows of every table but the trace that somebody imported."""
    tables = [
        str(name) for (name,) in found.owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    each = [f"SELECT '{name}', count(*) FROM {name}" for name in tables if name not in TRACE]
    return {str(name): int(count) for name, count in found.owner.execute(" UNION ALL ".join(each).encode())}
