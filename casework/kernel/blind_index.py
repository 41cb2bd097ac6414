"""Blind indexes: keyed hashes by which a sealed value is found without being opened (access.md §3).

Only for values of high cardinality: a hash of a birth date or of a sex would be read off by counting.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TOKEN_BYTES = 8
"""Of a name's token: a collision costs one candidate too many, which the ranking drops."""
EXACT_BYTES = 16


class BlindIndex:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def tokens(self, features: Iterable[str]) -> list[bytes]:
        """One token for each feature of a name, sorted so that concurrent writers meet in one order."""
        return sorted({self._mac("name", feature)[:TOKEN_BYTES] for feature in features})

    def exact(self, kind: str, value: str) -> bytes:
        """The index of one value; the same value of another kind is another."""
        return self._mac(f"exact/{kind}", value)[:EXACT_BYTES]

    def _mac(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._key, f"{purpose}\x1f{text}".encode(), hashlib.sha256)
