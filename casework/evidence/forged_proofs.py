"""Inclusion and consistency proofs that prove nothing, each handed out in a page the operator itself signed."""

from __future__ import annotations

import base64
import random
from typing import TYPE_CHECKING

from casework.evidence.paper_log import PaperLog
from casework.evidence.tampering import Tampered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILTER = {"region": "01"}


class Forger:
    """Works on prefixes of one log, so that trees of every shape are met."""

    def __init__(self, log: PaperLog, seed: int) -> None:
        self.rng = random.Random(seed)
        self.logs = [PaperLog(log.signer, log.entries[:size]) for size in range(2, log.size + 1)]

    def proofs(self, count: int) -> Iterator[Tampered]:
        while count:
            log = self.rng.choice(self.logs)
            kept = self.rng.randrange(1, log.size)
            kind, export = self._inclusion(log) if count % 2 else self._consistency(log, kept)
            if export is not None:
                yield Tampered(kind, "operator", export, log.checkpoint(kept if kind == "consistency" else log.size))
                count -= 1

    def _inclusion(self, log: PaperLog) -> tuple[str, bytes | None]:
        """One entry: its proof mutated or borrowed, or its true proof under another entry or place."""
        index, other = self.rng.sample(range(log.size), 2)
        proof = log.inclusion(index)
        match self.rng.randrange(5):
            case 0:
                line = log.line(index, log.inclusion(other), shown_as=other)
            case 1:
                line = log.line(index, proof, shown_as=other)
            case 2:
                line = log.line(other, proof, shown_as=index)
            case 3:
                line = log.line(index, log.inclusion(index, self.rng.randrange(index + 1, log.size + 1)))
            case _:
                line = log.line(index, self._mutated(proof))
        genuine = {log.line(each, log.inclusion(each)) for each in (index, other)}
        return "inclusion", None if line in genuine else log.page([line], 0, FILTER)

    def _consistency(self, log: PaperLog, kept: int) -> tuple[str, bytes | None]:
        """A genuine entry in a tree whose link to the retained one is mutated or borrowed."""
        true = log.consistency(kept)
        borrowed = log.consistency(kept, self.rng.randrange(kept, log.size + 1))
        elsewhere = log.consistency(self.rng.randrange(1, log.size))
        proof = self.rng.choice([borrowed, elsewhere, log.inclusion(kept), self._mutated(true), self._mutated(true)])
        if proof == true:
            return "consistency", None
        index = self.rng.randrange(log.size)
        line = log.line(index, log.inclusion(index))
        return "consistency", log.page([line], 0, FILTER, consistency={"from": kept, "proof": proof})

    def _mutated(self, proof: Sequence[str]) -> list[str]:
        changed = list(proof)
        place = self.rng.randrange(len(changed)) if changed else 0
        match self.rng.randrange(6) if changed else 5:
            case 0:
                digest = bytearray(base64.b64decode(changed[place]))
                digest[self.rng.randrange(32)] ^= 1 << self.rng.randrange(8)
                changed[place] = base64.b64encode(digest).decode()
            case 1:
                del changed[place]
            case 2:
                changed.insert(place, changed[self.rng.randrange(len(changed))])
            case 3:
                changed.reverse()
            case 4:
                changed.clear()
            case _:
                changed.insert(place, base64.b64encode(self.rng.randbytes(32)).decode())
        return changed
