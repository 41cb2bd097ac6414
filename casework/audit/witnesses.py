"""Witnesses outside the operator cosign checkpoints (C2SP tlog-cosignature, `cosignature/v1`); we keep what they sign.

Which keys are witnesses is the operator's configuration; whom an auditor believes is the auditor's (`casework verify
--witness`).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from casework.audit import note, queries, trail
from casework.audit.errors import CheckpointNotOurs, CheckpointOlder, CosignatureWrong, WitnessUnknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casework.audit.signer import LogName, LogSigner
    from casework.authz.caller import Caller
    from casework.kernel.database import Session

TYPE = b"\x04"
COSIGNATURE_BYTES = 4 + 8 + 64
LATEST = 1 << 63
KEEP = """
INSERT INTO log_cosignatures (log, size, name, line) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
NEWEST_OF = "SELECT coalesce(max(size), 0) FROM log_cosignatures WHERE log = %s AND name = %s"
LINES = "SELECT line FROM log_cosignatures WHERE log = %s AND size = %s ORDER BY name"
NEWEST = "SELECT max(size) FROM log_cosignatures WHERE log = %s"


@dataclass(frozen=True, slots=True)
class Witness:
    name: str
    key_id: bytes
    public_key: Ed25519PublicKey

    @classmethod
    def parse(cls, text: str) -> Witness:
        """Read `name+hex(key id)+base64(0x04 || public key)`; ValueError unless all three agree."""
        name, _, rest = text.partition("+")
        hex_id, _, encoded = rest.partition("+")
        material = base64.b64decode(encoded, validate=True)
        key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
        if not name or len(material) != 33 or material[:1] != TYPE or key_id.hex() != hex_id:
            raise ValueError(f"not a witness's verifier key: {name!r}")
        return cls(name, key_id, Ed25519PublicKey.from_public_bytes(material[1:]))

    def vouches(self, body: str, signature: bytes) -> bool:
        """`signature`: key id, time in seconds (8 bytes, big-endian), Ed25519."""
        moment = int.from_bytes(signature[4:12], "big")
        if len(signature) != COSIGNATURE_BYTES or moment >= LATEST:
            return False
        try:
            self.public_key.verify(signature[12:], f"cosignature/v1\ntime {moment}\n{body}".encode())
        except InvalidSignature:
            return False
        return True


def parse_all(text: str) -> tuple[Witness, ...]:
    """Keys separated by white space; ValueError."""
    return tuple(Witness.parse(key) for key in text.split())


async def add(
    session: Session, caller: Caller, signer: LogSigner, known: Sequence[Witness], log: LogName, text: str
) -> tuple[int, list[str]]:
    """Keep the cosignatures under the note; its size, and whose they are. Once kept, again changes nothing.

    Raises CheckpointNotOurs, WitnessUnknown, CosignatureWrong, CheckpointOlder.
    """
    try:
        size, root = signer.states(log, text)
        body, signatures = note.signatures_of(text)
    except note.NoteRefused:
        raise CheckpointNotOurs from None
    stored = await queries.checkpoint(session, log, size)
    if stored is None or stored.root != root:
        raise CheckpointNotOurs
    found = _cosignatures(known, body, signatures)
    for name, line in found.items():
        [(newest,)] = await session.rows(NEWEST_OF, (log, name))
        if size < newest:
            raise CheckpointOlder(size=newest)
        await session.rows(KEEP, (log, size, name, line))
    trail.record(session, caller, "checkpoint.cosigned", {"log": str(log), "size": size, "witnesses": sorted(found)})
    return size, sorted(found)


def _cosignatures(known: Sequence[Witness], body: str, signatures: list[tuple[str, bytes]]) -> dict[str, str]:
    """Name → signature line of each witness we know; lines of nobody known are left out."""
    found: dict[str, str] = {}
    for name, signature in signatures:
        for witness in known:
            if (witness.name, witness.key_id) != (name, signature[:4]):
                continue
            if not witness.vouches(body, signature):
                raise CosignatureWrong(witness=name)
            found[name] = f"— {name} {base64.b64encode(signature).decode()}\n"
    if not found:
        raise WitnessUnknown
    return found


async def cosigned(session: Session, log: LogName, checkpoint: queries.Checkpoint) -> str:
    """The checkpoint's note with every cosignature kept for it."""
    return checkpoint.note + "".join(line for (line,) in await session.rows(LINES, (log, checkpoint.size)))


async def newest_cosigned(session: Session, log: LogName) -> int | None:
    """Size of the newest checkpoint that a witness cosigned."""
    [(size,)] = await session.rows(NEWEST, (log,))
    return size if size is None else int(size)
