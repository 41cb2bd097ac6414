"""Exports of a small fictional log, made with the server's own pure parts and the `rfc8785` library.

`python -m tests.audit.export_builder` writes vectors/exports.json, which the JavaScript verifier shares.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from casework.audit import merkle, note

VECTORS = Path(__file__).parent / "vectors"
ORIGIN = "journal.exemple.test/jalons"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
LOG_VKEY = note.vkey(ORIGIN, LOG_KEY.public_key())

Record = dict[str, Any]


def line(record: Record) -> bytes:
    return rfc8785.dumps(record) + b"\n"


def milestone_leaf(number: int) -> Record:
    """A leaf as the server commits it: no name, only commitments, and a sentence with accents."""
    return {
        "type": "milestone.recorded",
        "code": ["arrival", "housing", "school", "francization"][number % 4],
        "label": "Arrivée à Rimouski, logement trouvé",
        "occurred_on": f"2026-03-{number % 28 + 1:02}",
        "region": "01",
        "policy_version": number,
        "late": number % 3 == 0,
        "note": None,
        "commitments": {"place": hashlib.sha256(b"place %d" % number).hexdigest()},
        "subject": hashlib.sha256(b"subject %d" % number).hexdigest(),
    }


@dataclass
class Log:
    """A whole log in memory, and the exports a server would give of it."""

    size: int = 9
    origin: str = ORIGIN
    key: Ed25519PrivateKey = field(default_factory=lambda: LOG_KEY)
    leaves: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leaves = self.leaves or [milestone_leaf(number) for number in range(self.size)]

    @property
    def hashes(self) -> list[bytes]:
        return [merkle.leaf_hash(rfc8785.dumps(leaf)) for leaf in self.leaves]

    def checkpoint(self, size: int | None = None) -> str:
        """The signed note of the log when it had `size` entries."""
        size = len(self.leaves) if size is None else size
        body = note.checkpoint_text(self.origin, size, merkle.root_from_leaves(self.hashes[:size]))
        return note.sign(body, self.origin, self.key)

    def entries(self, indexes: range | list[int], *, proofs: bool = False) -> list[Record]:
        records: list[Record] = []
        for index in indexes:
            record: Record = {"index": index, "leaf": self.leaves[index], "case": f"dossier-{index % 3}"}
            if proofs:
                record["proof"] = texts(self._proof(merkle.inclusion_plan(index, len(self.leaves))))
            records.append(record)
        return records

    def page(self, entries: list[Record], **manifest: Any) -> bytes:
        """Manifest and entries; any manifest field can be overridden."""
        lines = b"".join(map(line, entries))
        stated: Record = {
            "type": "manifest",
            "format": "casework-milestone-log/1",
            "origin": self.origin,
            "size": len(self.leaves),
            "first": entries[0]["index"] if entries else 0,
            "count": len(entries),
            "filter": {},
            "checkpoint": self.checkpoint(),
            "entries_sha256": hashlib.sha256(lines).hexdigest(),
        }
        whole = stated | manifest
        return (line(whole) if "signature" in manifest else signed(whole, self.key)) + lines

    def full(self, **manifest: Any) -> bytes:
        return self.page(self.entries(range(len(self.leaves))), **manifest)

    def consistency(self, first: int) -> Record:
        plan = merkle.consistency_plan(first, len(self.leaves))
        return {"from": first, "proof": texts(self._proof(plan))}

    def _proof(self, plan: merkle.Plan) -> list[bytes]:
        frontier = merkle.Frontier()
        stored = {(node.level, node.position): node.hash for digest in self.hashes for node in frontier.append(digest)}
        return merkle.assemble(plan, stored)


def signed(manifest: Record, key: Ed25519PrivateKey = LOG_KEY) -> bytes:
    """The manifest's line, signed as the operator signs it."""
    bare = {name: value for name, value in manifest.items() if name != "signature"}
    text = f"{bare['origin']}/manifest\n".encode() + line(bare)
    return line({**bare, "signature": note.sign_detached(text, str(bare["origin"]), key)})


def texts(hashes: list[bytes]) -> list[str]:
    return [base64.b64encode(digest).decode() for digest in hashes]


def resealed(export: bytes, key: Ed25519PrivateKey = LOG_KEY) -> bytes:
    """Count, digest and signature made to fit again: only who holds the log's key can do it, the operator itself."""
    manifest, *lines = export.splitlines(keepends=True)
    stated = json.loads(manifest)
    stated["count"] = len(lines)
    stated["entries_sha256"] = hashlib.sha256(b"".join(lines)).hexdigest()
    return signed(stated, key) + b"".join(lines)


def shared_cases() -> Record:
    """What any verifier of this format must accept and refuse, with the code of its first problem."""
    log, rewritten = Log(5), Log(5)
    rewritten.leaves[1] = milestone_leaf(40)
    extract = log.page(log.entries([1, 4], proofs=True), filter={"region": "01"}, consistency=log.consistency(3))
    swapped = log.full().splitlines(keepends=True)
    swapped[2], swapped[3] = swapped[3], swapped[2]
    cases: list[tuple[str, bytes, str | None, str | None]] = [
        ("complete", log.full(), None, None),
        ("complete, older checkpoint retained", log.full(), log.checkpoint(3), None),
        ("empty log", Log(0).full(), None, None),
        ("two pages", log.page(log.entries(range(2))) + log.page(log.entries(range(2, 5))), None, None),
        ("extract", extract, log.checkpoint(3), None),
        (
            "entry edited",
            log.full().replace(b"Rimouski", "Montréal".encode(), 1),
            None,
            "entries_digest",
        ),
        (
            "entry edited and resealed",
            resealed(log.full().replace(b"Rimouski", b"Matapedia")),
            None,
            "root_mismatch",
        ),
        ("filter edited", extract.replace(b'"region":"01"', b'"region":"11"', 1), None, "manifest_unsigned"),
        ("first edited", extract.replace(b'"first":1', b'"first":0', 1), None, "manifest_unsigned"),
        ("entries swapped and resealed", resealed(b"".join(swapped)), None, "index_gap"),
        (
            "end cut off and resealed",
            resealed(b"".join(log.full().splitlines(keepends=True)[:-1])),
            None,
            "incomplete",
        ),
        ("past rewritten and signed again", rewritten.full(), log.checkpoint(3), "retained_fork"),
        ("rolled back", Log(4).full(), log.checkpoint(), "rollback"),
        ("signed by another key", Log(5, key=OTHER_KEY).full(), None, "signature_unknown"),
    ]
    return {
        "vkey": LOG_VKEY,
        "cases": [
            {"name": name, "export": export.decode(), "retained": retained, "code": code}
            for name, export, retained, code in cases
        ],
    }


def shared_cases_text() -> str:
    return json.dumps(shared_cases(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (VECTORS / "exports.json").write_text(shared_cases_text(), encoding="utf-8")
