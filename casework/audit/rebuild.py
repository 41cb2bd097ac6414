"""The stored log held against its own signature: every leaf read again, or from where this process stood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.audit import queries
from casework.audit.errors import LogDoesNotMatch
from casework.audit.merkle import EMPTY_ROOT, MissingNode, fold, leaf_hash, peaks_of
from casework.audit.note import NoteRefused
from casework.kernel.language import Text

if TYPE_CHECKING:
    from casework.audit.merkle import Frontier
    from casework.audit.signer import LogName, LogSigner
    from casework.kernel.database import Session

BATCH = 5_000
"""Leaves in memory at once."""


def mismatch(log: LogName, fr: str, en: str) -> LogDoesNotMatch:
    return LogDoesNotMatch(
        Text(
            f"Journal « {log} » : {fr} Rien n'y sera ajouté. Comparez avec un point gardé ailleurs.",
            f"Log “{log}”: {en} Nothing will be added to it. Compare with a checkpoint kept elsewhere.",
        )
    )


async def published(session: Session, signer: LogSigner, log: LogName) -> tuple[int, bytes]:
    """Size and root of the newest checkpoint; LogDoesNotMatch unless it is ours and covers every entry."""
    checkpoint, entries = await queries.newest_state(session, log)
    stated = (0, EMPTY_ROOT)
    if checkpoint is not None:
        try:
            stated = signer.states(log, checkpoint.note)
        except NoteRefused:
            raise mismatch(
                log,
                "le dernier point de contrôle n'est pas signé par la clé configurée.",
                "the newest checkpoint is not signed by the configured key.",
            ) from None
        if stated != (checkpoint.size, checkpoint.root):
            raise _edited(log)
    if stated[0] != entries:
        raise mismatch(
            log,
            f"{entries} inscriptions, alors que le dernier point de contrôle en signe {stated[0]}.",
            f"{entries} entries, while the newest checkpoint signs {stated[0]}.",
        )
    return stated


async def read_on(session: Session, log: LogName, tree: Frontier, size: int) -> None:
    """Append to `tree` the next stored leaves, at most BATCH, none beyond `size`; raises LogDoesNotMatch."""
    leaves = await queries.leaves(session, log, tree.size, min(size, tree.size + BATCH))
    for index, body in leaves:
        if index != tree.size:
            break
        tree.append(leaf_hash(body.encode()))
    else:
        if leaves or tree.size == size:
            return
    raise mismatch(log, f"l'inscription {tree.size} manque.", f"entry {tree.size} is missing.")


def compare(log: LogName, tree: Frontier, stated: tuple[int, bytes]) -> None:
    """Raises LogDoesNotMatch unless the leaves read give the signed root."""
    if (tree.size, tree.root) != stated:
        raise mismatch(
            log,
            f"les {stated[0]} premières inscriptions ne redonnent pas la racine signée.",
            f"the first {stated[0]} entries do not rebuild the signed root.",
        )


async def compare_nodes(session: Session, log: LogName, stated: tuple[int, bytes]) -> None:
    """Raises LogDoesNotMatch unless the stored subtrees, the stuff of proofs, give the signed root too."""
    size, root = stated
    peaks = peaks_of(size)
    try:
        found = await queries.nodes(session, log, peaks)
    except MissingNode:
        raise _edited(log) from None
    if fold([found[peak] for peak in peaks]) != root:
        raise _edited(log)


def _edited(log: LogName) -> LogDoesNotMatch:
    return mismatch(
        log,
        "les sous-arbres ou la taille enregistrés contredisent le point de contrôle signé.",
        "the stored subtrees or size contradict the signed checkpoint.",
    )
