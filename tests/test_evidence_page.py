"""The page of evidence names every program, and no program that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from casework.evidence import benches, drills


def test_the_page_names_every_drill_and_bench_and_no_other() -> None:
    page = (Path(__file__).parents[1] / "docs" / "evidence.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = {tuple(words.split()) for cell in rows for words in re.findall(r"`([^`]+)`", cell)}
    assert named == {("drill", name) for name in drills()} | {("bench", name) for name in benches()}
