"""The auditable draw: a commitment before the list closes, a frozen list, one result that anybody can run again."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from casework.audit import trail
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import StaleVersion
from casework.sponsorship import draw as algorithm
from casework.sponsorship import errors, queries
from casework.sponsorship.models import SEED_PLACE, Draw, DrawStatus
from casework.sponsorship.reference import cap_of

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.sponsorship.schemas import DrawCreate


async def open_draw(session: Session, caller: Caller, wanted: DrawCreate) -> Draw:
    """A seed that nobody has seen, sealed, and its commitment for everybody to keep.

    Raises InvalidContent or DrawAlreadyOpen.
    """
    cap, source = _cap(wanted)
    if wanted.reserve > cap:
        raise errors.reserve_too_large()
    draw_id, seed = new_id(), secrets.token_bytes(algorithm.SEED_BYTES)
    key, wrapped = session.keyring.new_key(draw_id)
    opened = Draw(
        id=draw_id, year=wanted.year, pool=wanted.pool, cap=cap, reserve=wanted.reserve, cap_source=source,
        commitment=algorithm.commitment(seed), kek_id=session.keyring.current, wrapped=wrapped,
        sealed_seed=key.seal(SEED_PLACE, draw_id, seed.hex()),
    )  # fmt: skip
    await session.rows(queries.TAKE_LIST, (queries.LIST.format(year=wanted.year, pool=wanted.pool),))
    known = select(Draw.id).where(col(Draw.year) == wanted.year, col(Draw.pool) == wanted.pool)
    if (await session.exec(known)).first() is not None:
        raise errors.DrawAlreadyOpen
    session.add(opened)
    try:
        await session.flush()
    except IntegrityError as error:
        raise errors.DrawAlreadyOpen from error
    _tell(session, caller, opened, "draw.committed", commitment=opened.commitment, cap=cap, reserve=wanted.reserve)
    return opened


def _cap(wanted: DrawCreate) -> tuple[int, str]:
    """The published cap where there is one; otherwise the one stated, with its source."""
    published = cap_of(wanted.year, wanted.pool)
    if published is not None:
        if wanted.cap not in {None, published.cap} or wanted.cap_source is not None:
            raise errors.cap_contradicts()
        return published.cap, published.source
    if wanted.cap is None or wanted.cap_source is None:
        raise errors.cap_unknown()
    return wanted.cap, wanted.cap_source


async def freeze(session: Session, caller: Caller, draw_id: UUID, version: int) -> Draw:
    """Close the year's list: everybody submitted, in the order of their receipts, under one hash."""
    draw = await _stepping(session, draw_id, version, DrawStatus.committed)
    # After whoever is submitting at this moment, before whoever comes later.
    await session.rows(queries.TAKE_LIST, (queries.LIST.format(year=draw.year, pool=draw.pool),))
    listed = {"draw": draw.id, "year": draw.year, "categories": queries.categories_of(draw.pool)}
    await session.rows(queries.LISTED, listed)
    entries = queries.as_entries(await queries.entries_of(session, draw.id))
    listed_bytes = algorithm.list_bytes(str(draw.id), draw.cap, draw.reserve, entries)
    draw.status, draw.frozen_at, draw.entries = DrawStatus.frozen, clock.now(), len(entries)
    draw.list_sha256 = algorithm.list_hash(listed_bytes)
    await session.flush()
    _tell(session, caller, draw, "draw.frozen", list_sha256=draw.list_sha256, entries=len(entries))
    return draw


async def run(session: Session, caller: Caller, draw_id: UUID, version: int) -> Draw:
    """Once. Opens the seed, ranks everybody, and moves each undertaking to drawn or not drawn."""
    draw = await _stepping(session, draw_id, version, DrawStatus.frozen)
    key = session.keyring.unwrap(draw.id, draw.kek_id, draw.wrapped, draw.key_version)
    seed = bytes.fromhex(key.open(SEED_PLACE, draw.id, draw.sealed_seed))
    entries = queries.as_entries(await queries.entries_of(session, draw.id))
    assert draw.list_sha256 is not None, "a frozen list has its hash"
    result = algorithm.ranked(seed, draw.list_sha256, draw.cap, draw.reserve, entries)
    await queries.write_ranks(session, draw.id, result)
    now = clock.now()
    stepped = {"draw": draw.id, "at": now, "on": clock.today(), "by": caller.actor_id}
    await session.rows(queries.STEPPED, stepped)
    draw.status, draw.drawn_at, draw.seed = DrawStatus.drawn, now, seed.hex()
    draw.result_sha256 = algorithm.result_hash(result)
    await session.flush()
    _tell(session, caller, draw, "draw.drawn", seed=draw.seed, result_sha256=draw.result_sha256)
    return draw


async def _stepping(session: Session, draw_id: UUID, version: int, expected: DrawStatus) -> Draw:
    """Locked; raises NotFound, DrawStepNotPossible or StaleVersion."""
    draw = await queries.draw_to(session, draw_id, lock=True)
    if draw.status is not expected:
        raise errors.DrawStepNotPossible(draw_status=str(draw.status))
    if draw.version != version:
        raise StaleVersion
    draw.version += 1
    return draw


def _tell(session: Session, caller: Caller, draw: Draw, action: str, **facts: Any) -> None:
    trail.record(session, caller, action, {"draw": str(draw.id), "year": draw.year, "pool": str(draw.pool), **facts})


async def publication(session: Session, draw_id: UUID) -> dict[str, Any]:
    """Raises NotFound, or DrawStepNotPossible before the list is frozen."""
    draw = await queries.draw_to(session, draw_id)
    if draw.list_sha256 is None:
        raise errors.DrawStepNotPossible(draw_status=str(draw.status))
    entries = await queries.entries_of(session, draw.id)
    return {**draw.model_dump(), "draw_id": draw.id, "format": algorithm.FORMAT, "entries": entries}


async def verify(session: Session, draw_id: UUID) -> dict[str, Any]:
    """Run again from the rows as they stand. Raises NotFound, or DrawStepNotPossible before the draw."""
    draw = await queries.draw_to(session, draw_id)
    if draw.seed is None or draw.list_sha256 is None:
        raise errors.DrawStepNotPossible(draw_status=str(draw.status))
    rows = await queries.entries_of(session, draw.id)
    entries, seed = queries.as_entries(rows), bytes.fromhex(draw.seed)
    again = algorithm.ranked(seed, draw.list_sha256, draw.cap, draw.reserve, entries)
    standing = [(str(row["entry_id"]), row["rank"], row["drawn"]) for row in rows]
    listed = algorithm.list_bytes(str(draw.id), draw.cap, draw.reserve, entries)
    found = {
        "commitment_holds": algorithm.commitment(seed) == draw.commitment,
        "list_unchanged": algorithm.list_hash(listed) == draw.list_sha256,
        "result_equal": standing == [(one.entry.id, one.rank, one.drawn) for one in again]
        and algorithm.result_hash(again) == draw.result_sha256,
    }
    return {"draw_id": draw.id, "verified": all(found.values()), **found}
