"""Hostile bytes get a refusal that names the line, never a traceback."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from casework import verify
from casework.audit import note
from tests.audit.export_builder import LOG_KEY, Log, line, signed
from tests.audit.verdicts import FULL, LINES, LOG, check, refused

unhurried = settings(deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "casework-milestone-log/2"),
        ("origin", None),
        ("size", True),
        ("size", -1),
        ("size", "7"),
        ("first", -1),
        ("first", 1),
        ("count", 8),
        ("count", []),
        ("filter", []),
        ("filter", None),
        ("checkpoint", 7),
        ("entries_sha256", "0"),
        ("entries_sha256", hashlib.sha256(b"").hexdigest().upper()),
        ("consistency", {}),
        ("consistency", {"from": 0, "proof": []}),
        ("consistency", {"from": 8, "proof": []}),
        ("consistency", {"from": 3, "proof": ["AAAA"]}),
        ("consistency", {"from": 3, "proof": ["A" * 43 + "="] * 65}),
        ("extra", 1),
        ("signature", None),
        ("signature", "AAAA"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(name: str, value: Any) -> None:
    assert refused(LOG.full(**{name: value}), kept=None) == ["manifest_malformed"]


@pytest.mark.parametrize("name", ["format", "origin", "size", "first", "count", "filter", "checkpoint", "signature"])
def test_a_manifest_without_a_field_is_refused(name: str) -> None:
    manifest = json.loads(LINES[0])
    del manifest[name]
    assert refused(line(manifest) + b"".join(LINES[1:])) == ["manifest_malformed"]


def test_a_manifest_that_contradicts_its_checkpoint_is_refused() -> None:
    assert refused(LOG.full(origin="autre"), kept=None) == ["manifest_checkpoint"]
    assert refused(LOG.full(size=8), kept=None) == ["manifest_checkpoint"]
    assert refused(LOG.full(checkpoint=LOG.checkpoint(6)), kept=None) == ["manifest_checkpoint"]


def test_a_wrong_digest_or_count_is_refused() -> None:
    assert refused(LOG.full(entries_sha256="0" * 64)) == ["entries_digest"]
    assert refused(LOG.full(count=6)) == ["entries_count"]


def _signed(body: str) -> str:
    return note.sign(body, LOG.origin, LOG_KEY)


ROOT64 = LOG.checkpoint().split("\n")[2]


@pytest.mark.parametrize(
    "checkpoint",
    [
        "",
        LOG.checkpoint()[:-1],
        LOG.checkpoint() + "\n",
        LOG.checkpoint().replace("— ", "- "),
        LOG.checkpoint()[:-4] + "B==\n",
        LOG.checkpoint().replace("journal", "journal\t", 1),
        _signed(f"{LOG.origin}\n7\n"),
        _signed(f"{LOG.origin}\n07\n{ROOT64}\n"),
        _signed(f"{LOG.origin}\n7\n{ROOT64[:-4]}\n"),
        _signed(f"{LOG.origin}\n7\n\n{ROOT64}\n"),
        _signed(f"{LOG.origin}\n0\n{ROOT64}\n"),
        _signed(f"{LOG.origin}\n{2**53}\n{ROOT64}\n"),
        _signed(f"{LOG.origin}\n{'9' * 5000}\n{ROOT64}\n"),
    ],
)
def test_a_checkpoint_of_another_shape_is_refused(checkpoint: str) -> None:
    assert refused(LOG.full(checkpoint=checkpoint), kept=None) == ["note_malformed"]


# hostile lines


def with_line(raw: bytes) -> bytes:
    """The export with its third line replaced, count and digest made to fit."""
    lines = [*LINES[1:2], raw, *LINES[3:]]
    manifest = json.loads(LINES[0]) | {"entries_sha256": hashlib.sha256(b"".join(lines)).hexdigest()}
    return signed(manifest) + b"".join(lines)


ENTRY = json.loads(LINES[2])


def entry(**changes: Any) -> bytes:
    return line(ENTRY | changes)


HASH64 = "A" * 43 + "="


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth + b"\n"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\n", "blank_line"),
        (b"  \n", "blank_line"),
        (LINES[2].replace(b"\n", b"\r\n"), "line_ending"),
        (b"\xff\xfe\n", "utf8"),
        (b'{"a":"\\ud800"}\n', "utf8"),
        (b"\xef\xbb\xbf" + LINES[2], "json"),
        (b"not json\n", "json"),
        (b"[1]\n", "json"),
        (b"null\n", "json"),
        (LINES[2][:-2] + b"\n", "json"),
        (LINES[2][:-1] + b"{}\n", "json"),
        (LINES[2].replace(b":1,", b":NaN,"), "json_number"),
        (LINES[2].replace(b":1,", b":1.0,"), "json_number"),
        (LINES[2].replace(b":1,", b":1e400,"), "json_number"),
        (LINES[2].replace(b":1,", b":-Infinity,"), "json_number"),
        (LINES[2].replace(b":1,", b":9007199254740992,"), "json_number"),
        (LINES[2].replace(b":1,", b":" + b"9" * 100_000 + b","), "json_number"),
        (LINES[2].replace(b'{"case"', b'{"case":"x","case"'), "json_key"),
        (line({"é": 1}), "json_key"),
        (nested(33), "json_depth"),
        (nested(100_000), "json_depth"),
        (b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}\n", "json_depth"),
        (LINES[2].replace(b":1,", b":-0,"), "not_canonical"),
        (LINES[2].replace(b":1,", b": 1,"), "not_canonical"),
        (LINES[2].replace("é".encode(), b"\\u00e9"), "not_canonical"),
        (line({"index": 1, "leaf": {}, "type": "entry"}), "line_type"),
        (line({"type": {"a": [1]}}), "line_type"),
        (line({}), "entry_malformed"),
        (entry(index=True), "entry_malformed"),
        (entry(index="1"), "entry_malformed"),
        (entry(index=-1), "entry_malformed"),
        (entry(leaf=[]), "entry_malformed"),
        (entry(proof="AAAA"), "entry_malformed"),
        (entry(proof=[1]), "entry_malformed"),
        (entry(proof=["A" * 43]), "entry_malformed"),
        (entry(proof=[HASH64 * 2]), "entry_malformed"),
        (entry(proof=[HASH64] * 65), "entry_malformed"),
        (entry(proof=[HASH64] * 2), "proof_wrong"),
        (entry(proof=[]), "proof_wrong"),
        (entry(index=0), "index_duplicate"),
        (entry(index=2), "index_gap"),
        (entry(index=7), "index_beyond"),
        (entry(index=2**53 - 1), "index_beyond"),
        (line({"type": "manifest"}), "manifest_malformed"),
    ],
)
def test_a_hostile_line_is_refused_by_its_number(raw: bytes, code: str) -> None:
    problems = check(with_line(raw), kept=None).problems
    assert code in [problem.code for problem in problems if problem.line == 3]


def test_nesting_up_to_the_stated_depth_is_read() -> None:
    deep: Any = 1
    for _ in range(verify.MAX_DEPTH - 2):
        deep = [deep]
    log = Log(3, leaves=[{"deep": deep}, {"zero": 0}, {"max": 2**53 - 1, "min": 1 - 2**53}])
    assert check(log.full(), kept=None).ok
    too_deep = Log(1, leaves=[{"deep": [deep]}])
    assert "json_depth" in refused(too_deep.full(), kept=None)


def test_a_missing_last_newline_is_refused() -> None:
    assert refused(FULL[:-1])[0] == "no_newline"


def test_an_endless_line_is_not_read_to_its_end() -> None:
    assert refused(LINES[0] + b"x" * (verify.MAX_LINE_BYTES + 10)) == ["line_long"]


def test_reading_stops_after_many_problems() -> None:
    codes = refused(LINES[0] + b"\n" * 10_000)
    assert len(codes) == verify.MAX_PROBLEMS + 1
    assert codes[-1] == "too_many"


def test_a_file_without_a_manifest_is_refused() -> None:
    assert refused(b"", kept=None) == ["no_manifest"]
    assert refused(LINES[1], kept=None) == ["no_manifest"]
    assert refused(b"\x1f\x8b\x00\n", kept=None)[0] == "utf8"


# anything at all


@unhurried
@given(st.binary(max_size=300))
@example(b"[" * 5000)
def test_no_bytes_make_it_stumble(data: bytes) -> None:
    assert refused(data)
    assert refused(LINES[0] + data)
    assert refused(with_line(data + b"\n"))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abz/", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@unhurried
@given(st.sampled_from(sorted(json.loads(LINES[0]))), json_values)
def test_no_manifest_value_makes_it_stumble(name: str, value: Any) -> None:
    manifest = json.loads(LINES[0])
    assume(line(manifest | {name: value}) != LINES[0])
    assert refused(LOG.full(**{name: value}), kept=None)


@unhurried
@given(st.sampled_from(["index", "leaf", "proof"]), json_values)
def test_no_entry_value_makes_it_stumble(name: str, value: Any) -> None:
    assume(value != ENTRY.get(name))
    assert refused(with_line(entry(**{name: value})), kept=None)


@unhurried
@given(st.dictionaries(st.text("abz/", max_size=3), json_values, max_size=5))
def test_the_leaf_hash_is_the_one_of_rfc_8785(leaf: dict[str, Any]) -> None:
    assert check(Log(1, leaves=[leaf]).full(), kept=None).ok
