"""The wheel stands on its own: it carries its migrations, reference data and SQL, and installs a database."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from tests.conftest import Server

CHECKOUT = Path(__file__).resolve().parents[1]
CONTEXT = ("pyproject.toml", "README.md", "LICENSE", "alembic", "docs", "casework")
"""All that the image's builder has (Dockerfile)."""
OFFLINE = ("dns error", "error sending request", "connection refused", "timed out", "network is unreachable")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the path: `pip install uv`")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in CONTEXT:
        place = CHECKOUT / name
        shutil.copytree(place, source / name) if place.is_dir() else shutil.copy(place, source)
    built = subprocess.run(
        [uv, "build", "--wheel", "--out-dir", out, source], capture_output=True, text=True, check=False
    )
    if built.returncode != 0 and any(sign in built.stderr.lower() for sign in OFFLINE):
        pytest.skip("hatchling cannot be fetched: no network")
    assert built.returncode == 0, built.stderr
    [found] = out.glob("*.whl")
    return found


def test_the_wheel_carries_all_that_is_no_python(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    for folder, packed in (("casework", "casework"), ("alembic", "casework/_alembic")):
        wanted = {
            f"{packed}/{path.relative_to(CHECKOUT / folder).as_posix()}"
            for path in (CHECKOUT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert wanted <= inside
    assert {
        "casework/authz/functions.sql",
        "casework/territory/data/regions.csv",
        "casework/identity/data/common_passwords.txt",
    } <= inside
    assert "casework/_alembic/versions/0001_territory_and_actors.py" in inside
    assert not [name for name in inside if name.startswith(("tests/", "alembic/")) or "__pycache__" in name]


def test_the_wheel_names_its_licence_and_its_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    [commands] = [name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt")]
    assert "License-Expression: MIT" in archive.read(metadata).decode()
    assert "casework = casework.cli:main" in archive.read(commands).decode()


def test_a_database_is_installed_without_a_checkout(wheel: Path, server: Server, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    name = f"w_{secrets.token_hex(6)}"
    server.create(name, "template0")
    try:
        outcome = subprocess.run(
            [sys.executable, "-m", "casework", "migrate", "--json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site), **settings(server, name)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert outcome.returncode == 0, outcome.stderr
        assert json.loads(outcome.stdout)["ok"] is True
        assert where(site, tmp_path).is_relative_to(site)
        with psycopg.connect(server.url("owner", name)) as connection:
            [(regions,)] = connection.execute("SELECT count(*) FROM admin_regions").fetchall()
        assert regions == 17
    finally:
        server.drop(name)


def settings(server: Server, database: str) -> dict[str, str]:
    return {
        "CASEWORK_OWNER_DATABASE_URL": server.url("owner", database),
        "CASEWORK_LOGIN_ROLE": make_url(server.url("server", database)).username or "",
        "CASEWORK_SECRET": secrets.token_hex(32),
        "CASEWORK_SEALING_KEY": secrets.token_hex(32),
    }


def where(site: Path, folder: Path) -> Path:
    """The migrations folder that the unpacked wheel uses."""
    program = "from casework.kernel.migration import migrations_folder; print(migrations_folder())"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Path(found.stdout.strip())
