"""The log's tree is the tree of Certificate Transparency, and no other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from casework.audit import merkle

REFERENCE: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "ct_reference.json").read_text())
LEAVES = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in REFERENCE["leaves"]]
ROOTS = [bytes.fromhex(root) for root in REFERENCE["roots"]]

sizes = st.integers(min_value=1, max_value=200)
unhurried = settings(deadline=None, max_examples=100)


def some_leaves(size: int) -> list[bytes]:
    return [merkle.leaf_hash(index.to_bytes(4, "big")) for index in range(size)]


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 §2.1.1, as written."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def stored_tree(leaves: list[bytes]) -> dict[merkle.NodeId, bytes]:
    """What the server's table holds: every complete subtree, and each only once."""
    frontier, nodes = merkle.Frontier(), dict[merkle.NodeId, bytes]()
    for leaf in leaves:
        for level, position, digest in frontier.append(leaf):
            assert (level, position) not in nodes
            nodes[level, position] = digest
    return nodes


def inclusion_proof(leaves: list[bytes], index: int) -> list[bytes]:
    return merkle.assemble(merkle.inclusion_plan(index, len(leaves)), stored_tree(leaves))


def consistency_proof(leaves: list[bytes], first: int, size: int) -> list[bytes]:
    # The table of the newest tree serves the proofs of every older size.
    return merkle.assemble(merkle.consistency_plan(first, size), stored_tree(leaves))


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert merkle.root_from_leaves(LEAVES[:size]) == ROOTS[size]
    assert merkle.Frontier().root == bytes.fromhex(REFERENCE["empty_root"])


def test_completed_subtrees_are_the_published_nodes() -> None:
    stored = stored_tree(LEAVES)
    published = {
        (level, position): bytes.fromhex(digest)
        for level, row in enumerate(REFERENCE["nodes"])
        for position, digest in enumerate(row)
    }
    assert stored == published


@pytest.mark.parametrize("case", REFERENCE["inclusion"], ids=lambda case: f"{case['index']}of{case['size']}")
def test_inclusion_proofs_are_the_published_ones(case: dict[str, Any]) -> None:
    index, size = case["index"], case["size"]
    proof = inclusion_proof(LEAVES[:size], index)
    assert [element.hex() for element in proof] == case["proof"]
    assert merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("case", REFERENCE["consistency"], ids=lambda case: f"{case['first']}to{case['size']}")
def test_consistency_proofs_are_the_published_ones(case: dict[str, Any]) -> None:
    first, size = case["first"], case["size"]
    proof = consistency_proof(LEAVES, first, size)
    assert [element.hex() for element in proof] == case["proof"]
    assert merkle.verify_consistency(first, size, proof, ROOTS[first], ROOTS[size])


@unhurried
@given(sizes)
def test_the_frontier_agrees_with_the_definition(size: int) -> None:
    leaves = some_leaves(size)
    assert merkle.root_from_leaves(leaves) == naive_root(leaves)


@unhurried
@given(sizes, sizes)
def test_a_restarted_sequencer_goes_on_from_the_stored_nodes(before: int, after: int) -> None:
    leaves = some_leaves(before + after)
    stored = stored_tree(leaves[:before])
    resumed = merkle.Frontier(before, [stored[node] for node in merkle.peaks_of(before)])
    for leaf in leaves[before:]:
        resumed.append(leaf)
    assert (resumed.size, resumed.root) == (before + after, naive_root(leaves))


@unhurried
@given(sizes, st.data())
def test_every_entry_is_provable_and_only_at_its_place(size: int, data: st.DataObject) -> None:
    leaves = some_leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion_proof(leaves, index), naive_root(leaves)
    assert merkle.verify_inclusion(leaves[index], index, size, proof, root)
    other = data.draw(st.integers(0, size - 1))
    assert merkle.verify_inclusion(leaves[index], other, size, proof, root) is (other == index)
    assert merkle.verify_inclusion(leaves[other], index, size, proof, root) is (other == index)


@unhurried
@given(sizes, st.data())
def test_any_two_moments_of_the_log_are_consistent(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, size))
    leaves = some_leaves(size + 3)
    proof = consistency_proof(leaves, first, size)
    old, new = naive_root(leaves[:first]), naive_root(leaves[:size])
    assert merkle.verify_consistency(first, size, proof, old, new)
    rewritten = naive_root([merkle.leaf_hash(b"rewritten"), *leaves[1:size]])
    assert not merkle.verify_consistency(first, size, proof, old, rewritten)
    assert not merkle.verify_consistency(first, size, proof, rewritten, new)


def mutated(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    """One change an attacker could make: a bit, a length, a dropped, added, repeated or moved element."""
    changed = list(proof)
    kind = data.draw(st.sampled_from(["bit", "short", "long", "drop", "add", "swap"]))
    place = data.draw(st.integers(0, max(0, len(proof) - 1)))
    if kind == "add" or not proof:
        changed.insert(place, data.draw(st.sampled_from([bytes(32), *proof])))
    elif kind == "bit":
        bit = data.draw(st.integers(0, 255))
        changed[place] = (int.from_bytes(proof[place], "big") ^ (1 << bit)).to_bytes(32, "big")
    elif kind == "short":
        changed[place] = proof[place][:-1]
    elif kind == "long":
        changed[place] = proof[place] + b"\x00"
    elif kind == "drop":
        del changed[place]
    else:
        changed[place], changed[0] = changed[0], changed[place]
    return changed


@unhurried
@given(sizes, st.data())
def test_no_mutated_inclusion_proof_is_believed(size: int, data: st.DataObject) -> None:
    leaves = some_leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(leaves, index)
    forged = mutated(proof, data)
    assume(forged != proof)
    assert not merkle.verify_inclusion(leaves[index], index, size, forged, naive_root(leaves))


@unhurried
@given(sizes, st.data())
def test_no_mutated_consistency_proof_is_believed(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, size))
    leaves = some_leaves(size)
    proof = consistency_proof(leaves, first, size)
    forged = mutated(proof, data)
    assume(forged != proof)
    old, new = naive_root(leaves[:first]), naive_root(leaves)
    assert not merkle.verify_consistency(first, size, forged, old, new)


@unhurried
@given(st.integers(0, 2**62), st.integers(1, 2**62))
def test_proofs_of_a_huge_log_stay_one_small_query(index: int, size: int) -> None:
    assume(index < size)
    plan = merkle.inclusion_plan(index, size)
    assert len(plan) <= 62
    assert len(merkle.nodes_of(plan)) == len(set(merkle.nodes_of(plan))) <= 124
    assert all((position + 1) << level <= size for level, position in merkle.nodes_of(plan))


def test_out_of_range_questions_are_refused() -> None:
    for index, size in [(0, 0), (1, 1), (5, 1), (3, 3), (-1, 3), (4, 3)]:
        assert not merkle.verify_inclusion(LEAVES[0], index, size, [], LEAVES[0])
        with pytest.raises(ValueError, match="no leaf"):
            merkle.inclusion_plan(index, size)
    for first, size in [(0, 0), (0, 3), (4, 3), (-1, 3)]:
        assert not merkle.verify_consistency(first, size, [], ROOTS[0], ROOTS[0])
        with pytest.raises(ValueError, match="no consistency proof"):
            merkle.consistency_plan(first, size)


def test_equal_sizes_need_equal_roots_and_no_proof() -> None:
    assert merkle.consistency_plan(5, 5) == []
    assert merkle.verify_consistency(5, 5, [], ROOTS[5], ROOTS[5])
    assert not merkle.verify_consistency(5, 5, [], ROOTS[5], ROOTS[6])
    assert not merkle.verify_consistency(5, 5, [ROOTS[5]], ROOTS[5], ROOTS[5])
    assert not merkle.verify_consistency(5, 6, [], ROOTS[5], ROOTS[6])


def test_proofs_of_another_length_are_refused_even_with_roots_made_to_fit() -> None:
    # A forger who chooses the roots can make any fold come out; only the length betrays the sizes.
    extra = bytes(32)
    assert not merkle.verify_inclusion(LEAVES[0], 0, 1, [extra], merkle.node_hash(extra, LEAVES[0]))
    shorter, longer = consistency_proof(LEAVES, 3, 4), [*consistency_proof(LEAVES, 3, 5), extra]
    assert merkle.verify_consistency(3, 4, shorter, ROOTS[3], ROOTS[4])
    assert not merkle.verify_consistency(3, 5, shorter, ROOTS[3], ROOTS[4])
    grown = [merkle.node_hash(extra, root) for root in (ROOTS[3], ROOTS[5])]
    assert not merkle.verify_consistency(3, 5, longer, grown[0], grown[1])


def test_hashes_of_another_length_are_refused() -> None:
    assert not merkle.verify_inclusion(b"", 0, 1, [], b"")
    assert not merkle.verify_inclusion(LEAVES[0], 0, 1, [], LEAVES[0] + b"\x00")
    assert not merkle.verify_consistency(1, 1, [], b"short", b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        merkle.Frontier().append(b"short")


def test_a_hole_in_the_stored_tree_is_named() -> None:
    stored = stored_tree(LEAVES)
    del stored[1, 1]
    with pytest.raises(merkle.MissingNode, match="level 1 position 1"):
        merkle.assemble(merkle.inclusion_plan(0, 8), stored)


def test_a_frontier_does_not_resume_on_other_peaks() -> None:
    with pytest.raises(ValueError, match="other peaks"):
        merkle.Frontier(3, [LEAVES[0]])
    with pytest.raises(ValueError, match="other peaks"):
        merkle.Frontier(-1, [])
    with pytest.raises(ValueError, match="other peaks"):
        merkle.Frontier(1, [b"short"])
