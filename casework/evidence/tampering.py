"""Seven ways to tamper with an export (audit.md §5), by hands without the log's key and by the operator itself.

Each class gives an export and the checkpoint an auditor retained before. Every one of them breaks what the log
promises, so every one must be refused. What the format openly does not prove (an entry left out of a filtered extract by
the operator, a pseudonym beside a leaf, entries after the retained checkpoint) is not tampering here.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rfc8785

from casework.evidence.paper_log import PaperLog, Written, resealed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from casework.audit.signer import LogSigner

HEX = b"0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Tampered:
    kind: str
    hand: str
    """`reader` changes bytes; `operator` also makes counts, digests and signatures fit; `stranger` signs as itself."""
    export: bytes
    kept: str


class Tamperer:
    """`pulled`: genuine exports of `log` as one file each, the first of them complete and on one page."""

    def __init__(
        self, log: PaperLog, pulled: Sequence[bytes], kept: Sequence[int], stranger: LogSigner, seed: int
    ) -> None:
        self.log, self.pulled, self.kept, self.stranger = log, list(pulled), list(kept), stranger
        self.rng = random.Random(seed)
        self.classes: dict[str, Callable[[], tuple[str, bytes, int]]] = {
            "bit": self.bit,
            "delete": self.delete,
            "insert": self.insert,
            "swap": self.swap,
            "truncate": self.truncate,
            "rewrite": self.rewrite,
            "rollback": self.rollback,
        }

    def one(self, kind: str) -> Tampered:
        """A tampering of this class that really changed something."""
        while True:
            hand, export, kept = self.classes[kind]()
            if export not in self.pulled:
                return Tampered(kind, hand, export, self.log.checkpoint(kept))

    def _by_hand(self, change: Callable[[list[bytes]], None], *, whole: bool = False) -> tuple[str, bytes, int]:
        """Change the lines of a pull; half of the time the operator makes a complete export fit again."""
        operator = self.rng.random() < 0.5
        export = self.pulled[0] if operator or whole else self.rng.choice(self.pulled)
        lines = export.splitlines(keepends=True)
        change(lines)
        changed = b"".join(lines)
        kept = self.rng.choice(self.kept)
        return ("operator", resealed(self.log.signer, changed), kept) if operator else ("reader", changed, kept)

    def bit(self) -> tuple[str, bytes, int]:
        export = bytearray(self.rng.choice(self.pulled))
        kept = self.rng.choice(self.kept)
        if self.rng.random() < 0.5:
            export[self.rng.randrange(len(export))] ^= 1 << self.rng.randrange(8)
            return "reader", bytes(export), kept
        # The operator flips one bit of a subject's pseudonym: a digit stays a digit, so that only the hash can tell.
        export = bytearray(self.pulled[0])
        start = self.rng.choice(_places(export, b'"subject":"'))
        place = start + self.rng.randrange(32)
        bits = [bit for bit in range(8) if export[place] ^ (1 << bit) in HEX]
        export[place] ^= 1 << self.rng.choice(bits)
        return "operator", resealed(self.log.signer, bytes(export)), kept

    def delete(self) -> tuple[str, bytes, int]:
        def change(lines: list[bytes]) -> None:
            for _ in range(self.rng.randint(1, 3)):
                del lines[self._entry(lines)]

        return self._by_hand(change)

    def insert(self) -> tuple[str, bytes, int]:
        def change(lines: list[bytes]) -> None:
            place = self._entry(lines)
            record = json.loads(lines[place])
            if self.rng.random() < 0.5:
                record["leaf"] |= {"code": "INVENTED", "occurred_on": {"value": "2026-02-29", "precision": "day"}}
                record["index"] = self.rng.choice([record["index"], record["index"] + 1, self.log.size])
            lines.insert(self.rng.randint(1, len(lines)), rfc8785.dumps(record) + b"\n")

        return self._by_hand(change)

    def swap(self) -> tuple[str, bytes, int]:
        def change(lines: list[bytes]) -> None:
            one, other = self._entry(lines), self._entry(lines)
            if self.rng.random() < 0.5:
                lines[one], lines[other] = lines[other], lines[one]
                return
            first, second = json.loads(lines[one]), json.loads(lines[other])
            first["leaf"], second["leaf"] = second["leaf"], first["leaf"]
            lines[one], lines[other] = rfc8785.dumps(first) + b"\n", rfc8785.dumps(second) + b"\n"

        return self._by_hand(change)

    def truncate(self) -> tuple[str, bytes, int]:
        if self.rng.random() < 0.5:
            export = self.rng.choice(self.pulled)
            return "reader", export[: self.rng.randrange(len(export))], self.rng.choice(self.kept)

        def change(lines: list[bytes]) -> None:
            del lines[-self.rng.randint(1, len(lines) - 1) :]

        return self._by_hand(change, whole=True)

    def rewrite(self) -> tuple[str, bytes, int]:
        """The past changed and the whole tree signed again: nothing in the export itself betrays it."""
        kept = self.rng.choice(self.kept)
        stranger = self.rng.random() < 0.2
        entries = self._another_past(kept)
        log = PaperLog(self.stranger if stranger else self.log.signer, entries)
        return "stranger" if stranger else "operator", self._any_form(log, kept), kept

    def rollback(self) -> tuple[str, bytes, int]:
        """Entries after some point taken back; half of the time others are written in their place."""
        kept = self.rng.choice(self.kept)
        entries = self.log.entries[: self.rng.randrange(1, kept)]
        if self.rng.random() < 0.5:
            others = self.log.entries[self.rng.randrange(1, 5) :] + self.log.entries
            entries += [_edited(entry, self.rng) for entry in others[: self.log.size - len(entries)]]
        return "operator", self._any_form(PaperLog(self.log.signer, entries), kept), kept

    def _another_past(self, kept: int) -> list[Written]:
        """The entries with one of the first `kept` edited, taken out, doubled, or exchanged with another."""
        entries = list(self.log.entries)
        place = self.rng.randrange(kept)
        match self.rng.randrange(4):
            case 0 if len(entries) > kept:
                del entries[place]
            case 1:
                entries.insert(place, _edited(entries[place], self.rng))
            case 2:
                other = (place + self.rng.randrange(1, len(entries))) % len(entries)
                entries[place], entries[other] = entries[other], entries[place]
            case _:
                entries[place] = _edited(entries[place], self.rng)
        return entries

    def _any_form(self, log: PaperLog, kept: int) -> bytes:
        form = self.rng.randrange(3)
        if form == 0:
            return log.complete()
        if form == 1:
            return b"".join(log.paged(self.rng.randint(5, 20)))
        indexes = sorted(self.rng.sample(range(log.size), min(log.size, 6)))
        return log.extract(indexes, min(kept, log.size), {"region": "01"})

    def _entry(self, lines: list[bytes]) -> int:
        """The place of a line that is an entry."""
        return self.rng.choice([place for place, line in enumerate(lines) if b'"type":"manifest"' not in line])


def _places(export: bytearray, mark: bytes) -> list[int]:
    """Where the text after each mark begins."""
    found, start = [], export.find(mark)
    while start >= 0:
        found.append(start + len(mark))
        start = export.find(mark, start + 1)
    return found


def _edited(entry: Written, rng: random.Random) -> Written:
    leaf: dict[str, Any] = json.loads(entry.leaf)
    field, value = rng.choice([("region", f"{rng.randint(20, 99)}"), ("code", "NEVER_WAS"), ("outcome", "unknown")])
    return Written(rfc8785.dumps(leaf | {field: value}).decode(), entry.case)
