"""Whatever was done to an export, by accident, by a forger or by the operator, is refused."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from casework.audit import note
from casework.verify import verify_files
from tests.audit.export_builder import LOG_KEY, LOG_VKEY, OTHER_KEY, Log, milestone_leaf, resealed
from tests.audit.verdicts import FULL, KEPT, LINES, LOG, check, refused

EXTRACT = LOG.page(LOG.entries([1, 2, 5], proofs=True), filter={"region": "01"}, consistency=LOG.consistency(4))

unhurried = settings(deadline=None, max_examples=200)


def test_the_untouched_exports_are_accepted() -> None:
    assert check(FULL).ok
    assert check(EXTRACT).ok


# accidents and clumsy hands: the digest sees everything


@unhurried
@given(st.integers(0, len(FULL) - 1), st.integers(0, 7))
def test_any_flipped_bit_of_a_complete_export_is_refused(place: int, bit: int) -> None:
    flipped = bytearray(FULL)
    flipped[place] ^= 1 << bit
    assert refused(bytes(flipped), kept=None)


@unhurried
@given(st.integers(0, len(EXTRACT) - 1), st.integers(0, 7))
def test_any_flipped_bit_of_an_extract_is_refused(place: int, bit: int) -> None:
    flipped = bytearray(EXTRACT)
    flipped[place] ^= 1 << bit
    assert refused(bytes(flipped))


@unhurried
@given(st.integers(0, len(FULL) - 1))
def test_any_truncation_is_refused(length: int) -> None:
    assert refused(FULL[:length], kept=None)


@unhurried
@given(st.integers(0, len(FULL)), st.binary(min_size=1, max_size=40))
def test_any_inserted_bytes_are_refused(place: int, extra: bytes) -> None:
    assert refused(FULL[:place] + extra + FULL[place:], kept=None)


# a careful forger, who makes the count and the digest fit again


@unhurried
@given(st.integers(1, 7))
def test_a_deleted_entry_is_refused(place: int) -> None:
    rest = resealed(b"".join(LINES[:place] + LINES[place + 1 :]))
    assert refused(rest, kept=None) == ["incomplete" if place == 7 else "index_gap"]


@unhurried
@given(st.integers(1, 8), st.integers(1, 7))
def test_an_inserted_entry_is_refused(place: int, copied: int) -> None:
    assert refused(resealed(b"".join([*LINES[:place], LINES[copied], *LINES[place:]])), kept=None)


@unhurried
@given(st.integers(1, 7), st.integers(1, 7))
def test_swapped_entries_are_refused(one: int, other: int) -> None:
    assume(one != other)
    lines = list(LINES)
    lines[one], lines[other] = lines[other], lines[one]
    assert refused(resealed(b"".join(lines)), kept=None)


@unhurried
@given(st.integers(1, 7), st.integers(1, 7))
def test_swapped_contents_under_intact_indexes_are_refused(one: int, other: int) -> None:
    assume(one != other)
    entries = LOG.entries(range(7))
    entries[one - 1]["leaf"], entries[other - 1]["leaf"] = (
        entries[other - 1]["leaf"],
        entries[one - 1]["leaf"],
    )
    assert refused(LOG.page(entries), kept=None) == ["root_mismatch"]


@unhurried
@given(st.integers(0, 6), st.integers(0, 6))
def test_swapped_contents_of_an_extract_are_refused(one: int, other: int) -> None:
    assume(one != other)
    entries = LOG.entries(range(7), proofs=True)
    entries[one]["leaf"] = LOG.leaves[other]
    assert refused(LOG.page(entries, filter={"region": "01"}), kept=None) == ["proof_wrong"]


@pytest.mark.parametrize("place", range(7))
def test_an_edited_entry_is_refused_and_named_when_it_has_a_proof(place: int) -> None:
    entries = LOG.entries(range(7), proofs=True)
    entries[place]["leaf"] = entries[place]["leaf"] | {"occurred_on": "2026-03-31"}
    [problem] = check(LOG.page(entries), kept=None).problems
    assert (problem.code, problem.line) == ("proof_wrong", place + 2)


def test_a_cut_end_is_refused_even_if_the_manifest_agrees() -> None:
    assert refused(LOG.page(LOG.entries(range(5))), kept=None) == ["incomplete"]
    assert refused(LOG.page([]), kept=None) == ["incomplete"]


def test_a_proof_of_another_length_is_refused_even_where_it_could_be_ignored() -> None:
    log = Log(1)
    [entry] = log.entries([0], proofs=True)
    assert entry["proof"] == []
    entry["proof"] = ["A" * 43 + "="]
    assert refused(log.page([entry]), kept=None) == ["proof_wrong"]


# the operator itself, who holds the key


def test_a_log_signed_by_another_key_is_refused() -> None:
    assert refused(Log(7, key=OTHER_KEY).full(), kept=None) == ["signature_unknown"]


def test_a_past_rewritten_and_signed_again_is_refused() -> None:
    rewritten = Log(7)
    rewritten.leaves[2] = milestone_leaf(99)
    assert check(rewritten.full(), kept=None).ok  # why auditors must retain a checkpoint
    assert refused(rewritten.full()) == ["retained_fork"]
    assert refused(rewritten.full(), kept=LOG.checkpoint()) == ["retained_fork"]
    entries = rewritten.entries([5], proofs=True)
    claimed = {"filter": {"region": "01"}, "consistency": rewritten.consistency(4)}
    assert refused(rewritten.page(entries, **claimed)) == ["consistency_wrong"]


def test_a_log_rolled_back_is_refused() -> None:
    assert refused(Log(5).full(), kept=LOG.checkpoint()) == ["rollback"]
    assert refused(Log(0).full()) == ["rollback"]


def test_another_log_is_refused() -> None:
    elsewhere = "ailleurs.exemple.test/jalons"
    assert refused(FULL, kept=LOG.checkpoint().replace(LOG.origin, elsewhere, 1)) == ["signature_wrong"]
    other = Log(9, origin=elsewhere)
    keys = f"{LOG_VKEY}\n{note.vkey(elsewhere, LOG_KEY.public_key())}"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "export.jsonl"
        path.write_bytes(other.full())
        report = verify_files([path], KEPT, keys)
    assert [problem.code for problem in report.problems] == ["retained_origin"]


def test_an_extract_must_bring_its_consistency_proof() -> None:
    entries, chosen = LOG.entries([5], proofs=True), {"filter": {"region": "01"}}
    assert refused(LOG.page(entries, **chosen)) == ["consistency_missing"]
    assert refused(LOG.page(entries, **chosen, consistency=LOG.consistency(3))) == ["consistency_missing"]
    wrong = LOG.consistency(3) | {"from": 4}
    assert refused(LOG.page(entries, **chosen, consistency=wrong)) == ["consistency_wrong"]
    assert refused(LOG.full(consistency=wrong), kept=None) == ["consistency_wrong"]


def test_an_entry_of_an_extract_must_bring_its_proof() -> None:
    entries = LOG.entries([1, 2, 5], proofs=True)
    del entries[1]["proof"]
    [problem] = check(LOG.page(entries, filter={"region": "01"}), kept=None).problems
    assert (problem.code, problem.line) == ("proof_missing", 3)
    assert refused(LOG.page(LOG.entries(range(2, 5))), kept=None) == ["proof_missing"]


# pages


def test_pages_must_follow_each_other() -> None:
    pages = [LOG.page(LOG.entries(part)) for part in (range(3), range(3, 5), range(5, 7))]
    assert check(*pages).ok
    assert refused(pages[0], pages[2]) == ["page_gap"]
    assert refused(pages[0], pages[1], pages[1], pages[2]) == ["page_gap"]
    assert refused(pages[0], pages[1]) == ["incomplete"]
    assert refused(pages[1], pages[2], kept=None) == ["proof_missing"]


def test_pages_must_be_of_one_export() -> None:
    first = LOG.page(LOG.entries(range(3)))
    later = Log(8)
    assert refused(first, later.page(later.entries(range(3, 8)))) == ["page_differs"]
    assert refused(first, LOG.page(LOG.entries(range(3, 7)), filter={"late": True})) == ["page_differs"]


def test_pages_of_an_extract_must_ascend() -> None:
    chosen = {"filter": {"region": "01"}}
    pages = [LOG.page(LOG.entries(part, proofs=True), **chosen) for part in ([1, 3], [4, 6], [3, 6])]
    assert check(pages[0], pages[1], kept=None).ok
    assert refused(pages[0], pages[2], kept=None) == ["page_gap"]
    below = LOG.page(LOG.entries([1, 3], proofs=True), **chosen, first=2)
    assert refused(below, kept=None) == ["index_order"]
