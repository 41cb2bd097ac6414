"""Passwords: what one may be (ASVS 5.0 §6.2), and the slow hash that is kept of it."""

from __future__ import annotations

import asyncio
import secrets
from functools import cache
from importlib.resources import files

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

SHORTEST, LONGEST = 12, 128
FEWEST_CHARACTERS = 5
ONE_TIME_BYTES = 15
# Each check takes 64 MiB for a moment: more at once would let a crowd at the door exhaust the machine.
AT_ONCE = 4

_hasher = PasswordHash((Argon2Hasher(),))


@cache
def _nobodys() -> str:
    """What the password of an unknown user is compared with, so that it takes as long as a known one's."""
    return _hasher.hash(secrets.token_urlsafe(32))


@cache
def common() -> frozenset[str]:
    """Passwords of twelve characters and more that everybody tries first."""
    listed = files("casework.identity").joinpath("data/common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in listed.splitlines() if line and not line.startswith("#"))


def weakness(password: str, username: str) -> str | None:
    """Why a password cannot be chosen: `length`, `common`, `repetitive` or `context`; None when it can."""
    plain = password.casefold()
    if not SHORTEST <= len(password) <= LONGEST:
        return "length"
    if plain in common():
        return "common"
    if len(set(plain)) < FEWEST_CHARACTERS:
        return "repetitive"
    context = {username.casefold(), "casework"}
    return "context" if any(len(word) > 3 and word in plain for word in context) else None


def one_time() -> str:
    """120 random bits, in letters that can be read aloud; nothing to guess before it expires."""
    return secrets.token_hex(ONE_TIME_BYTES)


def hashed(password: str) -> str:
    return _hasher.hash(password)


class Checker:
    """Checks passwords beside the event loop, a few at once."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def holds(self, password: str, stored: str | None) -> bool:
        """Whether `stored` is the hash of the password; False, and as slowly, when there is none."""
        async with self._turn:
            # Made in every case, or the first unknown account after a start would take twice as long.
            nobodys = await asyncio.to_thread(_nobodys)
            right = await asyncio.to_thread(_hasher.verify, password, stored or nobodys)
        return right and stored is not None

    async def hashed(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(hashed, password)
