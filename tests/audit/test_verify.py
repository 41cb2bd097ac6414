"""An auditor checks an export offline: what is accepted, with which key, and what the answer says."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from casework import verify
from casework.audit import note
from casework.verify import Report, verify_files
from tests.audit.export_builder import LOG_KEY, LOG_VKEY, OTHER_KEY, VECTORS, Log, line, shared_cases_text

SHARED: dict[str, Any] = json.loads((VECTORS / "exports.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _no_ambient_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(verify.KEY_VARIABLE, raising=False)


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    """Write exports to files, in order; their paths."""

    def save(*exports: bytes) -> list[str]:
        paths = [tmp_path / f"page-{number}.jsonl" for number in range(len(exports))]
        for path, export in zip(paths, exports, strict=True):
            path.write_bytes(export)
        return [str(path) for path in paths]

    return save


def codes(report: Report) -> list[str]:
    return [problem.code for problem in report.problems]


def accepted(report: Report) -> list[str]:
    """The notices of a report that must be an acceptance."""
    assert report.ok, report.problems
    assert report.exit_code == 0
    return [notice.code for notice in report.notices]


# what is accepted


def test_a_complete_export_is_accepted(saved: Any) -> None:
    log = Log(9)
    report = verify_files(saved(log.full()), key=LOG_VKEY)
    assert accepted(report) == ["is_complete", "nothing_retained", "view_fields"]
    assert (report.complete, report.entries, report.size, report.origin) == (True, 9, 9, log.origin)
    assert report.root == log.checkpoint().split("\n")[2]


@pytest.mark.parametrize("size", [0, 1, 2, 7, 8])
def test_every_size_of_log_can_be_complete(saved: Any, size: int) -> None:
    report = verify_files(saved(Log(size).full()), key=LOG_VKEY, require_complete=True)
    assert "is_complete" in accepted(report)


@pytest.mark.parametrize("kept", [0, 1, 4, 5, 8, 9])
def test_a_complete_export_extends_any_checkpoint_kept_before(saved: Any, kept: int) -> None:
    log = Log(9)
    report = verify_files(saved(log.full()), log.checkpoint(kept), LOG_VKEY)
    assert ("after_retained" in accepted(report)) is (kept < 9)


def test_pages_are_one_export_as_files_or_concatenated(saved: Any) -> None:
    log = Log(9)
    pages = [log.page(log.entries(part)) for part in (range(4), range(4, 8), range(8, 9))]
    pages.append(log.page([], first=9))
    for exports in (pages, [b"".join(pages)]):
        report = verify_files(saved(*exports), log.checkpoint(3), LOG_VKEY, require_complete=True)
        assert (report.entries, "is_complete" in accepted(report)) == (9, True)


def test_a_range_is_proven_entry_by_entry(saved: Any) -> None:
    log = Log(9)
    pages = [log.page(log.entries(part, proofs=True)) for part in (range(2, 4), range(4, 7))]
    report = verify_files(saved(*pages), key=LOG_VKEY)
    assert accepted(report) == ["is_range", "nothing_retained", "view_fields"]
    assert not report.complete


def test_a_filtered_extract_is_proven_entry_by_entry(saved: Any) -> None:
    log = Log(9)
    chosen = {"filter": {"region": "01"}, "consistency": log.consistency(6)}
    pages = [log.page(log.entries(part, proofs=True), **chosen) for part in ([0, 3], [4, 8])]
    report = verify_files(saved(*pages), log.checkpoint(6), LOG_VKEY)
    assert accepted(report) == ["is_extract", "after_retained", "view_fields"]
    for kept in (0, 9):
        assert verify_files(saved(*pages), log.checkpoint(kept), LOG_VKEY).ok


def test_an_auditor_may_demand_the_complete_log(saved: Any) -> None:
    log = Log(9)
    extract = log.page(log.entries([0, 3], proofs=True), filter={"region": "01"})
    report = verify_files(saved(extract), key=LOG_VKEY, require_complete=True)
    assert codes(report) == ["incomplete"]


def test_a_complete_export_may_carry_proofs_and_consistency(saved: Any) -> None:
    log = Log(9)
    export = log.page(log.entries(range(9), proofs=True), consistency=log.consistency(5))
    assert "is_complete" in accepted(verify_files(saved(export), key=LOG_VKEY))


def test_the_case_pseudonym_is_not_committed_and_the_report_says_so(saved: Any) -> None:
    log = Log(9)
    entries = log.entries(range(9))
    entries[4]["case"] = "dossier-forge"
    report = verify_files(saved(log.page(entries)), log.checkpoint(), LOG_VKEY)
    assert accepted(report) == ["is_complete", "view_fields"]


@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: case["name"])
def test_the_shared_vectors_get_their_verdicts(saved: Any, case: dict[str, Any]) -> None:
    report = verify_files(saved(case["export"].encode()), case["retained"], SHARED["vkey"])
    assert codes(report)[:1] == ([case["code"]] if case["code"] else [])


def test_the_shared_vectors_are_the_ones_the_builder_makes() -> None:
    assert (VECTORS / "exports.json").read_text(encoding="utf-8") == shared_cases_text()


# the key


def test_without_a_key_from_elsewhere_nothing_is_accepted(saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = saved(Log(9).full())
    report = verify_files(paths)
    assert (codes(report), report.ok, report.root) == (["unpinned_key"], False, None)
    monkeypatch.setenv(verify.KEY_VARIABLE, LOG_VKEY)
    assert verify_files(paths).ok


def test_keys_come_from_a_file_that_remembers_the_old_ones(saved: Any, tmp_path: Path) -> None:
    old, new = Log(9, key=OTHER_KEY), Log(9, key=LOG_KEY)
    keys = tmp_path / "cles.txt"
    old_vkey = note.vkey(old.origin, OTHER_KEY.public_key())
    keys.write_text(f"# journal des jalons\n{old_vkey}\n\n{LOG_VKEY}\n")
    assert verify_files(saved(new.full()), old.checkpoint(4), str(keys)).ok


OTHER_ID = "+".join([LOG_VKEY.split("+")[0], "00000000", LOG_VKEY.split("+", 2)[2]])


@pytest.mark.parametrize(
    "key", [LOG_VKEY[:-1], "absent.txt", "\x00", "a+b+c", "é" * 5000, "# nothing\n", "\ud800", OTHER_ID]
)
def test_what_is_no_key_is_a_mistake_of_usage(saved: Any, key: str) -> None:
    report = verify_files(saved(Log(9).full()), key=key)
    assert (codes(report), report.exit_code) == (["key_malformed"], 2)


def test_a_key_of_another_log_does_not_vouch(saved: Any) -> None:
    log = Log(9)
    body = log.checkpoint().partition("\n\n")[0] + "\n"
    elsewhere = "essai.exemple.test/jalons"
    export = log.full(checkpoint=note.sign(body, elsewhere, LOG_KEY))
    report = verify_files(saved(export), key=note.vkey(elsewhere, LOG_KEY.public_key()))
    assert codes(report) == ["origin_not_key"]


# the retained checkpoint


def test_a_kept_checkpoint_is_read_from_its_file(saved: Any, tmp_path: Path) -> None:
    log, kept = Log(9), tmp_path / "point.txt"
    kept.write_text(log.checkpoint(4), encoding="utf-8")
    assert verify_files(saved(log.full()), str(kept), LOG_VKEY).ok
    kept.write_bytes(b"\xff")
    assert codes(verify_files(saved(log.full()), str(kept), LOG_VKEY)) == ["note_malformed"]
    assert verify_files(saved(log.full()), str(tmp_path / "absent"), LOG_VKEY).exit_code == 2


def test_a_kept_checkpoint_must_itself_be_signed(saved: Any) -> None:
    log = Log(9)
    forged = Log(9, key=OTHER_KEY).checkpoint(4)
    assert codes(verify_files(saved(log.full()), forged, LOG_VKEY)) == ["signature_unknown"]
    edited = log.checkpoint(4).replace("\n4\n", "\n3\n")
    assert codes(verify_files(saved(log.full()), edited, LOG_VKEY)) == ["signature_wrong"]


# the command


def test_the_command_answers_in_french_first(saved: Any, capsys: pytest.CaptureFixture[str]) -> None:
    [path] = saved(Log(9).full())
    assert verify.main([path, "--key", LOG_VKEY, "--lang", "fr"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("ACCEPTÉ\nJournal 'journal.exemple.test/jalons', taille 9")
    assert "Journal complet : les 9 inscriptions" in told
    assert verify.main([path, "--key", LOG_VKEY, "--lang", "en"]) == 0
    assert capsys.readouterr().out.startswith("ACCEPTED\nLog 'journal.exemple.test/jalons', size 9")


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [("LANG", "en_CA.UTF-8", "REFUSED"), ("LANG", "fr_CA.UTF-8", "REFUSÉ"), ("LC_ALL", "en", "REFUSED")],
)
def test_the_language_follows_the_environment(
    saved: Any, capsys: Any, monkeypatch: Any, variable: str, value: str, word: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    assert verify.main(saved(Log(9).full())) == 1
    assert capsys.readouterr().out.startswith(word)


def test_a_refusal_names_the_file_and_the_line(saved: Any, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Log(9).full().splitlines(keepends=True)
    [path] = saved(b"".join([*lines[:3], *lines[4:]]))
    assert verify.main([path, "--key", LOG_VKEY, "--lang", "en"]) == 1
    assert f"{path}:4: [index_gap] Entry 3 comes where 2 was due: some are missing." in capsys.readouterr().out


def test_a_long_path_is_told_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / ("dossier-" * 12)
    folder.mkdir()
    (folder / "page.jsonl").write_bytes(b"".join(Log(9).full().splitlines(keepends=True)[1:]))
    assert verify.main([str(folder / "page.jsonl"), "--key", LOG_VKEY, "--lang", "en"]) == 1
    assert f"{folder}/page.jsonl:" in capsys.readouterr().out


def test_the_report_is_also_json(saved: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([*saved(Log(9).full()), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["entries"], report["problems"][0]["code"]) == (False, 9, "unpinned_key")
    assert report["problems"][0]["fr"].startswith("Aucune clé")


def test_usage_and_unreadable_files_are_a_third_answer(tmp_path: Path, capsys: Any) -> None:
    assert verify.main([]) == 2
    assert verify.main(["--help"]) == 0
    assert verify.main([str(tmp_path), "--key", LOG_VKEY]) == 2
    assert verify.main([str(tmp_path / "absent.jsonl"), "--key", LOG_VKEY]) == 2
    assert verify.main(["\x00", "--key", LOG_VKEY]) == 2
    assert codes(verify_files([], key=LOG_VKEY)) == ["no_file"]


# the module itself


def test_the_verifier_imports_nothing_but_the_standard_library_and_cryptography() -> None:
    tree = ast.parse(Path(verify.__file__).read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    assert "hashlib" in imported
    assert imported - sys.stdlib_module_names - {"__future__"} == {"cryptography"}


def test_the_verifier_runs_alone_and_speaks_to_any_terminal(saved: Any, tmp_path: Path) -> None:
    alone = tmp_path / "verify.py"
    alone.write_bytes(Path(verify.__file__).read_bytes())
    command = [sys.executable, "-I", "-X", "utf8=0", "-W", "error", str(alone)]
    export = [*saved(Log(9).full()), "--lang", "fr"]
    for arguments, status, told in [
        (export, 1, b"REFUS?\n"),
        ([*export, "--key", LOG_VKEY], 0, b"ACCEPT?\n"),
        (["--help"], 0, b"usage: verify"),
    ]:
        done = subprocess.run(
            [*command, *arguments], capture_output=True, check=False, cwd=tmp_path, env={"LC_ALL": "C"}
        )
        assert (done.returncode, done.stderr) == (status, b"")
        assert done.stdout.startswith(told)


def test_every_sentence_exists_in_both_languages() -> None:
    for fr, en in verify.SENTENCES.values():
        assert fr != en
        assert {"found", "due", "first", "name"} >= set(_fields(fr)) == set(_fields(en))


def _fields(sentence: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(sentence) if name]


def test_names_from_the_file_reach_the_terminal_escaped(saved: Any, capsys: pytest.CaptureFixture[str]) -> None:
    log = Log(2)
    attack = log.full() + line({"type": "\x1b[2J" + "x" * 500})
    assert verify.main([*saved(attack), "--key", LOG_VKEY]) == 1
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert max(map(len, told.splitlines())) < 300
