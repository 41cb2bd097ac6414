"""Envelope encryption: a data key per person (or household), wrapped by a key-encryption key (access.md §3)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = b"\x01"
NONCE_BYTES = 12
KEY_BYTES = 32


class CannotOpen(Exception):
    """A sealed value does not open: wrong or destroyed key, or a value moved from its row or column."""


class KeyAway(CannotOpen):
    """A data key does not unwrap: its key-encryption key is not configured, or is another key under the same id."""

    def __init__(self, key_id: str, why: str) -> None:
        super().__init__(f"key-encryption key {key_id} {why}")
        self.key_id = key_id


def derive(secret: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose (HKDF-SHA-256, RFC 5869), so that no key ever serves two."""
    return HKDF(SHA256(), KEY_BYTES, salt=b"casework/1", info=purpose.encode()).derive(secret)


class SubjectKey:
    """The data key of one person or household; `version` grows when it is renewed.

    `root` makes pseudonyms and never changes: what the log says of a subject stays recognizable under its later
    keys. `previous` still opens what was sealed while the key was being renewed.
    """

    __slots__ = ("_cipher", "_previous", "_raw", "_root", "subject_id", "version")

    def __init__(
        self, subject_id: UUID, raw: bytes, version: int = 1, root: bytes | None = None, previous: bytes | None = None
    ) -> None:
        self.subject_id, self.version = subject_id, version
        self._raw, self._cipher = raw, AESGCM(raw)
        self._root, self._previous = root or raw, previous

    @classmethod
    def parsed(cls, subject_id: UUID, secret: bytes, version: int) -> SubjectKey:
        """From what was wrapped: the key alone, or key, root and previous key of a renewed one."""
        parts = [secret[start : start + KEY_BYTES] for start in range(0, len(secret), KEY_BYTES)]
        return cls(subject_id, parts[0], version, *parts[1:])

    def renewed(self) -> SubjectKey:
        return SubjectKey(self.subject_id, secrets.token_bytes(KEY_BYTES), self.version + 1, self._root, self._raw)

    def secret(self) -> bytes:
        """What a key store wraps."""
        return self._raw if self._previous is None else self._raw + self._root + self._previous

    def seal(self, place: str, row: UUID, value: Any) -> bytes:
        """Encrypt a JSON value for `place` (`table/column`) of `row`; it opens nowhere else."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return FORMAT + nonce + self._cipher.encrypt(nonce, text, _bound_to(place, row, self.version))

    def open(self, place: str, row: UUID, sealed: bytes) -> Any:
        """The JSON value; raises CannotOpen. Read values before their keys: a key opens older values, never newer."""
        if sealed[:1] != FORMAT:
            raise CannotOpen(place)
        nonce, text = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return json.loads(self._cipher.decrypt(nonce, text, _bound_to(place, row, self.version)))
        except InvalidTag:
            return self._open_older(place, row, nonce, text)

    def _open_older(self, place: str, row: UUID, nonce: bytes, text: bytes) -> Any:
        if self._previous is None:
            raise CannotOpen(place)
        try:
            return json.loads(AESGCM(self._previous).decrypt(nonce, text, _bound_to(place, row, self.version - 1)))
        except InvalidTag as error:
            raise CannotOpen(place) from error

    def pseudonym(self, *parts: object) -> str:
        """Hex HMAC-SHA-256 that nobody can link once this key is destroyed (audit.md §3)."""
        message = "\x1f".join(str(part) for part in ("pseudonym", *parts)).encode()
        return hmac.new(self._root, message, hashlib.sha256).hexdigest()


def _bound_to(place: str, row: UUID, version: int) -> bytes:
    return f"{place}/{row}/{version}".encode()


class KeyStore(Protocol):
    """Where the key-encryption keys live: a file or the environment here, a KMS or a Vault by the same four members."""

    @property
    def current(self) -> str:
        """Id of the key that wraps."""

    def knows(self, key_id: str) -> bool:
        """Whether it can unwrap what that key wrapped."""

    def wrap(self, secret: bytes, bound_to: bytes) -> bytes:
        """Under the current key."""

    def unwrap(self, key_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """Raises KeyAway."""


class LocalKeys:
    """Keys by id, in this process's memory; the older ones still unwrap until `casework rotate-keys` is through."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        self._wrappers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.current = current

    def knows(self, key_id: str) -> bool:
        return key_id in self._wrappers

    def wrap(self, secret: bytes, bound_to: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._wrappers[self.current].encrypt(nonce, secret, bound_to)

    def unwrap(self, key_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        wrapper = self._wrappers.get(key_id)
        if wrapper is None:
            raise KeyAway(key_id, "is not configured")
        try:
            return wrapper.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError) as error:  # ValueError: nothing is left of a destroyed key
            raise KeyAway(key_id, "does not open a key wrapped under that id") from error


class Keyring:
    """Data keys, wrapped and unwrapped by a key store."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    @property
    def current(self) -> str:
        return self._store.current

    def knows(self, key_id: str) -> bool:
        return self._store.knows(key_id)

    def new_key(self, subject_id: UUID) -> tuple[SubjectKey, bytes]:
        """A fresh data key and its wrapped form."""
        key = SubjectKey(subject_id, secrets.token_bytes(KEY_BYTES))
        return key, self.wrap(key)

    def wrap(self, key: SubjectKey) -> bytes:
        return self._store.wrap(key.secret(), _wrapped_for(key.subject_id, self.current))

    def unwrap(self, subject_id: UUID, key_id: str, wrapped: bytes, version: int = 1) -> SubjectKey:
        """Raises KeyAway."""
        secret = self._store.unwrap(key_id, wrapped, _wrapped_for(subject_id, key_id))
        return SubjectKey.parsed(subject_id, secret, version)


def _wrapped_for(subject_id: UUID, key_id: str) -> bytes:
    return f"subject-key/{subject_id}/{key_id}".encode()


def commitment(salt: bytes, value: str) -> str:
    """Salted commitment to a personal field: hex HMAC-SHA-256(salt, value) (audit.md §3)."""
    return hmac.new(salt, value.encode(), hashlib.sha256).hexdigest()
