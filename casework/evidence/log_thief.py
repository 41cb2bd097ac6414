"""Somebody who holds the whole database and every key the operator has, and tries to open and link the log's leaves.

Every wrapped key is unwrapped; every opening is opened and held against its leaf's commitments; every leaf's subject is
recomputed under every key there is; every case's tag is looked for. Then values already known are tried under every salt
that is left, as a dictionary would.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from casework.audit.trail import OPENING_PLACE
from casework.kernel.sealing import CannotOpen, commitment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    import psycopg

    from casework.kernel.sealing import Keyring, SubjectKey

KEYS = "SELECT subject_id, kek_id, wrapped, key_version, case_id FROM subject_keys"
LEAVES = "SELECT id, body FROM log_leaves WHERE log = 'milestones' AND body LIKE '%\"commitments\"%'"
OPENINGS = "SELECT leaf_id, subject_id, sealed FROM log_openings"
LINKS = "SELECT leaf_id FROM log_links"


@dataclass(slots=True)
class Loot:
    """Ids of leaves, by what was done to them; `values` are those that were opened."""

    opened: set[UUID] = field(default_factory=set)
    linked: set[UUID] = field(default_factory=set)
    tagged: set[UUID] = field(default_factory=set)
    guessed: set[UUID] = field(default_factory=set)
    values: dict[UUID, dict[str, str]] = field(default_factory=dict)


def rob(owner: psycopg.Connection[tuple[Any, ...]], keyring: Keyring, known: dict[UUID, dict[str, str]]) -> Loot:
    """`known`: values by leaf, remembered from elsewhere."""
    loot = Loot()
    leaves = {row[0]: json.loads(row[1]) for row in owner.execute(LEAVES).fetchall()}
    keys = {key.subject_id: (key, case_id) for key, case_id in _keys(owner, keyring)}
    salts: set[bytes] = {b""}
    for leaf_id, subject_id, sealed in owner.execute(OPENINGS).fetchall():
        if subject_id not in keys:
            continue
        fields = _opened(keys[subject_id][0], leaf_id, sealed)
        committed = leaves[leaf_id]["commitments"]
        if fields and all(commitment(salt, value) == committed[name] for name, (salt, value) in fields.items()):
            loot.opened.add(leaf_id)
            loot.values[leaf_id] = {name: value for name, (_, value) in fields.items()}
        salts |= {salt for salt, _ in fields.values()}
    loot.tagged = {row[0] for row in owner.execute(LINKS).fetchall()} & leaves.keys()
    subjects = {leaf["subject"]: leaf_id for leaf_id, leaf in leaves.items()}
    for key, case_id in keys.values():
        loot.linked |= {leaf_id for leaf_id in leaves if subjects.get(key.pseudonym(case_id, leaf_id)) == leaf_id}
    for leaf_id, values in known.items():
        committed = set(leaves[leaf_id]["commitments"].values())
        if any(commitment(salt, value) in committed for salt in salts for value in values.values()):
            loot.guessed.add(leaf_id)
    return loot


def _keys(owner: psycopg.Connection[tuple[Any, ...]], keyring: Keyring) -> Iterable[tuple[SubjectKey, UUID]]:
    for subject_id, kek_id, wrapped, version, case_id in owner.execute(KEYS).fetchall():
        try:
            yield keyring.unwrap(subject_id, kek_id, wrapped, version), case_id
        except CannotOpen:
            continue


def _opened(key: SubjectKey, leaf_id: UUID, sealed: bytes) -> dict[str, tuple[bytes, str]]:
    try:
        found = key.open(OPENING_PLACE, leaf_id, sealed)
    except CannotOpen:
        return {}
    return {name: (bytes.fromhex(salt), value) for name, (salt, value) in found["fields"].items()}
