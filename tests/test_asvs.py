"""docs/asvs.md names every requirement of levels 2 and 3, and what it names exists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from casework.evidence import drills

if TYPE_CHECKING:
    from pathlib import Path

ROW = re.compile(r"^\| (\d[^|]*) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
WAITS = "waits for: "
REASON = "not applicable: "


def rows(checkout: Path) -> list[tuple[list[str], str]]:
    """(["1.1.1 L2", …], shown by)"""
    text = (checkout / "docs" / "asvs.md").read_text(encoding="utf-8")
    return [(re.sub(r"[()]", "", numbers).split(", "), shown.strip("` ")) for numbers, _, shown in ROW.findall(text)]


def test_every_requirement_is_named_once(checkout: Path) -> None:
    named = [number for numbers, _ in rows(checkout) for number in numbers]
    known = (checkout / "tests" / "snapshots" / "asvs_5_0_0.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(named) == sorted(known)


def test_what_is_said_to_show_a_requirement_exists(checkout: Path) -> None:
    shown = [one for _, one in rows(checkout) if not one.startswith((WAITS, REASON))]
    assert len(shown) > 50
    absent = [one for one in shown if not exists(checkout, one)]
    assert absent == []


def test_an_invented_proof_is_noticed(checkout: Path) -> None:
    for invented in ("tests/test_asvs.py::test_nothing", "tests/none.py::test_x", "drill nothing", "docs/none.md", ""):
        assert not exists(checkout, invented), invented


def exists(checkout: Path, shown: str) -> bool:
    if shown.startswith("drill "):
        return shown.removeprefix("drill ") in drills()
    path, _, test = shown.partition("::")
    file = checkout / path
    if not path or not file.is_file():
        return False
    if path.startswith("tests/"):
        return (
            re.search(rf"^(async )?def {re.escape(test)}\(", file.read_text(encoding="utf-8"), re.MULTILINE) is not None
        )
    return not test


def test_a_reason_is_given_where_a_requirement_does_not_apply(checkout: Path) -> None:
    assert all(len(shown) > len(REASON) + 3 for _, shown in rows(checkout) if shown.startswith(REASON))


def test_what_is_still_to_be_shown_is_told(checkout: Path) -> None:
    waiting = {", ".join(numbers): shown for numbers, shown in rows(checkout) if shown.startswith(WAITS)}
    if waiting:
        pytest.skip("; ".join(f"{numbers} {shown}" for numbers, shown in waiting.items()))
