"""Whatever ends the process, or a library has to say: what and where, never in words that could quote a value."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest

SECRET = "Orsane Velquindor"
SERVER = f"""
import asyncio, logging, os, sys, threading, warnings
from casework.kernel import logs

logs.configure("info")
logs.end_silently()
secret = {SECRET!r}
"""
ENDS = {
    "an exception that nobody catches": "raise ValueError(secret)",
    "a thread that fails": "t = threading.Thread(target=lambda: int(secret)); t.start(); t.join()",
    "a finalizer that fails": "class Bad:\n    def __del__(self):\n        raise ValueError(secret)\nBad()",
    "a warning": "warnings.warn(secret)",
    "a library that quotes": "logging.getLogger('some.library').error('refused %s', secret)",
    "a library that quotes an exception": (
        "try:\n    int(secret)\nexcept ValueError:\n    logging.getLogger('some.library').exception('refused')"
    ),
    "a task nobody awaits": (
        "async def main():\n    t = asyncio.ensure_future(asyncio.to_thread(int, secret))\n"
        "    await asyncio.sleep(0.2)\n    del t\n    await asyncio.sleep(0)\nasyncio.run(main())"
    ),
}


def run(program: str) -> tuple[int, str]:
    """Exit code, and everything that the process wrote."""
    done = subprocess.run([sys.executable, "-c", SERVER + program], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ENDS)
def test_the_end_is_told_without_its_words(name: str) -> None:
    _, written = run(ENDS[name])
    assert SECRET not in written
    lines: list[dict[str, Any]] = [json.loads(line) for line in written.splitlines()]
    [line] = [
        line for line in lines if line["event"] in {"crashed", "library"} and line.get("logger") != "asyncio.debug"
    ]
    assert line["where"], line


def test_each_line_is_one_object_with_its_instant_in_utc() -> None:
    """Whatever stands in a value: a line break in it does not begin a line of the log."""
    _, written = run("logs.log.info('noted', route='a\\nb\\rc')")
    [line] = written.splitlines()
    noted = json.loads(line)
    assert noted["route"] == "a\nb\rc"
    assert datetime.fromisoformat(noted["at"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ENDS)
def test_without_our_hooks_each_of_these_ends_would_tell(name: str) -> None:
    """The control: Python's own way with the same program quotes the value."""
    bare = SERVER.replace('logs.configure("info")\n', "").replace("logs.end_silently()\n", "")
    done = subprocess.run([sys.executable, "-c", bare + ENDS[name]], capture_output=True, text=True, check=False)
    assert SECRET in done.stderr


def test_an_abort_tells_its_lines_and_leaves_no_core() -> None:
    code, written = run(
        "import resource\nprint(resource.getrlimit(resource.RLIMIT_CORE))\nsys.stdout.flush()\nos.abort()"
    )
    assert code == -signal.SIGABRT
    assert written.startswith("(0, 0)\n")
    assert "Fatal Python error: Aborted" in written
    assert SECRET not in written


def test_a_library_s_record_keeps_who_and_what_and_where() -> None:
    _, written = run(ENDS["a library that quotes an exception"])
    line = json.loads(written)
    assert (line["logger"], line["kind"], line["level"]) == ("some.library", "ValueError", "error")
