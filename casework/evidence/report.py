"""The one JSON shape of every bench and drill, with what a reader needs to judge it: commit, machine, load."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from casework import __file__ as package
from casework.kernel import clock


def load() -> list[float]:
    try:
        return [round(value, 2) for value in os.getloadavg()]
    except OSError:
        return []


@dataclass(slots=True)
class Run:
    """One execution, from its first moment: made before the work, closed by `outcome`."""

    name: str
    short: bool
    seed: int
    started_at: str = field(default_factory=lambda: clock.now().isoformat())
    load_before: list[float] = field(default_factory=load)

    def outcome(self, *, ok: bool, figures: dict[str, Any], control: dict[str, Any]) -> dict[str, Any]:
        """`ok`: the promise held; without a control that `failed` as it must, it is no proof and not ok."""
        failed = bool(control["failed"])
        return {
            "name": self.name,
            "ok": bool(ok) and failed,
            "short": self.short,
            "seed": self.seed,
            "figures": figures,
            "control": {**control, "failed": failed},
            "commit": commit(),
            "machine": machine(),
            "load_average": {"before": self.load_before, "after": load()},
            "started_at": self.started_at,
            "ended_at": clock.now().isoformat(),
        }


def commit() -> str | None:
    """The checkout's commit, with `+changes` when the code differs from it; None outside a checkout."""
    folder = Path(package).resolve().parent
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    return head + ("+changes" if _git(folder, "status", "--porcelain", "--", ".") else "")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 -- fixed arguments
            ["git", "-C", str(folder), *arguments],  # noqa: S607 -- whichever git the operator has
            capture_output=True, text=True, check=True, timeout=20,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def machine() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "python": sys.version.split()[0],
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None
