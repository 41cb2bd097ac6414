"""Both verifiers give the published answers: Certificate Transparency's reference tree, Go's and C2SP's signed notes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from casework import verify
from tests.audit.javascript import asked

VECTORS = Path(__file__).parent / "vectors"
TREE: dict[str, Any] = json.loads((VECTORS / "ct_reference.json").read_text(encoding="utf-8"))
NOTES: dict[str, Any] = json.loads((VECTORS / "signed_note.json").read_text(encoding="utf-8"))


class Python:
    """The functions of verify.py, asked as ask_verifier.mjs asks those of verify.mjs."""

    def roots(self, leaves: list[str]) -> list[str]:
        tree = verify._Tree()
        found = [tree.root().hex()]
        for leaf in leaves:
            tree.add(hashlib.sha256(b"\x00" + bytes.fromhex(leaf)).digest())
            found.append(tree.root().hex())
        return found

    def inclusion(self, cases: list[dict[str, Any]]) -> list[str | None]:
        found = [
            verify._implied_root(bytes.fromhex(case["leaf"]), case["index"], case["size"], self._hashes(case))
            for case in cases
        ]
        return [root.hex() if root else None for root in found]

    def consistency(self, cases: list[dict[str, Any]]) -> list[bool]:
        found = []
        for case in cases:
            roots = bytes.fromhex(case["before"]), bytes.fromhex(case["after"])
            implied = verify._implied_roots(roots[0], case["first"], case["size"], self._hashes(case))
            found.append(implied == roots)
        return found

    def notes(self, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = []
        for case in cases:
            body, signatures = verify._note_parts(case["text"])
            keys = [verify._key(vkey) for vkey in case["vkeys"]]
            names = verify._vouching(body, signatures, [key for key in keys if key])
            found.append({"body": body, "names": sorted(names)})
        return found

    def keys(self, texts: list[str]) -> list[bool]:
        return [verify._key(text) is not None for text in texts]

    @staticmethod
    def _hashes(case: dict[str, Any]) -> list[bytes]:
        return [bytes.fromhex(element) for element in case["proof"]]


@pytest.fixture(params=["python", "javascript"])
def answer(request: pytest.FixtureRequest) -> Any:
    """`answer(question, value)` of one of the two verifiers."""
    if request.param == "javascript":
        return asked
    return lambda question, value: getattr(Python(), question)(value)


def test_the_roots_are_the_published_ones(answer: Any) -> None:
    assert answer("roots", TREE["leaves"]) == TREE["roots"]


def inclusion_cases() -> list[dict[str, Any]]:
    return [case | {"leaf": TREE["nodes"][0][case["index"]]} for case in TREE["inclusion"]]


def consistency_cases() -> list[dict[str, Any]]:
    roots = TREE["roots"]
    return [case | {"before": roots[case["first"]], "after": roots[case["size"]]} for case in TREE["consistency"]]


def test_the_published_inclusion_proofs_lead_to_the_published_roots(answer: Any) -> None:
    wanted = [TREE["roots"][case["size"]] for case in TREE["inclusion"]]
    assert answer("inclusion", inclusion_cases()) == wanted


def test_a_published_inclusion_proof_proves_no_other_place(answer: Any) -> None:
    moved = [case | {"index": (case["index"] + 1) % case["size"]} for case in inclusion_cases() if case["size"] > 1]
    wrong = zip(answer("inclusion", moved), moved, strict=True)
    assert all(root != TREE["roots"][case["size"]] for root, case in wrong)
    longer = [case | {"proof": [*case["proof"], "00" * 32]} for case in inclusion_cases()]
    assert answer("inclusion", longer) == [None] * len(longer)


def test_the_published_consistency_proofs_are_believed_and_no_other(answer: Any) -> None:
    cases = consistency_cases()
    assert answer("consistency", cases) == [True] * len(cases)
    forged = [case | {"after": "00" * 32} for case in cases]
    forged += [case | {"before": "00" * 32} for case in cases]
    forged += [case | {"proof": [*case["proof"], "00" * 32]} for case in cases]
    forged += [case | {"proof": case["proof"][1:]} for case in cases if case["proof"]]
    assert answer("consistency", forged) == [False] * len(forged)


def test_published_notes_open_under_their_keys(answer: Any) -> None:
    wanted = [{"body": vector["body"], "names": sorted(vector["names"])} for vector in NOTES["notes"]]
    told = answer("notes", [{"text": vector["text"], "vkeys": vector["vkeys"]} for vector in NOTES["notes"]])
    assert [each | {"names": sorted(each["names"])} for each in told] == wanted


def test_only_whole_verifier_keys_are_read(answer: Any) -> None:
    good = [vkey for vector in NOTES["notes"] for vkey in vector["vkeys"]]
    assert answer("keys", good) == [True] * len(good)
    bad = [
        *NOTES["bad_vkeys"],
        good[0][:-1],
        good[0].swapcase(),
        good[0] + "\n",
        good[0].replace("c74f20a3", "C74F20A3"),
    ]
    assert answer("keys", bad) == [False] * len(bad)
