"""Pure: the reference people say on the phone, with a check character that catches a slip."""

from __future__ import annotations

import hashlib
import hmac

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

HALF = 1_000
ROUNDS = 6


def scattered(number: int, key: bytes) -> int:
    """Another number of the same million, each taken once: two references tell nobody how many cases lie between.

    A Feistel network on two halves below a thousand, keyed by HMAC-SHA-256.
    """
    million, within = divmod(number, HALF * HALF)
    left, right = divmod(within, HALF)
    for turn in range(ROUNDS):
        drawn = hmac.new(key, f"case-reference/{turn}/{million}/{right}".encode(), hashlib.sha256).digest()
        left, right = right, (left + int.from_bytes(drawn[:8], "big")) % HALF
    return million * HALF * HALF + left * HALF + right


def reference(year: int, number: int) -> str:
    """`QC-2026-000123-X`; the last character is ISO/IEC 7064 MOD 37,36 over the letters and digits before it."""
    stem = f"QC-{year:04d}-{number:06d}"
    return f"{stem}-{check_character(stem)}"


def check_character(stem: str) -> str:
    return ALPHABET[(37 - _remainder(stem)) % 36]


def _remainder(stem: str) -> int:
    product = 36
    for character in stem:
        if character == "-":
            continue
        total = (product + ALPHABET.index(character)) % 36 or 36
        product = total * 2 % 37
    return product
