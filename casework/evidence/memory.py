"""Resident memory of another process, on Linux: now, and at its highest since a moment."""

from __future__ import annotations

from pathlib import Path

from casework.evidence.measuring import NotMeasurable


def mebibytes(pid: int, field: str) -> float:
    """`VmRSS` (now) or `VmHWM` (highest); raises NotMeasurable."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        raise NotMeasurable("the memory of another process is read on Linux only") from None
    for line in text.splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise NotMeasurable(field)


def forget_highest(pid: int) -> None:
    """`VmHWM` begins again from now; raises NotMeasurable."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="utf-8")
    except OSError:
        raise NotMeasurable("the highest memory of this process cannot be forgotten") from None
