"""The JavaScript verifier, asked many things in one process. Skips, and says so, only where Node is absent."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from casework import verify

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = Path(verify.__file__).with_suffix(".mjs")
ASKED = Path(__file__).with_name("ask_verifier.mjs")
OLDEST_NODE = 18


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("NODE IS ABSENT: the JavaScript verifier was NOT tested; install Node 18 or later")
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"v(\d+)", told)
    if version is None or int(version[1]) < OLDEST_NODE:
        pytest.skip(f"NODE {told.strip()} IS TOO OLD: the JavaScript verifier was NOT tested")
    return found


def reports(jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One report a job, as `verify.mjs --batch` gives them."""
    given = "".join(json.dumps(job) + "\n" for job in jobs)
    done = subprocess.run([node(), str(SCRIPT), "--batch"], input=given, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def asked(question: str, value: Any) -> Any:
    """What the module's own functions answer (ask_verifier.mjs)."""
    done = subprocess.run(
        [node(), str(ASKED), str(SCRIPT), question],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)
