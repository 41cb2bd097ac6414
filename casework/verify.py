"""Check an export of the milestone log, offline. Standard library and `cryptography` only.

    python verify.py FILE... --key KEY [--checkpoint NOTE] [--complete] [--witness KEY]... [--quorum N]
                     [--json] [--lang fr|en]

This module imports nothing of Casework and shares no code with the server: a verifier that shared the
server's code would share its mistakes. Copy this one file to a machine you trust and run it there.

What is needed, and why
    KEY         the log's verifier key, or a file with one per line (`#` begins a comment), obtained from the
                operator by another road than the export. CASEWORK_LOG_KEY is read when --key is absent.
                Without a key every report is refused: a key found inside the file proves nothing.
    NOTE        a checkpoint you kept from an earlier visit, as a file. Only what you kept outside
                the operator's reach shows that the past was not rewritten and signed again.
    --witness   a witness's verifier key (C2SP tlog-cosignature, `cosignature/v1`: Ed25519, type 0x04), or a file of
                them, obtained from the witness itself; may be repeated. At least --quorum of them (all, when it is
                absent) must have cosigned NOTE when it is given, else the export's checkpoint. A wrong
                cosignature by one of them refuses all.
    --complete  refuse an extract: demand every entry from the first to the checkpoint's last.

Export format `casework-milestone-log/1`
    UTF-8, no byte order mark, lines ended by one LF (the last one too), no blank line. Every line is the
    RFC 8785 (canonical JSON) form of one object: keys sorted, no white space, no escape that is not needed.
    Keys are ASCII. Values are objects, arrays, strings, integers (absolute value below 2**53), booleans and
    null: no fraction, no exponent. Nesting at most 32 deep, a line at most 2 MiB.

    A page is one manifest line followed by `count` entry lines. An export is one or more pages in order. The
    files given are read as if concatenated, so pages fetched one by one, or put in one file, are one export.

    Manifest line, exactly these keys:
        type            "manifest"
        format          "casework-milestone-log/1"
        origin          the log's name; equals the checkpoint's first line
        size            tree size; equals the checkpoint's second line
        checkpoint      the whole signed note (C2SP signed-note and tlog-checkpoint, Ed25519), signed at least
                        by a pinned key whose name is the origin
        filter          {} for all entries of a range, else the server's statement of what it selected
        first           with filter {}: index of the page's first entry (the next one due, if it has none);
                        with a filter: no index of the page is below it
        count           number of entry lines of this page
        entries_sha256  lowercase hex SHA-256 over the bytes of the page's entry lines, newlines included
        consistency     optional: {"from": size of an older checkpoint, "proof": [base64, ...]} (RFC 9162
                        2.1.4), wanted when an extract is compared with an older retained checkpoint
        signature       base64 of key id (4 bytes) and Ed25519 signature by the log's key, over: the origin,
                        "/manifest", LF, the RFC 8785 form of the manifest without `signature`, LF
    The manifests of one export differ only in first, count, entries_sha256 and signature.

    Entry line:
        index           position of the leaf in the tree, from 0
        leaf            the committed object; leaf hash = SHA-256(0x00 || RFC 8785 form of leaf)
        proof           inclusion proof against the checkpoint (RFC 9162 2.1.3), base64 strings, leaf to root;
                        required in an extract, optional (and checked) in a complete export
        case, ...       view fields: any other key except "type"

    Complete export: filter {}, from index 0, total count = size. The entries must rebuild the signed root:
    integrity, order and completeness. Extract: anything else. Each entry is proven to stand at its index;
    with filter {} none is missing inside the range.

What this does not prove
    View fields (the case pseudonym of the mandate, and any key beside index, leaf and proof) and `filter` are
    not committed by the tree. The manifest's signature keeps them from being changed after the operator gave
    them; it does not prove that the operator gave the truth, nor that an extract holds all that its filter
    describes. Signatures of keys you did not pin (witnesses without --witness) are ignored.
    Entries after the newest checkpoint you retain rest on the operator's signature alone.

Exit status: 0 accepted, 1 refused, 2 wrong usage or unreadable file or key.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import io
import json
import os
import re
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FORMAT = "casework-milestone-log/1"
KEY_VARIABLE = "CASEWORK_LOG_KEY"
MAX_LINE_BYTES = 2 << 20
MAX_NOTE_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1
MAX_PROBLEMS = 20
SIGNATURE_BYTES = 4 + 64
EMPTY_ROOT = hashlib.sha256(b"").digest()

_PAGE_KEYS = {"first", "count", "entries_sha256", "signature"}
_MANIFEST_KEYS = {"type", "format", "origin", "size", "checkpoint", "filter", *_PAGE_KEYS}
_USAGE_CODES = {"unreadable", "no_file", "key_malformed", "witness_malformed", "quorum_malformed"}
_LOG_TYPE, _COSIGNATURE_TYPE = 1, 4
_COSIGNATURE_BYTES = 4 + 8 + 64

SENTENCES: dict[str, tuple[str, str]] = {
    # usage
    "no_file": ("Aucun fichier à vérifier.", "No file to verify."),
    "unreadable": ("Impossible de lire {name}.", "Cannot read {name}."),
    "key_malformed": (
        "La clé donnée n'est ni une clé de vérification valable ni un fichier qui en contient.",
        "The key given is neither a valid verifier key nor a file that holds one.",
    ),
    "witness_malformed": (
        "La clé de témoin donnée n'est ni une clé de cosignature valable ni un fichier qui en contient.",
        "The witness key given is neither a valid cosignature key nor a file that holds one.",
    ),
    "quorum_malformed": (
        "Le quorum va de 1 au nombre de témoins donnés ({due}).",
        "The quorum goes from 1 to the number of witnesses given ({due}).",
    ),
    # key and checkpoint
    "unpinned_key": (
        "Aucune clé n'est donnée : sans une clé obtenue par une autre voie, rien n'est prouvé.",
        "No key is given: without a key obtained by another road, nothing is proven.",
    ),
    "note_malformed": (
        "Le point de contrôle n'est pas une note signée valable.",
        "The checkpoint is not a valid signed note.",
    ),
    "signature_unknown": (
        "Aucune signature du point de contrôle n'est d'une clé donnée.",
        "No signature of the checkpoint is by a given key.",
    ),
    "signature_wrong": (
        "La signature du point de contrôle par {name} est fausse.",
        "The checkpoint's signature by {name} is wrong.",
    ),
    "manifest_unsigned": (
        "Le manifeste de la page n'est pas signé, tel qu'il est, par la clé du journal : il a été modifié.",
        "The page's manifest is not signed, as it stands, by the log's key: it was changed.",
    ),
    "origin_not_key": (
        "Le point de contrôle du journal {name} n'est pas signé par la clé de ce journal.",
        "The checkpoint of log {name} is not signed by that log's key.",
    ),
    # lines
    "line_long": ("La ligne dépasse 2 Mio.", "The line is longer than 2 MiB."),
    "no_newline": (
        "Le fichier s'arrête au milieu d'une ligne : la fin de ligne manque.",
        "The file stops inside a line: its newline is missing.",
    ),
    "line_ending": (
        "La ligne finit par CR LF ; le format veut LF seul.",
        "The line ends with CR LF; the format wants LF alone.",
    ),
    "blank_line": ("La ligne est vide.", "The line is blank."),
    "utf8": ("La ligne n'est pas en UTF-8.", "The line is not UTF-8."),
    "json": ("La ligne n'est pas un objet JSON.", "The line is not a JSON object."),
    "json_number": (
        "La ligne porte un nombre que le format exclut (fraction, exposant, NaN ou plus de 53 bits).",
        "The line holds a number the format excludes (fraction, exponent, NaN or more than 53 bits).",
    ),
    "json_key": (
        "La clé JSON {name} est répétée ou n'est pas en ASCII.",
        "The JSON key {name} is repeated or not ASCII.",
    ),
    "json_depth": ("La ligne est imbriquée trop profondément.", "The line is nested too deep."),
    "not_canonical": (
        "La ligne n'est pas sous sa forme canonique (RFC 8785).",
        "The line is not in its canonical form (RFC 8785).",
    ),
    "line_type": (
        "La ligne est d'un type inconnu : {name}.",
        "The line is of an unknown type: {name}.",
    ),
    "too_many": ("Trop de problèmes : la lecture s'arrête ici.", "Too many problems: reading stops here."),
    # manifest
    "no_manifest": (
        "L'export ne commence pas par un manifeste.",
        "The export does not begin with a manifest.",
    ),
    "manifest_malformed": (
        "Le champ {name} du manifeste manque, est de trop ou a une valeur exclue.",
        "The manifest's field {name} is missing, unexpected or has an excluded value.",
    ),
    "manifest_checkpoint": (
        "Le champ {name} du manifeste contredit le point de contrôle signé.",
        "The manifest's field {name} contradicts the signed checkpoint.",
    ),
    "page_differs": (
        "Cette page n'est pas du même export : son manifeste diffère de celui de la première.",
        "This page is not of the same export: its manifest differs from the first one's.",
    ),
    "page_gap": (
        "Cette page commence à {found} ; la précédente mène à {due}.",
        "This page begins at {found}; the one before leads to {due}.",
    ),
    "entries_digest": (
        "Les inscriptions de cette page n'ont pas l'empreinte SHA-256 que dit le manifeste.",
        "The entries of this page do not have the SHA-256 digest the manifest states.",
    ),
    "entries_count": (
        "La page tient {found} inscriptions ; le manifeste en dit {due}.",
        "The page holds {found} entries; the manifest states {due}.",
    ),
    # entries
    "entry_malformed": (
        "Le champ {name} de l'inscription manque ou a une valeur exclue.",
        "The entry's field {name} is missing or has an excluded value.",
    ),
    "index_duplicate": ("L'inscription {found} est répétée.", "Entry {found} is repeated."),
    "index_order": (
        "L'inscription {found} vient où {due} était due : l'ordre est rompu.",
        "Entry {found} comes where {due} was due: the order is broken.",
    ),
    "index_gap": (
        "L'inscription {found} vient où {due} était due : il en manque.",
        "Entry {found} comes where {due} was due: some are missing.",
    ),
    "index_beyond": (
        "L'inscription {found} dépasse le journal, qui en compte {due}.",
        "Entry {found} is beyond the log, which has {due}.",
    ),
    "proof_wrong": (
        "La preuve de l'inscription {found} ne mène pas à la racine signée.",
        "The proof of entry {found} does not lead to the signed root.",
    ),
    "proof_missing": (
        "Cette inscription d'un extrait n'a pas de preuve.",
        "This entry of an extract has no proof.",
    ),
    # the whole
    "incomplete": (
        "Le fichier tient {found} inscriptions sur {due}.",
        "The file holds {found} of {due} entries.",
    ),
    "root_mismatch": (
        "Les inscriptions ne redonnent pas la racine signée : le contenu ou l'ordre a changé.",
        "The entries do not rebuild the signed root: content or order has changed.",
    ),
    # the retained checkpoint
    "retained_origin": (
        "Le point de contrôle conservé est d'un autre journal.",
        "The retained checkpoint is of another log.",
    ),
    "rollback": (
        (
            "Le journal a reculé : {found} inscriptions, alors que le point conservé en compte {due}. S'il a été pris après "
            "l'export, exportez de nouveau : un journal honnête ne fait que grandir."
        ),
        (
            "The log was rolled back: {found} entries, while the retained checkpoint has {due}. If you took it after the "
            "export, export again: an honest log only grows."
        ),
    ),
    "retained_fork": (
        "Le passé a été réécrit : les {due} premières inscriptions ne sont plus celles du point conservé.",
        "The past was rewritten: the first {due} entries are no longer those of the retained checkpoint.",
    ),
    "consistency_missing": (
        "L'extrait n'apporte pas de preuve de cohérence depuis le point conservé (taille {due}).",
        "The extract brings no consistency proof from the retained checkpoint (size {due}).",
    ),
    "consistency_wrong": (
        "La preuve de cohérence depuis la taille {due} est fausse.",
        "The consistency proof from size {due} is wrong.",
    ),
    # witnesses
    "cosignature_wrong": (
        "La cosignature du témoin {name} est fausse.",
        "The cosignature by witness {name} is wrong.",
    ),
    "witnesses_few": (
        "Le point de contrôle porte {found} cosignatures des témoins donnés ; il en faut {due}.",
        "The checkpoint bears {found} cosignatures of the witnesses given; {due} are needed.",
    ),
    # notices: what an accepted export says, and what it does not
    "is_complete": (
        "Journal complet : les {due} inscriptions redonnent la racine signée.",
        "Complete log: the {due} entries rebuild the signed root.",
    ),
    "is_range": (
        "Plage : {found} inscriptions à partir de {first}, sans trou, chacune prouvée, sur {due}.",
        "Range: {found} entries from {first} on, without a gap, each proven, of {due}.",
    ),
    "is_extract": (
        "Extrait : {found} inscriptions prouvées sur {due}. Rien ne prouve que le filtre n'a rien omis.",
        "Extract: {found} proven entries of {due}. Nothing proves that the filter left nothing out.",
    ),
    "nothing_retained": (
        "Aucun point conservé n'est comparé : une réécriture signée par l'exploitant ne se verrait pas.",
        "No retained checkpoint is compared: a rewrite signed by the operator would not be seen.",
    ),
    "is_witnessed": (
        "{found} des témoins donnés ont cosigné le point de contrôle de taille {due}.",
        "{found} of the witnesses given cosigned the checkpoint of size {due}.",
    ),
    "after_retained": (
        "Les {found} inscriptions après le point conservé reposent sur la seule signature de l'exploitant.",
        "The {found} entries after the retained checkpoint rest on the operator's signature alone.",
    ),
    "view_fields": (
        "Les champs hors « leaf » (dont le pseudonyme du dossier) ne sont couverts que par l'empreinte.",
        "Fields outside “leaf” (the case pseudonym among them) are covered by the digest only.",
    ),
}


@dataclass(frozen=True)
class Finding:
    """One sentence about one place. Line 0: the whole input, or an option."""

    code: str
    file: str
    line: int
    fr: str
    en: str


@dataclass
class Report:
    """`size`, `root` (base64) and `origin` are set only once a pinned key vouched for them."""

    ok: bool = False
    complete: bool = False
    entries: int = 0
    size: int | None = None
    root: str | None = None
    origin: str | None = None
    problems: list[Finding] = field(default_factory=list)
    notices: list[Finding] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        if any(problem.code in _USAGE_CODES for problem in self.problems):
            return 2
        return 0 if self.ok else 1


def verify_files(
    paths: Sequence[str | Path],
    checkpoint: str | None = None,
    key: str | None = None,
    *,
    require_complete: bool = False,
    witnesses: Sequence[str] = (),
    quorum: int | None = None,
) -> Report:
    """Verify one export, given as its files in order. Never raises on their content.

    `checkpoint`: a retained note, as text (it holds a newline) or as a file's path. `key`: a verifier key, or
    the path of a file of them; when None, the environment's CASEWORK_LOG_KEY. `witnesses`: as keys, each the text of
    cosignature keys or the path of a file of them; `quorum` None stands for all of them.
    """
    run = _Run(require_complete=require_complete)
    try:
        run.keys = _pinned_keys(key or os.environ.get(KEY_VARIABLE))
        run.place = ("--checkpoint", 0)
        run.retained_note = _retained_note(checkpoint)
        run.retained = _open_checkpoint(run.retained_note, run.keys) if run.retained_note is not None else None
        run.place = ("--witness", 0)
        run.witnesses, run.quorum = _witnesses(witnesses, quorum)
    except _Refused as refusal:
        run.refuse(refusal)
        return run.report
    if not run.keys:
        run.place = ("--key", 0)
        run.refuse(_Refused("unpinned_key"))
    run.read([str(path) for path in paths])
    run.conclude()
    return run.report


def extension_refused(
    newer: str, older: str | None, key: str, proof: Callable[[int, int], Sequence[str]]
) -> Finding | None:
    """Why the checkpoint `newer` may not follow `older`, for one who keeps checkpoints without the entries; or None.

    `proof(first, size)` is asked for the consistency proof in base64 (RFC 9162 2.1.4), only when there is one to give.
    """
    if not key:
        return _Refused("unpinned_key").at(("", 0))
    try:
        keys = _pinned_keys(key)
        new = _open_checkpoint(newer, keys)
        if older is not None:
            _check_follows(new, _open_checkpoint(older, keys), proof)
    except _Refused as refusal:
        return refusal.at(("", 0))
    return None


def _check_follows(new: _Checkpoint, old: _Checkpoint, proof: Callable[[int, int], Sequence[str]]) -> None:
    if new.origin != old.origin:
        raise _Refused("retained_origin")
    if new.size < old.size:
        raise _Refused("rollback", found=new.size, due=old.size)
    if new.size == old.size and new.root != old.root:
        raise _Refused("retained_fork", due=old.size)
    if old.size in {new.size, 0}:  # the empty tree begins every tree
        return
    hashes = _hashes(proof(old.size, new.size)) or []
    if _implied_roots(old.root, old.size, new.size, hashes) != (old.root, new.root):
        raise _Refused("consistency_wrong", due=old.size)


# --- refusals ---------------------------------------------------------------------------------------------


class _Refused(Exception):
    """One problem. `fatal`: what follows cannot be judged."""

    def __init__(self, code: str, *, fatal: bool = False, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.fatal = fatal
        self.values = values

    def at(self, place: tuple[str, int]) -> Finding:
        shown = {name: _shown(value) for name, value in self.values.items()}
        fr, en = (sentence.format(**shown) for sentence in SENTENCES[self.code])
        return Finding(self.code, *place, fr, en)


def _shown(value: object) -> str:
    """Hostile text reaches a terminal here: escaped, and cut."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


# --- hashing (RFC 9162, written from its recursive definitions) ---------------------------------------------


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class _Tree:
    """A tree built leaf by leaf; keeps one hash per complete subtree of its right edge."""

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        level = 0
        while self._stack and self._stack[-1][0] == level:
            leaf = _node(self._stack.pop()[1], leaf)
            level += 1
        self._stack.append((level, leaf))
        self.size += 1

    def root(self) -> bytes:
        hashes = [digest for _, digest in self._stack] or [EMPTY_ROOT]
        root = hashes.pop()
        while hashes:
            root = _node(hashes.pop(), root)
        return root


def _split(size: int) -> int:
    """The largest power of two below `size` (at least 2): where RFC 9162 2.1.1 cuts a tree."""
    return 1 << ((size - 1).bit_length() - 1)


def _implied_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that PATH (2.1.3.1), read backwards, gives; None if the proof has another length."""
    if size == 1 or not proof:
        return leaf if size == 1 and not proof else None
    *rest, sibling = proof
    middle = _split(size)
    if index < middle:
        below = _implied_root(leaf, index, middle, rest)
        return below and _node(below, sibling)
    below = _implied_root(leaf, index - middle, size - middle, rest)
    return below and _node(sibling, below)


def _implied_roots(old: bytes | None, first: int, size: int, proof: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The two roots that SUBPROOF (2.1.4.1), read backwards, gives; None if the proof has another length.

    `old` is the root of `first` leaves while the left edge was not left (b = true), then None.
    """
    if first == size:
        expected = 0 if old else 1
        known = old or (proof[0] if proof else None)
        return (known, known) if known and len(proof) == expected else None
    if not proof:
        return None
    *rest, sibling = proof
    middle = _split(size)
    if first <= middle:
        below = _implied_roots(old, first, middle, rest)
        return below and (below[0], _node(below[1], sibling))
    below = _implied_roots(None, first - middle, size - middle, rest)
    return below and (_node(sibling, below[0]), _node(sibling, below[1]))


# --- keys, notes, checkpoints -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Key:
    name: str
    key_id: bytes
    public_key: Ed25519PublicKey


@dataclass(frozen=True)
class _Checkpoint:
    origin: str
    size: int
    root: bytes


_VKEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)")
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+=*)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")
_HEX64 = re.compile(r"[0-9a-f]{64}")


def _base64(text: str) -> bytes | None:
    """Canonical standard base64, or None."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if base64.b64encode(value).decode() == text else None


def _hashes(values: object) -> list[bytes] | None:
    """Base64 texts of 32 bytes each, at most 64 of them, or None."""
    if not isinstance(values, list) or len(values) > 64:
        return None
    hashes: list[bytes] = []
    for value in values:
        digest = _base64(value) if isinstance(value, str) else None
        if digest is None or len(digest) != 32:
            return None
        hashes.append(digest)
    return hashes


def _pinned_keys(value: str | None, kind: int = _LOG_TYPE, refusal: str = "key_malformed") -> list[_Key]:
    if not value:
        return []
    keys = _keys_in(value, kind)
    if keys is None:
        try:
            keys = _keys_in(_small_file(value).decode(), kind)
        except (OSError, ValueError):
            keys = None
    if not keys:
        raise _Refused(refusal)
    return keys


def _keys_in(text: str, kind: int) -> list[_Key] | None:
    lines = [line.strip() for line in text.splitlines()]
    keys = [_key(line, kind) for line in lines if line and not line.startswith("#")]
    return None if None in keys else [key for key in keys if key]


def _witnesses(values: Sequence[str], quorum: int | None) -> tuple[list[_Key], int]:
    """The witnesses' keys and how many of them are needed; one key is one witness, under however many names."""
    keys = [key for value in values for key in _pinned_keys(value or "+", _COSIGNATURE_TYPE, "witness_malformed")]
    known = len({key.public_key.public_bytes_raw() for key in keys})
    needed = known if quorum is None else quorum
    if quorum is not None and not 1 <= quorum <= known:
        raise _Refused("quorum_malformed", due=known)
    return keys, needed


def _cosigners(text: str, witnesses: Sequence[_Key]) -> int:
    """How many of the witnesses cosigned this note (C2SP tlog-cosignature); a wrong one refuses it."""
    body, signatures = _note_parts(text)
    found: set[bytes] = set()
    for name, signature in signatures:
        for key in witnesses:
            if (key.name, key.key_id) != (name, signature[:4]):
                continue
            moment = int.from_bytes(signature[4:12], "big")
            message = f"cosignature/v1\ntime {moment}\n{body}"
            try:
                key.public_key.verify(signature[12:], message.encode())
            except (InvalidSignature, UnicodeEncodeError):
                raise _Refused("cosignature_wrong", name=name) from None
            if len(signature) != _COSIGNATURE_BYTES or moment >= 1 << 63:
                raise _Refused("cosignature_wrong", name=name)
            found.add(key.public_key.public_bytes_raw())
    return len(found)


def _key(text: str, kind: int = _LOG_TYPE) -> _Key | None:
    match = _VKEY.fullmatch(text)
    material = _base64(match[3]) if match else None
    if not match or not material or len(material) != 33 or material[0] != kind:
        return None
    try:
        key_id = hashlib.sha256(match[1].encode() + b"\n" + material).digest()[:4]
    except UnicodeEncodeError:
        return None
    if key_id.hex() != match[2]:
        return None
    return _Key(match[1], key_id, Ed25519PublicKey.from_public_bytes(material[1:]))


def _small_file(path: str) -> bytes:
    with Path(path).open("rb") as stream:
        return stream.read(MAX_NOTE_BYTES + 1)


def _retained_note(value: str | None) -> str | None:
    if value is None or "\n" in value:
        return value
    try:
        return _small_file(value).decode()
    except UnicodeDecodeError:
        raise _Refused("note_malformed") from None
    except (OSError, ValueError):
        raise _Refused("unreadable", name=value) from None


def _open_checkpoint(text: str, keys: Sequence[_Key]) -> _Checkpoint:
    """The checkpoint, signed by a pinned key that bears the log's own name. Without keys, as it claims."""
    body, signatures = _note_parts(text)
    checkpoint = _checkpoint(body)
    if not keys:
        return checkpoint
    names = _vouching(body, signatures, keys)
    if not names:
        raise _Refused("signature_unknown")
    if checkpoint.origin not in names:
        raise _Refused("origin_not_key", name=checkpoint.origin)
    return checkpoint


def _note_parts(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Body, and each signature line's name and bytes (key id, then signature)."""
    body, separator, block = text.rpartition("\n\n")
    if not separator or not block.endswith("\n") or len(text) > MAX_NOTE_BYTES or _CONTROL.search(text):
        raise _Refused("note_malformed")
    signatures: list[tuple[str, bytes]] = []
    for line in block[:-1].split("\n"):
        match = _SIGNATURE.fullmatch(line)
        signature = _base64(match[2]) if match else None
        if not match or not signature or len(signature) < 5:
            raise _Refused("note_malformed")
        signatures.append((match[1], signature))
    return body + "\n", signatures


def _checkpoint(body: str) -> _Checkpoint:
    lines = body[:-1].split("\n")
    if len(lines) < 3 or not all(lines) or not _DECIMAL.fullmatch(lines[1]):
        raise _Refused("note_malformed")
    size, root = int(lines[1]), _base64(lines[2])
    if size > MAX_INTEGER or root is None or len(root) != 32 or (size == 0 and root != EMPTY_ROOT):
        raise _Refused("note_malformed")
    return _Checkpoint(lines[0], size, root)


def _vouching(body: str, signatures: Sequence[tuple[str, bytes]], keys: Sequence[_Key]) -> set[str]:
    """Names of the pinned keys that signed; a wrong signature under a pinned key refuses the note."""
    names: set[str] = set()
    for name, signature in signatures:
        for key in keys:
            if (key.name, key.key_id) != (name, signature[:4]):
                continue
            try:
                key.public_key.verify(signature[4:], body.encode())
            except (InvalidSignature, UnicodeEncodeError):
                raise _Refused("signature_wrong", name=name) from None
            names.add(name)
    return names


# --- lines --------------------------------------------------------------------------------------------------


def _lines(path: str) -> Iterator[bytes]:
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 - closed by the `with` below; only opening is guarded
    except (OSError, ValueError):  # ValueError: a NUL in the path
        raise _Refused("unreadable", fatal=True, name=path) from None
    with stream:
        while raw := stream.readline(MAX_LINE_BYTES + 1):
            yield raw


def _record(raw: bytes) -> dict[str, Any]:
    """The object of one line, which must be exactly its canonical form."""
    if len(raw) > MAX_LINE_BYTES:
        raise _Refused("line_long", fatal=True)
    if not raw.endswith(b"\n"):
        raise _Refused("no_newline")
    if raw.endswith(b"\r\n"):
        raise _Refused("line_ending")
    if not raw.strip():
        raise _Refused("blank_line")
    record = _parsed(raw)
    if not isinstance(record, dict):
        raise _Refused("json")
    if _canonical(record) + b"\n" != raw:
        raise _Refused("not_canonical")
    return record


def _parsed(raw: bytes) -> object:
    try:
        value: object = json.loads(
            raw.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
    except UnicodeDecodeError:
        raise _Refused("utf8") from None
    except RecursionError:
        raise _Refused("json_depth") from None
    except ValueError:
        raise _Refused("json") from None
    # Counting brackets costs nothing and spares the walk for every ordinary line.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        _check_depth(value, MAX_DEPTH)
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record: dict[str, object] = {}
    for name, value in pairs:
        if name in record or not name.isascii():
            raise _Refused("json_key", name=name)
        record[name] = value
    return record


def _integer(text: str) -> int:
    # Length first: converting a million digits is itself an attack.
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise _Refused("json_number")
    return int(text)


def _no_number(_: str) -> object:
    raise _Refused("json_number")


def _check_depth(value: object, left: int) -> None:
    if not isinstance(value, dict | list):
        return
    if left == 0:
        raise _Refused("json_depth")
    for child in value.values() if isinstance(value, dict) else value:
        _check_depth(child, left - 1)


def _canonical(value: object) -> bytes:
    """RFC 8785 for what the format allows: ASCII keys have one order, integers are printed one way."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate came in as an escape
        raise _Refused("utf8") from None


def _natural(value: object) -> TypeGuard[int]:
    return type(value) is int and value >= 0


# --- the export ---------------------------------------------------------------------------------------------


class _Page:
    """What one manifest says of its own entry lines, and what was read of them."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.first: int = record["first"]
        self.count: int = record["count"]
        self.entries_sha256: str = record["entries_sha256"]
        self.found = 0
        self.digest = hashlib.sha256()

    def take(self, raw: bytes) -> None:
        self.found += 1
        self.digest.update(raw)


def _check_manifest(record: dict[str, Any]) -> None:
    unexpected = (record.keys() ^ _MANIFEST_KEYS) - {"consistency"}
    checks = {
        "format": lambda value: value == FORMAT,
        "origin": lambda value: isinstance(value, str),
        "checkpoint": lambda value: isinstance(value, str),
        "size": _natural,
        "first": _natural,
        "count": _natural,
        "filter": lambda value: isinstance(value, dict),
        "entries_sha256": lambda value: isinstance(value, str) and _HEX64.fullmatch(value) is not None,
        "signature": lambda value: isinstance(value, str) and len(_base64(value) or b"") == SIGNATURE_BYTES,
        "consistency": _is_consistency,
    }
    wrong = [name for name, check in checks.items() if name in record and not check(record[name])]
    for name in sorted(unexpected) + wrong:
        raise _Refused("manifest_malformed", fatal=True, name=name)
    if record["first"] + record["count"] > record["size"]:
        raise _Refused("manifest_malformed", fatal=True, name="count")
    if "consistency" in record and record["consistency"]["from"] > record["size"]:
        raise _Refused("manifest_malformed", fatal=True, name="consistency")


def _check_manifest_signature(record: dict[str, Any], keys: Sequence[_Key]) -> None:
    """Raises unless the key that bears the log's name signed this manifest as it stands."""
    signature = _base64(record["signature"]) or b""
    unsigned = {name: value for name, value in record.items() if name != "signature"}
    body = f"{record['origin']}/manifest\n{_canonical(unsigned).decode()}\n"
    try:
        names = _vouching(body, [(record["origin"], signature)], keys)
    except _Refused:
        names = set()
    if not names:
        raise _Refused("manifest_unsigned", fatal=True)


def _is_consistency(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {"from", "proof"}:
        return False
    return _natural(value["from"]) and value["from"] > 0 and _hashes(value["proof"]) is not None


class _Run:
    """One verification: what is pinned, what was read so far, what is reported."""

    def __init__(self, *, require_complete: bool) -> None:
        self.require_complete = require_complete
        self.keys: list[_Key] = []
        self.retained: _Checkpoint | None = None
        self.retained_note: str | None = None
        self.witnesses: list[_Key] = []
        self.quorum = 0
        self.report = Report()
        self.place = ("--key", 0)
        self.stopped = False
        self.manifest: dict[str, Any] = {}
        self.checkpoint: _Checkpoint | None = None
        self.page: _Page | None = None
        self.due = 0  # the lowest index the next entry may have
        self.last = -1  # the index read last
        self.unproven: tuple[str, int] | None = None
        self.tree = _Tree()
        self.old_roots: dict[int, bytes | None] = {}

    def refuse(self, refusal: _Refused, place: tuple[str, int] | None = None) -> None:
        self.report.problems.append(refusal.at(place or self.place))
        self.stopped = self.stopped or refusal.fatal

    def notice(self, code: str, **values: object) -> None:
        self.report.notices.append(_Refused(code, fatal=False, **values).at(("", 0)))

    # reading

    def read(self, paths: Sequence[str]) -> None:
        if not paths:
            self.refuse(_Refused("no_file", fatal=True), ("", 0))
        for path in paths:
            self.place = (path, 0)
            try:
                self._read_file(path)
            except OSError:
                self.refuse(_Refused("unreadable", fatal=True, name=path))
            except _Refused as refusal:
                self.refuse(refusal)
            if self.stopped:
                return

    def _read_file(self, path: str) -> None:
        for number, raw in enumerate(_lines(path), start=1):
            self.place = (path, number)
            try:
                self._take(raw)
            except _Refused as refusal:
                self.refuse(refusal)
            if len(self.report.problems) >= MAX_PROBLEMS:
                raise _Refused("too_many", fatal=True)
            if self.stopped:
                return

    def _take(self, raw: bytes) -> None:
        record: dict[str, Any] = {}
        try:
            record = _record(raw)
        finally:
            # A line that cannot be read still counts, and still changes the page's digest.
            if self.page and record.get("type") != "manifest":
                self.page.take(raw)
        if record.get("type") == "manifest":
            self._open_page(record)
        elif self.checkpoint is None:
            raise _Refused("no_manifest", fatal=True)
        elif "type" in record:
            raise _Refused("line_type", name=record["type"])
        else:
            self._entry(record, self.checkpoint)

    def _open_page(self, record: dict[str, Any]) -> None:
        self._close_page()
        _check_manifest(record)
        if self.checkpoint is None:
            self._open_export(record)
        elif _shared(record) != _shared(self.manifest):
            raise _Refused("page_differs", fatal=True)
        elif record["first"] < self.due or (not record["filter"] and record["first"] != self.due):
            raise _Refused("page_gap", fatal=True, found=record["first"], due=self.due)
        if self.keys:
            _check_manifest_signature(record, self.keys)
        self.page = _Page(record)
        self.due = self.page.first

    def _open_export(self, record: dict[str, Any]) -> None:
        try:
            checkpoint = _open_checkpoint(record["checkpoint"], self.keys)
        except _Refused as refusal:
            refusal.fatal = True
            raise
        for name, signed in (("origin", checkpoint.origin), ("size", checkpoint.size)):
            if record[name] != signed:
                raise _Refused("manifest_checkpoint", fatal=True, name=name)
        self.manifest, self.checkpoint = record, checkpoint
        if self.retained:
            self.old_roots[self.retained.size] = None
        if "consistency" in record:
            self.old_roots[record["consistency"]["from"]] = None
        if self.keys:
            report = self.report
            report.origin, report.size = checkpoint.origin, checkpoint.size
            report.root = base64.b64encode(checkpoint.root).decode()
        self._note_root()

    def _close_page(self) -> None:
        if self.page is None:
            return
        if self.page.found != self.page.count:
            self.refuse(_Refused("entries_count", found=self.page.found, due=self.page.count))
        if self.page.digest.hexdigest() != self.page.entries_sha256:
            self.refuse(_Refused("entries_digest"))
        self.page = None

    # entries

    def _entry(self, record: dict[str, Any], checkpoint: _Checkpoint) -> None:
        self.report.entries += 1
        index, leaf = record.get("index"), record.get("leaf")
        if not _natural(index):
            raise _Refused("entry_malformed", name="index")
        if not isinstance(leaf, dict):
            raise _Refused("entry_malformed", name="leaf")
        self._check_order(index, checkpoint.size)
        leaf_hash = hashlib.sha256(b"\x00" + _canonical(leaf)).digest()
        self.tree.add(leaf_hash)
        self._note_root()
        if "proof" not in record:
            self.unproven = self.unproven or self.place
            return
        proof = _hashes(record["proof"])
        if proof is None:
            raise _Refused("entry_malformed", name="proof")
        if _implied_root(leaf_hash, index, checkpoint.size, proof) != checkpoint.root:
            raise _Refused("proof_wrong", found=index)

    def _check_order(self, index: int, size: int) -> None:
        due, last = self.due, self.last
        self.due, self.last = max(due, index + 1), index
        if index >= size:
            raise _Refused("index_beyond", found=index, due=size)
        if index == last:
            raise _Refused("index_duplicate", found=index)
        if index < due:
            raise _Refused("index_order", found=index, due=due)
        if index > due and not self.manifest["filter"]:
            raise _Refused("index_gap", found=index, due=due)

    def _note_root(self) -> None:
        if self.tree.size in self.old_roots:
            self.old_roots[self.tree.size] = self.tree.root()

    # the whole

    def conclude(self) -> None:
        if not self.stopped:
            self._close_page()
        if self.checkpoint is None:
            if not self.stopped:
                self.refuse(_Refused("no_manifest"))
            return
        self.place = ("", 0)
        for check in (self._check_whole, self._check_retained, self._check_witnesses):
            try:
                check(self.checkpoint)
            except _Refused as refusal:
                self.refuse(refusal)
        self.report.ok = not self.report.problems
        self.report.complete = self.report.complete and self.report.ok
        if self.report.ok:
            self._say_what_it_proves(self.checkpoint)

    def _check_whole(self, checkpoint: _Checkpoint) -> None:
        """Complete export or proven extract; not judged once a line, a page or the key was refused."""
        if self.stopped or self.report.problems:
            return
        found, start, is_range = self.report.entries, self.manifest["first"], not self.manifest["filter"]
        nothing = found == 0 and start < checkpoint.size
        cut = start == 0 and self.unproven is not None  # a complete export that lost its end
        if is_range and found == checkpoint.size:
            self._check_complete(checkpoint)
        elif self.require_complete or (is_range and (nothing or cut)):
            raise _Refused("incomplete", found=found, due=checkpoint.size)
        elif self.unproven:
            self.refuse(_Refused("proof_missing"), self.unproven)

    def _check_complete(self, checkpoint: _Checkpoint) -> None:
        if self.tree.root() != checkpoint.root:
            raise _Refused("root_mismatch")
        self.report.complete = True
        claimed = self.manifest.get("consistency")
        if claimed:
            self._check_consistency(checkpoint, self.old_roots[claimed["from"]])

    def _check_consistency(self, checkpoint: _Checkpoint, old_root: bytes | None) -> None:
        """The manifest's own consistency proof, from a root known by another road."""
        size, proof = self.manifest["consistency"]["from"], _hashes(self.manifest["consistency"]["proof"])
        if _implied_roots(old_root, size, checkpoint.size, proof or []) != (old_root, checkpoint.root):
            raise _Refused("consistency_wrong", due=size)

    def _check_retained(self, checkpoint: _Checkpoint) -> None:
        retained = self.retained
        if retained is None:
            return
        if retained.origin != checkpoint.origin:
            raise _Refused("retained_origin")
        if retained.size > checkpoint.size:
            raise _Refused("rollback", found=checkpoint.size, due=retained.size)
        if retained.size == checkpoint.size:
            then: bytes | None = checkpoint.root
        elif self.report.complete:
            then = self.old_roots[retained.size]
        else:
            self._check_extension(checkpoint, retained)
            return
        if then != retained.root:
            raise _Refused("retained_fork", due=retained.size)

    def _check_extension(self, checkpoint: _Checkpoint, retained: _Checkpoint) -> None:
        """An extract cannot rebuild the old root: its manifest must prove that the new tree extends it."""
        if self.report.problems or retained.size == 0:  # the empty tree begins every tree
            return
        if self.manifest.get("consistency", {}).get("from") != retained.size:
            raise _Refused("consistency_missing", due=retained.size)
        self._check_consistency(checkpoint, retained.root)

    def _check_witnesses(self, checkpoint: _Checkpoint) -> None:
        """The witnesses vouch for what the auditor retained, else for the export's own checkpoint."""
        if not self.witnesses:
            return
        found = _cosigners(self.retained_note or str(self.manifest["checkpoint"]), self.witnesses)
        if found < self.quorum:
            raise _Refused("witnesses_few", found=found, due=self.quorum)
        self.notice("is_witnessed", found=found, due=(self.retained or checkpoint).size)

    def _say_what_it_proves(self, checkpoint: _Checkpoint) -> None:
        if self.report.complete:
            self.notice("is_complete", due=checkpoint.size)
        elif self.manifest["filter"]:
            self.notice("is_extract", found=self.report.entries, due=checkpoint.size)
        else:
            self.notice("is_range", found=self.report.entries, first=self.manifest["first"], due=checkpoint.size)
        if self.retained is None:
            self.notice("nothing_retained")
        elif self.retained.size < checkpoint.size:
            self.notice("after_retained", found=checkpoint.size - self.retained.size)
        self.notice("view_fields")


def _shared(record: dict[str, Any]) -> bytes:
    """What all manifests of one export have in common."""
    return _canonical({name: value for name, value in record.items() if name not in _PAGE_KEYS})


# --- command line -------------------------------------------------------------------------------------------


def as_text(report: Report, language: str = "fr") -> str:
    """The verdict, where each problem stands, and what the verdict does not say."""
    french = language != "en"
    accepted, refused = ("ACCEPTÉ", "REFUSÉ") if french else ("ACCEPTED", "REFUSED")
    lines = [accepted if report.ok else refused]
    if report.origin is not None:
        labels = ("Journal", "taille", "racine") if french else ("Log", "size", "root")
        values = (_shown(report.origin), report.size, report.root)
        lines.append(", ".join(f"{label} {value}" for label, value in zip(labels, values, strict=True)))
    for finding in report.problems + report.notices:
        # The reader gave the path and needs it whole: escaped like all that reaches a terminal, never cut.
        place = ":".join([repr(finding.file)[1:-1], str(finding.line)]) if finding.line else finding.file
        sentence = finding.fr if french else finding.en
        code = f"[{finding.code}] " if finding in report.problems else ""
        lines.append(f"{place}: {code}{sentence}" if place else f"{code}{sentence}")
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> str:
    return json.dumps(asdict(report), indent=2) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack the accents, or the letters of a path
        sys.stdout.reconfigure(errors="replace")
    try:
        options = _parser().parse_args(argv)
    except SystemExit as stop:  # --help, or a usage error argparse has already told
        return stop.code if isinstance(stop.code, int) else 2
    report = verify_files(
        options.files,
        options.checkpoint,
        options.key,
        require_complete=options.complete,
        witnesses=options.witness,
        quorum=options.quorum,
    )
    sys.stdout.write(as_json(report) if options.json else as_text(report, options.lang or _language()))
    return report.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="verify",
        description="Vérifie hors ligne un export du journal des jalons. / Checks a log export offline.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "files",
        nargs="+",
        metavar="FILE",
        help="export, ou ses pages dans l'ordre / the export, or its pages",
    )
    add("--checkpoint", metavar="NOTE", help="point de contrôle conservé / retained checkpoint")
    add("--key", metavar="KEY", help=f"clé ou fichier de clés / key or key file (or {KEY_VARIABLE})")
    add("--witness", metavar="KEY", action="append", default=[], help="clé d'un témoin / a witness's key")
    add("--quorum", metavar="N", type=int, help="témoins requis, tous par défaut / witnesses needed, all by default")
    add("--complete", action="store_true", help="refuser un extrait / refuse an extract")
    add("--json", action="store_true", help="rapport en JSON / report as JSON")
    add("--lang", choices=("fr", "en"), help="langue des messages / language of the messages")
    return parser


def _language() -> str:
    """French unless the environment asks for English; same precedence as POSIX locales."""
    settings = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    chosen = next((value for value in settings if value), "")
    return "en" if chosen.startswith("en") else "fr"


if __name__ == "__main__":
    sys.exit(main())
