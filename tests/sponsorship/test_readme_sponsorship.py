"""The README's sponsorship, from undertaking to second report, run as it stands; and what the demo shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import anyio.to_thread
import pytest

from casework.demo import sponsorships
from casework.demo.story import Story
from casework.kernel import clock
from tests.sponsorship.steps import told
from tests.test_readme import served

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import World

pytestmark = pytest.mark.anyio
__all__ = ["served"]  # a fixture by its name


@pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL HERE: the README's sponsorship was not run")
async def test_the_sponsorship_of_the_readme_holds(served: dict[str, str], checkout: Path, tmp_path: Path) -> None:
    await anyio.to_thread.run_sync(walk_through, served, checkout, tmp_path)


def walk_through(environment: dict[str, str], checkout: Path, folder: Path) -> None:
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- walkthrough: sponsorship -->\n```sh\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    lines = found.group(1).replace("uv run -q casework", f"{sys.executable} -m casework")
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines.replace("docs/redraw.py", str(checkout / "docs" / "redraw.py"))],
        env={**environment, "PYTHONPATH": str(checkout)}, cwd=folder, capture_output=True, text=True, timeout=180,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    redrawn, stands = run.stdout.splitlines()
    today = clock.today().isoformat()
    assert redrawn == '{"equal": true, "differs": []}'
    assert stands == f"report2_due {today} {today}"


async def test_the_demo_shows_both_programmes_and_undertakings_in_many_states(world: World) -> None:
    story = Story(world.app)
    await story.take_in(3)
    await sponsorships.live(story)
    await story.close()
    prosper = world.client("prosper")
    for programme in ("asylum", "collective_sponsorship"):
        assert told(await prosper.get(f"/v1/cases?programme={programme}"))["items"], programme
    shown = told(await prosper.get("/v1/undertakings?limit=200"))["items"]
    states = sorted(one["state"] for one in shown)
    assert states == sorted(
        ["completed", "report1_due", "report2_due", "csq_issued", "refused", "drawn", "not_drawn", "not_drawn"]
    )
    overdue = told(await prosper.get("/v1/undertakings?report=overdue"))["items"]
    assert [one["state"] for one in overdue] == ["report1_due"]
    [draw] = told(await world.client("aurele").get("/v1/draws"))["items"]
    assert told(await world.client("aurele").get(f"/v1/draws/{draw['id']}/verification"))["verified"] is True
