"""The JavaScript verifier says what `casework verify` says: same verdict, same problems, on the same lines."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from casework import verify
from casework.verify import verify_files
from tests.audit import test_verify_hostile as hostile
from tests.audit.export_builder import LOG_VKEY, VECTORS, Log, line, milestone_leaf, resealed
from tests.audit.javascript import SCRIPT, node, reports
from tests.audit.verdicts import FULL, KEPT, LINES, LOG

SHARED: dict[str, Any] = json.loads((VECTORS / "exports.json").read_text(encoding="utf-8"))
EXTRACT = LOG.page(LOG.entries([1, 2, 5], proofs=True), filter={"region": "01"}, consistency=LOG.consistency(4))
PAGES = b"".join(LOG.page(LOG.entries(part)) for part in (range(3), range(3, 5), range(5, 7)))


@pytest.fixture(autouse=True)
def _no_ambient_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(verify.KEY_VARIABLE, raising=False)


@pytest.fixture
def same(tmp_path: Path) -> Any:
    """Put (export, retained, key, complete) to both; their reports must agree. Returns JavaScript's."""

    def judge(cases: list[tuple[bytes, str | None, str | None, bool]]) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = []
        for number, (export, kept, key, complete) in enumerate(cases):
            path = tmp_path / f"{number}.jsonl"
            path.write_bytes(export)
            jobs.append({"files": [str(path)], "checkpoint": kept, "key": key, "complete": complete})
        found = reports(jobs)
        assert len(found) == len(jobs)
        for job, report, (export, *_) in zip(jobs, found, cases, strict=True):
            python = verify_files(job["files"], job["checkpoint"], job["key"], require_complete=job["complete"])
            assert told(report) == told(json.loads(verify.as_json(python))), export
        return found

    return judge


def told(report: dict[str, Any]) -> dict[str, Any]:
    """All of a report but the words of its sentences."""
    places = {
        kind: [(each["code"], each["file"], each["line"]) for each in report[kind]] for kind in ("problems", "notices")
    }
    return report | places


def test_the_shared_vectors_get_their_verdicts(same: Any) -> None:
    found = same([(case["export"].encode(), case["retained"], SHARED["vkey"], False) for case in SHARED["cases"]])
    first = [report["problems"][0]["code"] if report["problems"] else None for report in found]
    assert first == [case["code"] for case in SHARED["cases"]]


def test_logs_of_every_small_size_are_accepted_against_every_older_checkpoint(same: Any) -> None:
    logs = [Log(size) for size in (0, 1, 2, 3, 5, 8, 13)]
    cases = [(log.full(), log.checkpoint(kept), LOG_VKEY, True) for log in logs for kept in range(log.size + 1)]
    log = logs[-1]
    for kept in range(1, log.size):
        chosen: dict[str, Any] = {"filter": {"region": "01"}, "consistency": log.consistency(kept)}
        extract = log.page(log.entries([0, kept], proofs=True), **chosen)
        cases.append((extract, log.checkpoint(kept), LOG_VKEY, False))
    assert all(report["ok"] for report in same(cases))


HOSTILE = next(
    mark.args[1]
    for mark in hostile.test_a_hostile_line_is_refused_by_its_number.pytestmark  # type: ignore[attr-defined]
    if mark.name == "parametrize"
)


def test_hostile_lines_are_refused_for_the_same_reason(same: Any) -> None:
    lines = [raw for raw, _ in HOSTILE]
    lines += [
        line({"a": "\u2028\x7f\u0085\ufeff"}),
        b'{"a":"\\ud83d\\ude00"}\n',
        b'{"a":"\\x"}\n',
        b'{"__proto__":1}\n',
    ]
    lines += [
        b'{"a":"\x01"}\n',
        b'{"a":01}\n',
        b'{"a":-}\n',
        b'{"a":1.}\n',
        b"{,}\n",
        b"[1,]\n",
        b'{"a":"\\\\"}\n',
        b'"\\\n',
    ]
    same([(hostile.with_line(raw), None, LOG_VKEY, False) for raw in lines])


def test_keys_and_checkpoints_are_read_alike(same: Any, tmp_path: Path) -> None:
    keys = tmp_path / "cles.txt"
    keys.write_text(f"# journal\r\n\n  {LOG_VKEY}\n")
    given = [None, LOG_VKEY, str(keys), LOG_VKEY[:-1], "absent.txt", "a+b+c", "# nothing\n", "\x00"]
    kept = [None, KEPT, "absent.txt", KEPT[:-1], KEPT.replace("\n4\n", "\n3\n"), LOG.checkpoint(0), "\n", "\n\n\n"]
    same([(FULL, checkpoint, key, False) for key in given for checkpoint in kept])


def test_a_thousand_accidents_are_refused_alike(same: Any) -> None:
    rng = random.Random(20261125)
    cases = []
    for export in (FULL, EXTRACT, PAGES):
        for _ in range(350):
            harmed = bytearray(export)
            place = rng.randrange(len(harmed))
            match rng.randrange(4):
                case 0:
                    harmed[place] ^= 1 << rng.randrange(8)
                case 1:
                    del harmed[place : place + rng.randint(1, 30)]
                case 2:
                    harmed[place:place] = rng.randbytes(rng.randint(1, 5))
                case _:
                    del harmed[place:]
            cases.append((bytes(harmed), KEPT, LOG_VKEY, False))
    assert not any(report["ok"] for report in same(cases))


def test_what_only_the_operator_could_do_is_refused_alike(same: Any) -> None:
    rewritten = Log(7)
    rewritten.leaves[2] = milestone_leaf(99)
    swapped = [LINES[0], LINES[2], LINES[1], *LINES[3:]]
    cases = [rewritten.full(), Log(3).full(), resealed(b"".join(swapped)), resealed(b"".join(LINES[:-1]))]
    found = same([(export, KEPT, LOG_VKEY, False) for export in cases])
    codes = [[problem["code"] for problem in report["problems"]] for report in found]
    assert codes == [["retained_fork"], ["rollback"], ["index_gap", "index_order"], ["incomplete"]]


def test_long_lines_and_many_problems_end_the_reading(same: Any) -> None:
    endless = LINES[0] + b"x" * (verify.MAX_LINE_BYTES + 10)
    quoted = LINES[0] + b'{"a":"' + b"\\\\" * (verify.MAX_LINE_BYTES // 2 - 10) + b'"}\n'
    found = same([(export, None, LOG_VKEY, False) for export in (endless, quoted, LINES[0] + b"\n" * 10_000)])
    assert [report["problems"][-1]["code"] for report in found[::2]] == ["line_long", "too_many"]


# the command


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node(), str(SCRIPT), *arguments], capture_output=True, text=True, check=False, env=environment
    )


def test_the_command_speaks_and_exits_as_the_other_one(tmp_path: Path) -> None:
    export, harmed = tmp_path / "export.jsonl", tmp_path / "harmed.jsonl"
    export.write_bytes(FULL)
    harmed.write_bytes(FULL[:-9] + FULL[-8:])
    accepted = run(str(export), "--key", LOG_VKEY, "--complete")
    assert (accepted.returncode, accepted.stderr) == (0, "")
    assert accepted.stdout.startswith('ACCEPTÉ\nJournal "journal.exemple.test/jalons", taille 7')
    refused = run(str(harmed), "--lang", "en", CASEWORK_LOG_KEY=LOG_VKEY)
    assert (refused.returncode, refused.stdout.splitlines()[0]) == (1, "REFUSED")
    told = run(str(export), "--json")
    assert (told.returncode, json.loads(told.stdout)["problems"][0]["code"]) == (1, "unpinned_key")
    for usage in ([str(tmp_path / "absent"), "--key", LOG_VKEY], [str(tmp_path), "--key", LOG_VKEY], ["--no-such"], []):
        assert run(*usage, "--key", "none").returncode == 2


def test_names_from_the_file_reach_the_terminal_escaped(tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    export.write_bytes(FULL + line({"type": "\x1b[2J" + "x" * 500}))
    done = run(str(export), "--key", LOG_VKEY)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 300


def test_both_know_the_same_codes() -> None:
    source = SCRIPT.read_text(encoding="utf-8")
    sentences = source.partition("const SENTENCES = {")[2].partition("\n};")[0]
    assert re.findall(r"^  (\w+): \[", sentences, re.MULTILINE) == list(verify.SENTENCES)


def test_it_imports_nothing_but_nodes_own_library() -> None:
    imported = re.findall(r'from "([^"]+)"', SCRIPT.read_text(encoding="utf-8"))
    assert imported
    assert all(name.startswith("node:") for name in imported)
