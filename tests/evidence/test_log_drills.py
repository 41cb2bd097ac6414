"""The drills about the log: their short forms hold their promise, and their controls fail as they must."""

from __future__ import annotations

import json
import shutil
from functools import cache
from typing import Any

import pytest

from casework.audit.signer import LogSigner
from casework.evidence import drills
from casework.evidence.drill_tamper import _digest_fits
from casework.evidence.forged_proofs import Forger
from casework.evidence.paper_log import PaperLog, Written, resealed
from casework.evidence.tampering import Tamperer

SEED = 7
SIGNER = LogSigner("casework.example/log", bytes(32))
PAPER = PaperLog(SIGNER, [Written(f'{{"code":"ARRIVAL","n":{n},"subject":"{n:064x}"}}', "null") for n in range(9)])


@cache
def outcome_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(drills()[name](short=True, seed=SEED)))
    return found


@pytest.mark.skipif(shutil.which("node") is None, reason="NODE IS ABSENT: the tampering drill was NOT run")
def test_every_tampering_is_seen_by_both_verifiers() -> None:
    outcome = outcome_of("tamper")
    figures, control = outcome["figures"], outcome["control"]
    assert outcome["ok"] is True, outcome
    assert figures["detected"] == figures["tamperings"] == 700
    assert {kind: counted["tried"] for kind, counted in figures["classes"].items()} == dict.fromkeys(
        ("bit", "delete", "insert", "swap", "truncate", "rewrite", "rollback"), 100
    )
    assert (figures["false_alarms"], figures["forged_accepted"], figures["forged"]) == (0, 0, 200)
    assert figures["untouched"] > 300
    assert control["missed_without_retained_checkpoint"] > 0
    assert control["missed_without_signature"] > 0


def test_an_auditor_on_the_cursor_gets_every_row_once_whoever_is_killed() -> None:
    outcome = outcome_of("auditor")
    figures, control = outcome["figures"], outcome["control"]
    assert outcome["ok"] is True, outcome
    assert figures["rows"] >= figures["acknowledged"] >= 240
    assert [figures[name] for name in ("missed", "invented", "repeated", "out_of_order")] == [0, 0, 0, 0]
    assert figures["sequencer_kills"] == 2
    assert figures["verified_against_first_and_last"] is True
    assert control["missed_by_id"] > 0
    assert control["missed_by_time"] > 0


def test_nothing_of_the_erased_opens_or_links_and_the_log_still_proves() -> None:
    outcome = outcome_of("erasure")
    figures, control = outcome["figures"], outcome["control"]
    assert outcome["ok"] is True, outcome
    assert figures["persons_erased"] == figures["openings_destroyed"] == figures["erasure_leaves"] >= 15
    assert [figures[name] for name in ("opened", "linked", "tagged", "guessed")] == [0, 0, 0, 0]
    assert (figures["older_proofs"], figures["older_proofs_failed"], figures["older_exports_refused"]) == (15, 0, 0)
    # The thief was able: everything before, and those who stay after.
    assert control["opened_before"] == control["linked_before"] == control["leaves"]
    assert control["opened_of_those_who_stay"] == control["linked_of_those_who_stay"] > 0


def test_the_same_seed_tampers_alike_and_never_with_nothing() -> None:
    pulled = [PAPER.complete(), b"".join(PAPER.paged(4)), PAPER.extract([1, 5], 4, {"region": "01"})]
    tamperers = [
        Tamperer(PAPER, pulled, [4, 9], LogSigner("casework.example/log", bytes([1] * 32)), SEED) for _ in (1, 2)
    ]
    for kind in tamperers[0].classes:
        for _ in range(20):
            one, other = (tamperer.one(kind) for tamperer in tamperers)
            assert one == other
            assert one.export not in pulled


def test_a_forged_proof_is_never_the_true_one() -> None:
    genuine = {PAPER.line(index, PAPER.inclusion(index)) for index in range(PAPER.size)}
    forged = [case for case in Forger(PAPER, SEED).proofs(60) if case.kind == "inclusion"]
    assert len(forged) == 30
    assert not [
        case for case in forged if case.export.splitlines(keepends=True)[1] in genuine and b'"size":9' in case.export
    ]


def test_digests_alone_are_fooled_by_who_can_compute_one() -> None:
    edited = PAPER.complete().replace(b"ARRIVAL", b"NEVER_WAS", 1)
    assert _digest_fits(PAPER.complete())
    assert not _digest_fits(edited)
    assert _digest_fits(resealed(SIGNER, edited))
