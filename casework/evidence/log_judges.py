"""The two verifiers as judges of many exports at once: `verify.py` in this process, `verify.mjs` in one Node process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from casework import verify

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = Path(verify.__file__).with_suffix(".mjs")


class NodeAbsent(click.ClickException):
    def __init__(self) -> None:
        super().__init__(
            "Cette épreuve juge aussi avec le vérificateur JavaScript : installez Node 18 ou plus récent.\n"
            "This drill also judges with the JavaScript verifier: install Node 18 or later."
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Codes of the problems each verifier found; an empty list accepts."""

    python: list[str]
    javascript: list[str]


class Judges:
    """`folder`: where exports lie while they are judged. Raises NodeAbsent."""

    def __init__(self, folder: Path, key: str) -> None:
        found = shutil.which("node")
        if found is None:
            raise NodeAbsent
        self._node, self._folder, self._key = found, folder, key

    def judge(self, cases: Sequence[tuple[bytes, str | None]]) -> list[Verdict]:
        """(export, retained checkpoint) each."""
        paths = []
        for number, (export, _) in enumerate(cases):
            path = self._folder / f"{number}.jsonl"
            path.write_bytes(export)
            paths.append(path)
        jobs = [(path, kept) for path, (_, kept) in zip(paths, cases, strict=True)]
        with ThreadPoolExecutor(1) as other:
            asked = other.submit(self._javascript, jobs)
            python = [
                [each.code for each in verify.verify_files([path], kept, self._key).problems] for path, kept in jobs
            ]
            return [Verdict(*both) for both in zip(python, asked.result(), strict=True)]

    def _javascript(self, jobs: Sequence[tuple[Path, str | None]]) -> list[list[str]]:
        asked = [{"files": [str(path)], "checkpoint": kept, "key": self._key} for path, kept in jobs]
        done = subprocess.run(  # noqa: S603 -- our own script
            [self._node, str(SCRIPT), "--batch"],
            input="".join(json.dumps(job) + "\n" for job in asked),
            capture_output=True, text=True, check=True,
            env={name: value for name, value in os.environ.items() if name != verify.KEY_VARIABLE},
        )  # fmt: skip
        return [[each["code"] for each in json.loads(line)["problems"]] for line in done.stdout.splitlines()]
