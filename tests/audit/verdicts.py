"""What the offline verifier says of exports given as bytes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from casework.verify import Report, verify_files
from tests.audit.export_builder import LOG_VKEY, Log

LOG = Log(7)
FULL = LOG.full()
LINES = FULL.splitlines(keepends=True)
KEPT = LOG.checkpoint(4)
"""What the auditor retained on an earlier visit."""


def check(*exports: bytes, kept: str | None = KEPT) -> Report:
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jsonl" for number in range(len(exports))]
        for path, export in zip(paths, exports, strict=True):
            path.write_bytes(export)
        return verify_files(paths, kept, LOG_VKEY)


def refused(*exports: bytes, kept: str | None = KEPT) -> list[str]:
    report = check(*exports, kept=kept)
    assert (report.ok, report.complete, report.exit_code, report.notices) == (False, False, 1, [])
    assert all(problem.fr and problem.en for problem in report.problems)
    return [problem.code for problem in report.problems]
