"""Proofs made from the stored subtrees, for any past size of a log."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from casework.audit import merkle, queries
from casework.audit.errors import NothingPublishedYet, SizeNotPublished
from casework.audit.schemas import ConsistencyProof, InclusionProof
from casework.kernel.language import Text
from casework.kernel.problems import Fault, MalformedRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from casework.audit.signer import LogName
    from casework.kernel.database import Session

PROOFS_AT_ONCE = 250


async def published(session: Session, log: LogName, size: int | None = None) -> queries.Checkpoint:
    """The newest checkpoint, or the one of exactly `size`; raises NothingPublishedYet or SizeNotPublished."""
    found = await queries.checkpoint(session, log, size)
    if found is None:
        raise NothingPublishedYet if size is None else SizeNotPublished
    return found


async def inclusion(session: Session, log: LogName, index: int, size: int) -> InclusionProof:
    """Raises SizeNotPublished beyond the newest checkpoint, MalformedRequest when there is no such leaf."""
    await _refuse_unpublished(session, log, size)
    if index >= size:
        raise beyond("index", size)
    [path] = await inclusion_proofs(session, log, [index], size)
    leaf = await queries.nodes(session, log, [(0, index)])
    return InclusionProof(
        log=log, index=index, size=size, leaf_hash=_text(leaf[0, index]), proof=path,
        root=_text(await _root(session, log, size)),
    )  # fmt: skip


async def consistency(session: Session, log: LogName, first: int, size: int) -> ConsistencyProof:
    """Raises as `inclusion`."""
    await _refuse_unpublished(session, log, size)
    proof = await consistency_proof(session, log, first, size)
    return ConsistencyProof(
        log=log, first=first, size=size, first_root=_text(await _root(session, log, first)), proof=proof,
        root=_text(await _root(session, log, size)),
    )  # fmt: skip


async def inclusion_proofs(session: Session, log: LogName, indexes: Sequence[int], size: int) -> list[list[str]]:
    """One proof for each index. In batches: a large page must not hold the event loop."""
    found: list[list[str]] = []
    for start in range(0, len(indexes), PROOFS_AT_ONCE):
        plans = [merkle.inclusion_plan(index, size) for index in indexes[start : start + PROOFS_AT_ONCE]]
        nodes = await queries.nodes(session, log, [node for plan in plans for node in merkle.nodes_of(plan)])
        found += [_texts(merkle.assemble(plan, nodes)) for plan in plans]
    return found


async def consistency_proof(session: Session, log: LogName, first: int, size: int) -> list[str]:
    if first > size:
        raise beyond("first", size)
    plan = merkle.consistency_plan(first, size)
    return _texts(merkle.assemble(plan, await queries.nodes(session, log, merkle.nodes_of(plan))))


def beyond(parameter: str, size: int) -> MalformedRequest:
    text = Text(f"L'arbre compte {size} inscriptions.", f"The tree has {size} entries.")
    return MalformedRequest(errors=[Fault(text, "beyond_tree", parameter=parameter)])


async def _refuse_unpublished(session: Session, log: LogName, size: int) -> None:
    if size > (await published(session, log)).size:
        raise SizeNotPublished


async def _root(session: Session, log: LogName, size: int) -> bytes:
    peaks = merkle.peaks_of(size)
    found = await queries.nodes(session, log, peaks)
    return merkle.fold([found[peak] for peak in peaks])


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _texts(digests: Iterable[bytes]) -> list[str]:
    return [_text(digest) for digest in digests]
