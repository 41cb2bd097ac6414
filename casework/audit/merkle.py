"""The Merkle tree of the log: hashing, growth, proofs (RFC 9162 §2.1, same tree as RFC 6962 §2.1).

Pure: no I/O. A node is named (level, position): it is the root of the complete subtree over leaves
[position << level, (position + 1) << level). The server stores every complete subtree once, as it is
completed, and never rewrites one. A proof element that is not a complete subtree (the ragged right edge of
the tree) is folded from several of them, so any proof for any past size needs one query.

Nothing here is home-made on purpose: immudb's own proof scheme accepted a falsified history (CVE-2022-36111).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

NodeId: TypeAlias = tuple[int, int]
"""(level, position)."""
Plan: TypeAlias = list[list[NodeId]]
"""One list per proof element: the complete subtrees, left to right, whose fold is that element."""


class Node(NamedTuple):
    level: int
    position: int
    hash: bytes


class MissingNode(LookupError):
    """A complete subtree that a proof needs was not handed over: the stored tree has a hole."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root over complete subtrees of strictly decreasing size, left to right; the empty root for none."""
    if not hashes:
        return EMPTY_ROOT
    *left, root = hashes
    for sibling in reversed(left):
        root = node_hash(sibling, root)
    return root


class Frontier:
    """The right edge of a growing tree: one hash per bit set in its size, so memory is O(log size)."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Resume at `size` with the hashes of `peaks_of(size)`, in order; ValueError if they do not fit."""
        self._size = size
        self._peaks = list(peaks)
        if size < 0 or len(self._peaks) != size.bit_count() or not _all_hashes(self._peaks):
            raise ValueError(f"a tree of {size} leaves has other peaks")

    @property
    def size(self) -> int:
        return self._size

    @property
    def root(self) -> bytes:
        return fold(self._peaks)

    def append(self, leaf: bytes) -> list[Node]:
        """Add one leaf hash; the complete subtrees this completes, the leaf first, each of them new."""
        if len(leaf) != HASH_SIZE:
            raise ValueError("a leaf hash has 32 bytes")
        completed = [Node(0, self._size, leaf)]
        while (self._size >> completed[-1].level) & 1:
            level, position, right = completed[-1]
            completed.append(Node(level + 1, position >> 1, node_hash(self._peaks.pop(), right)))
        self._peaks.append(completed[-1].hash)
        self._size += 1
        return completed


def root_from_leaves(leaves: Iterable[bytes]) -> bytes:
    """Root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root


def peaks_of(size: int) -> list[NodeId]:
    """The complete subtrees whose fold is the root at `size`, left to right."""
    return _subtrees(0, size)


def inclusion_plan(index: int, size: int) -> Plan:
    """Which subtrees prove leaf `index` in the tree of `size` leaves (PATH of RFC 9162 §2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    return _plan(_path(index, 0, size))


def consistency_plan(first: int, size: int) -> Plan:
    """Which subtrees prove that the tree of `first` leaves begins the tree of `size` (§2.1.4.1).

    Empty when the sizes are equal. The RFC defines no proof from the empty tree: ValueError.
    """
    if not 0 < first <= size:
        raise ValueError(f"no consistency proof from {first} to {size}")
    start, end = 0, size
    ranges: list[tuple[int, int]] = []
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # else the old tree is itself a complete subtree, whose root the verifier holds
        ranges.append((start, end))
    return _plan(ranges)


def nodes_of(plan: Plan) -> list[NodeId]:
    """Every stored node a plan needs, each once: the keys of the one query."""
    return [node for element in plan for node in element]


def assemble(plan: Plan, nodes: Mapping[NodeId, bytes]) -> list[bytes]:
    """The proof, in RFC order (leaf to root), from stored nodes. MissingNode when one is absent."""
    for node in nodes_of(plan):
        if node not in nodes:
            raise MissingNode(f"level {node[0]} position {node[1]}")
    return [fold([nodes[node] for node in element]) for element in plan]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 §2.1.3.2, step by step; `leaf` is the leaf hash."""
    if not 0 <= index < size or not _all_hashes([leaf, root, *proof]):
        return False
    fn, sn, computed = index, size - 1, leaf
    for element in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            computed = node_hash(element, computed)
            fn, sn = _up_to_right_child(fn, sn)
        else:
            computed = node_hash(computed, element)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and computed == root


def verify_consistency(first: int, size: int, proof: Sequence[bytes], first_root: bytes, root: bytes) -> bool:
    """RFC 9162 §2.1.4.2, step by step: the tree of `first` leaves begins the tree of `size`.

    Equal sizes take an empty proof and equal roots. From size 0 nothing is provable: always refused.
    """
    if not 0 < first <= size or not _all_hashes([first_root, root, *proof]):
        return False
    if first == size:
        return not proof and first_root == root
    if not proof:
        return False
    path = [first_root, *proof] if first.bit_count() == 1 else proof
    return _both_roots(first, size, path) == (first_root, root)


def _both_roots(first: int, size: int, proof: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Steps 3 to 7 of §2.1.4.2: the two roots the proof implies, or None for a wrong length."""
    fn, sn = first - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for element in proof[1:]:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            fr, sr = node_hash(element, fr), node_hash(element, sr)
            fn, sn = _up_to_right_child(fn, sn)
        else:
            sr = node_hash(sr, element)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr) if sn == 0 else None


def _up_to_right_child(fn: int, sn: int) -> tuple[int, int]:
    """Skip the levels where the node has no sibling (the ragged right edge)."""
    while fn and not fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (≥ 2)."""
    return 1 << ((width - 1).bit_length() - 1)


def _path(index: int, start: int, end: int) -> list[tuple[int, int]]:
    """The sibling ranges met from the root down to leaf `index`."""
    ranges: list[tuple[int, int]] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges


def _plan(ranges: Sequence[tuple[int, int]]) -> Plan:
    return [_subtrees(start, end) for start, end in reversed(ranges)]


def _subtrees(start: int, end: int) -> list[NodeId]:
    """Complete subtrees covering [start, end), largest first; `start` is aligned to the largest."""
    nodes: list[NodeId] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def _all_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_SIZE for value in values)
