"""A server in production starts with real secrets, or says which setting it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from casework.settings import Settings

GOOD = {
    "CASEWORK_ENVIRONMENT": "production",
    "CASEWORK_SECRET": "tB3vQ8mXz0Lr5sYw2KfH7nCe9PjDa4Ug-Tx6Ro1Ei_Wk8Vq",
    "CASEWORK_SEALING_KEY": "m1Zc7Xw4Jq9Ly2Nf5Bt8Gd3Ks6Hv0Rp_Ue-Ao4Ti7Ob2Mx5",
    "CASEWORK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
}


def started(**changes: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CASEWORK_")}
    told = {name: value for name, value in {**GOOD, **changes}.items() if value}
    return subprocess.run(
        [sys.executable, "-m", "casework", "serve", "--port", "1"],
        env={**kept, **told}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SECRET", "change-me"),
        ("SECRET", "short"),
        ("SECRET", "a" * 48),
        ("SECRET", GOOD["CASEWORK_SEALING_KEY"]),
        ("SEALING_KEY", ""),
        ("SEALING_KEY", "change-me" * 6),
        ("LOG_KEY", "x"),
        ("WITNESSES", "notakey+0"),
        ("ENVIRONMENT", "bogus"),
        ("POOL_SIZE", "abc"),
        ("POOL_SIZE", "0"),
        ("LOG_LEVEL", "loud"),
        ("DATABASE_URL", "notaurl"),
        ("DATABASE_URL", ""),
    ],
)
def test_a_setting_that_cannot_serve_is_named_and_never_repeated(setting: str, value: str) -> None:
    ended = started(**{f"CASEWORK_{setting}": value})
    assert ended.returncode == 1, ended.stderr
    assert f"CASEWORK_{setting}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(value) < 8 or value not in ended.stderr


def test_the_readme_names_every_setting_and_no_other() -> None:
    page = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    table = page.split("## Settings")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = [name.strip(" `") for cell in first_cells for name in cell.split(",")]
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)
