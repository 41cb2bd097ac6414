"""A log on paper: its leaves, its tree and the operator's own key, so that anything the operator could sign is signed.

What `drill tamper` forges with. Given the leaves of a real log it gives the same bytes as the real server, and the
drill demands that first: a forger who cannot make an honest export proves nothing by making refused ones.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import rfc8785

from casework.audit import merkle
from casework.audit.export import FORMAT
from casework.audit.signer import LogName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from casework.audit.signer import LogSigner

LOG = LogName.milestones


class Written(NamedTuple):
    """One entry: its committed text, and the pseudonym of its case (JSON) that the export puts beside it."""

    leaf: str
    case: str


class PaperLog:
    def __init__(self, signer: LogSigner, entries: Sequence[Written]) -> None:
        self.signer, self.entries = signer, list(entries)
        self._nodes: dict[merkle.NodeId, bytes] = {}
        self._roots = [merkle.EMPTY_ROOT]
        frontier = merkle.Frontier()
        for entry in self.entries:
            for level, position, digest in frontier.append(merkle.leaf_hash(entry.leaf.encode())):
                self._nodes[level, position] = digest
            self._roots.append(frontier.root)

    @property
    def size(self) -> int:
        return len(self.entries)

    def checkpoint(self, size: int | None = None) -> str:
        """The signed note of the first `size` entries."""
        size = self.size if size is None else size
        return self.signer.sign_checkpoint(LOG, size, self._roots[size])

    def inclusion(self, index: int, size: int | None = None) -> list[str]:
        return texts(merkle.assemble(merkle.inclusion_plan(index, size or self.size), self._nodes))

    def consistency(self, first: int, size: int | None = None) -> list[str]:
        return texts(merkle.assemble(merkle.consistency_plan(first, size or self.size), self._nodes))

    def line(self, index: int, proof: list[str] | None = None, *, shown_as: int | None = None) -> bytes:
        """One entry line; `shown_as` claims another place for it."""
        entry = self.entries[index]
        proven = "" if proof is None else f',"proof":{json.dumps(proof, separators=(",", ":"))}'
        place = index if shown_as is None else shown_as
        return f'{{"case":{entry.case},"index":{place},"leaf":{entry.leaf}{proven}}}\n'.encode()

    def page(self, lines: Iterable[bytes], first: int, stated: dict[str, Any] | None = None, **more: Any) -> bytes:
        """A manifest signed by the operator, and these lines."""
        manifest = {
            "type": "manifest",
            "format": FORMAT,
            "origin": self.signer.origin(LOG),
            "size": self.size,
            "checkpoint": self.checkpoint(),
            "filter": stated or {},
            "first": first,
            **more,
        }
        return sealed(self.signer, manifest, list(lines))

    def complete(self) -> bytes:
        return self.page(map(self.line, range(self.size)), 0)

    def paged(self, limit: int) -> list[bytes]:
        ends = range(0, self.size, limit)
        return [self.page(map(self.line, range(self.size)[first : first + limit]), first) for first in ends]

    def extract(self, indexes: Sequence[int], kept: int, stated: dict[str, Any] | None = None) -> bytes:
        """Each entry proven, and the tree proven to extend the one of `kept` entries, as an honest server would."""
        lines = [self.line(index, self.inclusion(index)) for index in indexes]
        first = 0 if stated else indexes[0]
        return self.page(lines, first, stated, consistency={"from": kept, "proof": self.consistency(kept)})


def texts(digests: Iterable[bytes]) -> list[str]:
    return [base64.b64encode(digest).decode() for digest in digests]


def sealed(signer: LogSigner, manifest: dict[str, Any], lines: list[bytes]) -> bytes:
    """Count, digest and signature made to fit the lines."""
    content = b"".join(lines)
    bare = {name: value for name, value in manifest.items() if name != "signature"}
    bare |= {"count": len(lines), "entries_sha256": hashlib.sha256(content).hexdigest()}
    signature = signer.sign_manifest(LOG, rfc8785.dumps(bare))
    return rfc8785.dumps({**bare, "signature": signature}) + b"\n" + content


def resealed(signer: LogSigner, export: bytes) -> bytes:
    """A page whose lines were changed, as only the holder of the log's key can hand it out."""
    manifest, *lines = export.splitlines(keepends=True)
    return sealed(signer, json.loads(manifest), lines)


def entries_of(export: bytes) -> list[Written]:
    """The entries of a genuine complete export; leaf and case as they stand in it."""
    found = []
    for line in export.splitlines():
        if b'"type":"manifest"' in line:
            continue
        record = json.loads(line)
        found.append(Written(rfc8785.dumps(record["leaf"]).decode(), json.dumps(record["case"])))
    return found
