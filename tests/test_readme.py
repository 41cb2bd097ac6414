"""The README's walk-through, run as it stands against a served database."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import anyio.to_thread
import httpx
import pytest

from tests.conftest import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import World

pytestmark = pytest.mark.anyio


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def served(world: World) -> Iterator[dict[str, str]]:
    """A real server process on this test's database; yields the environment of a shell beside it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "CASEWORK_DATABASE_URL": world.server_url,
        "CASEWORK_SECRET": SECRET,
        "CASEWORK_PUBLIC_URL": address,
        "API": address,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "casework", "serve", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            for _ in range(300):
                try:
                    if httpx.get(f"{address}/health/ready", timeout=2).status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield environment
        finally:
            server.terminate()
            server.wait(30)


@pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL HERE: the README's walk-through was not run")
async def test_the_walk_through_of_the_readme_holds(served: dict[str, str], checkout: Path, tmp_path: Path) -> None:
    await anyio.to_thread.run_sync(walk_through, served, checkout, tmp_path)


def walk_through(served: dict[str, str], checkout: Path, tmp_path: Path) -> None:
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- walkthrough -->\n```sh\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    # The package is the one under test; everything else runs to the letter.
    lines = found.group(1).replace("uv run -q casework", f"{sys.executable} -m casework")
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        env={**served, "PYTHONPATH": str(checkout)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    edited = (tmp_path / "milestones.jsonl").read_bytes().replace(b'"code":"FIRST_VISIT"', b'"code":"FIRST_VISIX"')
    (tmp_path / "edited.jsonl").write_bytes(edited)
    again = subprocess.run(
        [sys.executable, "-m", "casework", "verify", "edited.jsonl", "--key", "log.key"],
        env={**served, "PYTHONPATH": str(checkout)},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert again.returncode == 1
