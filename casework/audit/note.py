"""Signed notes and checkpoints: what the log publishes and its auditors keep.

Formats: C2SP signed-note (https://c2sp.org/signed-note) with Ed25519 keys, and C2SP tlog-checkpoint
(https://c2sp.org/tlog-checkpoint). Parsing is strict and every refusal is a NoteRefused: a text that can be
read in two ways can be signed in one and believed in the other. Pure: keys come in as objects.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
"""As Go's sumdb/note; the specification asks for at least 16."""
MAX_TREE_SIZE = 2**63 - 1

_ED25519 = b"\x01"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY_ID = re.compile(r"[0-9a-f]{8}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteRefused(ValueError):
    """The text is no note, or no key we hold vouches for it."""


@dataclass(frozen=True)
class Verifier:
    """A public key the reader pinned out of band."""

    name: str
    public_key: Ed25519PublicKey

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.public_key)

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read `name+hex(key id)+base64(0x01 || public key)`; NoteRefused unless all three agree."""
        name, _, rest = text.partition("+")
        hex_id, _, encoded = rest.partition("+")
        _check_name(name)
        material = _decoded(encoded)
        if len(material) != 33 or material[:1] != _ED25519:
            raise NoteRefused("not an Ed25519 verifier key")
        verifier = cls(name, Ed25519PublicKey.from_public_bytes(material[1:]))
        if not _KEY_ID.fullmatch(hex_id) or bytes.fromhex(hex_id) != verifier.key_id:
            raise NoteRefused("the key id is not the one of this name and key")
        return verifier


@dataclass(frozen=True)
class OpenedNote:
    body: str
    names: tuple[str, ...]
    """Names of the keys we hold whose signature verified, in the note's order; never empty."""


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def key_id(name: str, public_key: Ed25519PublicKey) -> bytes:
    material = _ED25519 + public_key.public_bytes_raw()
    return hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]


def vkey(name: str, public_key: Ed25519PublicKey) -> str:
    """The verifier key to hand to auditors."""
    _check_name(name)
    material = base64.b64encode(_ED25519 + public_key.public_bytes_raw()).decode()
    return f"{name}+{key_id(name, public_key).hex()}+{material}"


def sign(body: str, name: str, private_key: Ed25519PrivateKey) -> str:
    """The signed note. Its body ends in a newline and holds no other control character."""
    _check_name(name)
    if not body.endswith("\n"):
        raise NoteRefused("a note's body ends in a newline")
    signature = key_id(name, private_key.public_key()) + private_key.sign(_text_bytes(body))
    note = f"{body}\n— {name} {base64.b64encode(signature).decode()}\n"
    _text_bytes(note)
    return note


def sign_detached(text: bytes, name: str, private_key: Ed25519PrivateKey) -> str:
    """Base64 of key id and signature, as on a note's signature line; `text` begins with what tells it from a note."""
    return base64.b64encode(key_id(name, private_key.public_key()) + private_key.sign(text)).decode()


def open_note(text: str, verifiers: Sequence[Verifier]) -> OpenedNote:
    """The body, once at least one verifier vouches for it.

    Signatures of unknown keys are ignored, as the specification demands; a wrong signature under a key we
    hold refuses the whole note. NoteRefused, or ValueError when two verifiers share a name and a key id.
    """
    _text_bytes(text)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    if len(known) != len(verifiers):
        raise ValueError("two verifiers share a name and a key id")
    body, lines = _parts(text)
    names: list[str] = []
    for name, signature in map(_signature, lines):
        verifier = known.get((name, signature[:4]))
        if verifier is None:
            continue
        _check_signature(verifier, signature[4:], body)
        if name not in names:
            names.append(name)
    if not names:
        raise NoteRefused("no signature by a known key")
    return OpenedNote(body, tuple(names))


def signatures_of(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The body, and each signature line's name and bytes (key id first); nothing of it is checked."""
    _text_bytes(text)
    body, lines = _parts(text)
    return body, [_signature(line) for line in lines]


def checkpoint_text(origin: str, size: int, root: bytes, extensions: Sequence[str] = ()) -> str:
    """A checkpoint's body, ready to sign; what `parse_checkpoint` would refuse is never written."""
    lines = [origin, str(size), base64.b64encode(root).decode(), *extensions]
    body = "".join(f"{line}\n" for line in lines)
    if parse_checkpoint(body) != Checkpoint(origin, size, root, tuple(extensions)):
        raise NoteRefused("a checkpoint's lines hold no newline")
    return body


def parse_checkpoint(body: str) -> Checkpoint:
    """The body of an opened note: origin, size without leading zeroes, 32-byte root, extension lines."""
    _text_bytes(body)
    lines = body.split("\n")
    if lines.pop() or len(lines) < 3 or not all(lines):
        raise NoteRefused("a checkpoint has at least three lines, none of them empty")
    origin, size, root, *extensions = lines
    if not _SIZE.fullmatch(size) or int(size) > MAX_TREE_SIZE:
        raise NoteRefused("the tree size is not a canonical decimal")
    digest = _decoded(root)
    if len(digest) != 32:
        raise NoteRefused("the root has 32 bytes")
    return Checkpoint(origin, int(size), digest, tuple(extensions))


def _parts(text: str) -> tuple[str, list[str]]:
    """Body and signature lines; the last empty line separates them."""
    body, separator, signatures = text.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteRefused("no signature block after an empty line")
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteRefused("too many signatures")
    return body + "\n", lines


def _signature(line: str) -> tuple[str, bytes]:
    """Name, and the four bytes of the key id followed by the signature."""
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != "—":
        raise NoteRefused("a signature line begins with an em dash")
    _check_name(name)
    signature = _decoded(encoded)
    if len(signature) < 5:
        raise NoteRefused("a signature has a key id and at least one byte")
    return name, signature


def _check_signature(verifier: Verifier, signature: bytes, body: str) -> None:
    try:
        verifier.public_key.verify(signature, body.encode())
    except InvalidSignature:
        raise NoteRefused(f"wrong signature by {verifier.name}") from None


def _check_name(name: str) -> None:
    _text_bytes(name)
    if not name or "+" in name or any(character.isspace() for character in name):
        raise NoteRefused("a key name is not empty and holds neither space nor plus")


def _decoded(text: str) -> bytes:
    """Standard base64, canonical: one text per value, so re-encoding gives it back."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteRefused("not base64") from None
    if base64.b64encode(value).decode() != text:
        raise NoteRefused("not canonical base64")
    return value


def _text_bytes(text: str) -> bytes:
    """The UTF-8 bytes; NoteRefused for control characters other than newline, lone surrogates, or size."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise NoteRefused("not UTF-8") from None
    if len(encoded) > MAX_NOTE_BYTES:
        raise NoteRefused("longer than 1 MB")
    if _CONTROL.search(text):
        raise NoteRefused("a control character")
    return encoded
