"""A witness outside the operator: cosign a checkpoint only once it is proven to extend the one cosigned before.

    CASEWORK_TOKEN=... casework witness --url URL --name NAME --seed FILE --key LOG_KEY --state FILE

The cosignature is C2SP tlog-cosignature `cosignature/v1` (https://c2sp.org/tlog-cosignature). Imports nothing of the
server: what it believes, it has checked with `verify.py`. The state is written before the cosignature leaves, so that a
witness never vouches for two histories, whatever stops it in between.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from casework import verify

if TYPE_CHECKING:
    from collections.abc import Callable

TYPE = b"\x04"
SEED_BYTES = 32


class WitnessRefuses(Exception):
    """The checkpoint is not what this witness may vouch for; the message is bilingual."""


def seed_in(path: Path) -> Ed25519PrivateKey:
    """The key whose 32 secret bytes the file holds; made at the first visit, readable by its owner only."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(SEED_BYTES))
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


def vkey(name: str, key: Ed25519PrivateKey) -> str:
    """The verifier key to hand to the operator and to auditors."""
    material = TYPE + key.public_key().public_bytes_raw()
    return f"{name}+{_key_id(name, material).hex()}+{base64.b64encode(material).decode()}"


def cosignature(note: str, name: str, key: Ed25519PrivateKey, moment: int) -> str:
    """The signature line to add under the note; `moment` in POSIX seconds."""
    body = note.rpartition("\n\n")[0] + "\n"
    signed = key.sign(f"cosignature/v1\ntime {moment}\n{body}".encode())
    material = TYPE + key.public_key().public_bytes_raw()
    line = _key_id(name, material) + moment.to_bytes(8, "big") + signed
    return f"— {name} {base64.b64encode(line).decode()}\n"


def accept(note: str, log_key: str, before: str | None, proof: Callable[[int, int], list[str]]) -> None:
    """Raises WitnessRefuses unless the log signed `note` and its tree extends the one of `before`.

    `proof(first, size)` asks the log for a consistency proof, in base64 (RFC 9162 §2.1.4).
    """
    refused = verify.extension_refused(note, before, log_key, proof)
    if refused is not None:
        raise WitnessRefuses(f"{refused.fr} {refused.en}")


def visit(
    ask: Callable[[str, dict[str, Any] | None], bytes],
    log: str,
    log_key: str,
    name: str,
    key: Ed25519PrivateKey,
    state: Path,
) -> int:
    """Cosign the newest checkpoint; its size. `ask(path, body)` gets, or posts when there is a body.

    Raises WitnessRefuses, or what `ask` raises; run again, it posts again what was accepted before.
    """
    note = ask(f"/v1/log/checkpoint?{urlencode({'log': log})}", None).decode()
    note = "".join(note.partition("\n\n")[:2]) + note.partition("\n\n")[2].split("\n", 1)[0] + "\n"
    before = state.read_text(encoding="utf-8") if state.exists() else None

    def proof(first: int, size: int) -> list[str]:
        asked = urlencode({"log": log, "first": first, "size": size})
        found: list[str] = json.loads(ask(f"/v1/log/proofs/consistency?{asked}", None))["proof"]
        return found

    accept(note, log_key, before, proof)
    following = state.with_name(state.name + ".new")
    following.write_text(note, encoding="utf-8")
    following.replace(state)
    line = cosignature(note, name, key, int(time.time()))
    ask("/v1/log/cosignatures", {"log": log, "note": note + line})
    return int(note.split("\n")[1])


def line_to(url: str, token: str) -> Callable[[str, dict[str, Any] | None], bytes]:
    def ask(path: str, body: dict[str, Any] | None) -> bytes:
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(urljoin(url, path), data=sent)  # noqa: S310 -- the witness's own address
        request.add_header("Authorization", f"Bearer {token}")
        if sent is not None:
            request.add_header("Content-Type", "application/json")
            request.add_header("Idempotency-Key", hashlib.sha256(sent).hexdigest())
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 -- the same
            found: bytes = answer.read()
            return found

    return ask


def _key_id(name: str, material: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
