"""The log's own signature: one Ed25519 key per log, whose name is the log's origin (C2SP tlog-checkpoint)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from casework.audit import note
from casework.kernel.sealing import KEY_BYTES, derive

if TYPE_CHECKING:
    from collections.abc import Mapping


class LogName(StrEnum):
    milestones = "milestones"
    audit = "audit"
    security = "security"


class LogSigner:
    """`seed`: 32 secret bytes; each log's key is derived from it, so that no key ever signs for two logs.

    `origin_base` begins both origins: a schema-less URL such as `casework.example/log`. ValueError when it
    cannot name a key, or when the seed has another length.
    """

    def __init__(self, origin_base: str, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise ValueError(f"the log's seed has {KEY_BYTES} bytes")
        self._origins: Mapping[str, str] = {log: f"{origin_base}/{log}" for log in LogName}
        self._keys = {
            log: Ed25519PrivateKey.from_private_bytes(derive(seed, f"log-signature/{log}")) for log in LogName
        }
        self._vkeys = {log: note.vkey(self.origin(log), self._keys[log].public_key()) for log in LogName}

    def origin(self, log: LogName) -> str:
        return self._origins[log]

    def vkey(self, log: LogName) -> str:
        """The verifier key to hand to auditors, by another road than the exports."""
        return self._vkeys[log]

    def sign_checkpoint(self, log: LogName, size: int, root: bytes) -> str:
        """The signed note that states the tree's size and root."""
        origin = self.origin(log)
        return note.sign(note.checkpoint_text(origin, size, root), origin, self._keys[log])

    def sign_manifest(self, log: LogName, canonical: bytes) -> str:
        """Signs one page of an export, so that no byte of it can be changed on the way to the auditor.

        The line before the manifest's RFC 8785 form keeps this signature from ever passing for a checkpoint's.
        """
        origin = self.origin(log)
        return note.sign_detached(f"{origin}/manifest\n".encode() + canonical + b"\n", origin, self._keys[log])

    def states(self, log: LogName, text: str) -> tuple[int, bytes]:
        """Size and root of a checkpoint this key signed for this log; NoteRefused for any other text."""
        opened = note.open_note(text, [note.Verifier(self.origin(log), self._keys[log].public_key())])
        checkpoint = note.parse_checkpoint(opened.body)
        if checkpoint.origin != self.origin(log):
            raise note.NoteRefused("a checkpoint of another log")
        return checkpoint.size, checkpoint.root
