"""The floors of the house stand (import-linter), and each contract is shown to bite."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = CHECKOUT / "casework"
TIGHT = {"utils", "helpers", "helper", "manager", "managers", "common", "misc", "util"}

OFFENCES = [
    ("casework/kernel/clock.py", "from casework.authz import policy", "The house has floors"),
    ("casework/cases/service.py", "import casework.placement.offers", "The house has floors"),
    ("casework/people/service.py", "import casework.partners.models", "The house has floors"),
    ("casework/verify.py", "from casework.kernel import clock", "The house has floors"),
    ("casework/newcomer.py", "", "The house has floors"),
    ("casework/audit/export.py", "import casework.verify", "The server never leans on the verifier"),
    (
        "casework/cases/queries.py",
        "from casework.settings import Settings",
        "Settings are read where the process starts",
    ),
    ("casework/cases/service.py", "from fastapi import Request", "FastAPI stays at the edge"),
    ("casework/milestones/schedule.py", "import psycopg", "Pure modules"),
    ("casework/placement/rules.py", "from casework.kernel import database", "Pure modules"),
    ("casework/cases/queries.py", "from casework.cases import service", "Inside cases"),
    ("casework/authz/predicates.py", "import psycopg", "Pure modules"),
    ("casework/people/masks.py", "import sqlmodel", "Pure modules"),
    ("casework/overview/access.py", "from casework.overview import routes", "Inside overview"),
    ("casework/identity/schemas.py", "from casework.identity import queries", "Inside identity"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package to break things in, with the project's own contracts."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copytree(PACKAGE, copy / "casework", ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(CHECKOUT / "pyproject.toml", copy)
    return copy


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_house_keeps_its_contracts(house: Path) -> None:
    verdict = lint(house)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert f"Contracts: {len(contracts)} kept, 0 broken." in verdict.stdout


@pytest.mark.parametrize(("place", "line", "contract"), OFFENCES, ids=lambda text: str(text)[:40])
def test_each_contract_bites(house: Path, place: str, line: str, contract: str) -> None:
    path = house / place
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    try:
        verdict = lint(house)
    finally:
        path.unlink() if before is None else path.write_text(before, encoding="utf-8")
    assert verdict.returncode == 1, verdict.stdout + verdict.stderr
    assert [row for row in verdict.stdout.splitlines() if row.startswith(contract) and row.endswith("BROKEN")]


def modules() -> list[Path]:
    found = sorted(PACKAGE.rglob("*.py"))
    assert found
    return found


def test_no_module_is_a_drawer_for_anything() -> None:
    assert [path for path in modules() if {part.removesuffix(".py") for part in path.parts} & TIGHT] == []


def test_nobody_but_the_transaction_commits() -> None:
    """A commit in the middle of a request would leave half of it behind (house-style.md §4.1)."""
    allowed = {"kernel/migration.py", "demo/world.py"}
    committing = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        if path.parent.name != "evidence"  # its naive controls do what the house forbids
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    }
    assert committing <= allowed


def test_the_clock_is_read_in_one_place() -> None:
    """`kernel/clock.py` knows Québec's calendar: `date.today()` is the server's, and wrong at night."""
    calls = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in modules()
        if path.name != "clock.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"date.today", "datetime.today", "datetime.utcnow"}
    ]
    assert calls == []


def test_the_migrations_of_the_checkout_are_no_package() -> None:
    assert not (CHECKOUT / "alembic" / "__init__.py").exists()
