"""Set-wise reads and writes of a draw, in hand-written SQL; row security stands behind each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import and_, col, or_, select

from casework.kernel import clock
from casework.kernel.problems import NotFound, StaleVersion
from casework.sponsorship.draw import Entry
from casework.sponsorship.lifecycle import ENDED, SETTLING, Category, Pool
from casework.sponsorship.models import Draw, Sponsor, SponsorMember, Undertaking
from casework.sponsorship.schemas import ReportFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from uuid import UUID

    from sqlalchemy import ColumnElement

    from casework.kernel.database import Session
    from casework.sponsorship.draw import Ranked

# Outside the metropolis by both measures (domain.md §4: CMM and RMR differ); what nobody could source is no yes.
PLACE_ON = """
SELECT r.region_code, (SELECT count(DISTINCT f.flag) = 2 FROM municipality_flags f WHERE f.geo_code = r.geo_code
  AND f.flag IN ('in_cmm', 'in_cma_montreal') AND f.value = 'no'
  AND f.valid_from <= %(on)s AND (f.valid_to IS NULL OR f.valid_to >= %(on)s))
FROM municipality_regions r WHERE r.geo_code = %(geo)s AND r.valid_from <= %(on)s
  AND (r.valid_to IS NULL OR r.valid_to >= %(on)s)
"""
# Submissions share the year's list; whoever freezes it has it alone.
LIST = "draw-list/{year}/{pool}"
SHARE_LIST = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
TAKE_LIST = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
LISTED = """
INSERT INTO draw_entries (draw_id, entry_id, regional) SELECT %(draw)s, entry_id, regional FROM undertakings
WHERE year = %(year)s AND state = 'submitted' AND category = ANY(%(categories)s)
"""
ENTRIES = "SELECT entry_id, regional, rank, drawn FROM draw_entries WHERE draw_id = %s ORDER BY rank, entry_id"
RANKED = """
UPDATE draw_entries e SET rank = r.rank, drawn = r.drawn
FROM unnest(%(ids)s::uuid[], %(ranks)s::int[], %(drawn)s::bool[]) AS r (entry_id, rank, drawn)
WHERE e.draw_id = %(draw)s AND e.entry_id = r.entry_id
"""
# One that was withdrawn after the list closed keeps its rank and takes no step: the list is not the person's to change.
STEPPED = """
WITH stepped AS (
  UPDATE undertakings u SET state = CASE WHEN e.drawn THEN 'drawn' ELSE 'not_drawn' END, drawn_at = %(at)s,
    version = version + 1
  FROM draw_entries e WHERE e.draw_id = %(draw)s AND e.entry_id = u.entry_id AND u.state = 'submitted'
  RETURNING u.id, u.spokesperson_id, u.region_code, u.state
)
INSERT INTO undertaking_events (id, undertaking_id, spokesperson_id, region_code, state, occurred_on, recorded_at,
  recorded_by)
SELECT gen_random_uuid(), id, spokesperson_id, region_code, state, %(on)s, %(at)s, %(by)s FROM stepped
"""


async def place_on(session: Session, geo_code: str, on: date) -> tuple[str, bool] | None:
    """(region, whether it lies outside the metropolis); None where the municipality is not known that day."""
    rows = await session.rows(PLACE_ON, {"geo": geo_code, "on": on})
    return (rows[0][0], rows[0][1]) if rows else None


async def sponsor_to(session: Session, sponsor_id: UUID, version: int | None = None) -> Sponsor:
    """Locked; raises NotFound or StaleVersion."""
    found = (await session.exec(select(Sponsor).where(col(Sponsor.id) == sponsor_id).with_for_update())).first()
    if found is None:
        raise NotFound
    if version is not None and found.version != version:
        raise StaleVersion
    return found


async def members_of(session: Session, sponsor_ids: Iterable[UUID]) -> Sequence[SponsorMember]:
    query = select(SponsorMember).where(col(SponsorMember.sponsor_id).in_(list(sponsor_ids)))
    return (await session.exec(query.order_by(col(SponsorMember.id)))).all()


async def standing_undertakings(session: Session, sponsor_ids: Iterable[UUID]) -> Sequence[Undertaking]:
    """Those that somebody may still answer for."""
    query = select(Undertaking).where(
        col(Undertaking.sponsor_id).in_(list(sponsor_ids)), col(Undertaking.state).not_in(list(ENDED))
    )
    return (await session.exec(query.order_by(col(Undertaking.id)))).all()


async def undertaking_to(session: Session, undertaking_id: UUID, *, lock: bool = False) -> Undertaking:
    """Raises NotFound."""
    query = select(Undertaking).where(col(Undertaking.id) == undertaking_id)
    found = (await session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound
    return found


async def visible_cases(session: Session, undertakings: Iterable[Undertaking]) -> set[UUID]:
    """Of the households' cases, those within the caller's reach."""
    asked = [one.household_case_id for one in undertakings if one.household_case_id is not None]
    if not asked:
        return set()
    return {row[0] for row in await session.rows("SELECT id FROM cases WHERE id = ANY(%s)", (asked,))}


def reports_that(asked: ReportFilter) -> ColumnElement[bool]:
    one, two = col(Undertaking.report1_due_on), col(Undertaking.report2_due_on)
    first, second = col(Undertaking.report1_received_on), col(Undertaking.report2_received_on)
    standing = col(Undertaking.state).in_(list(SETTLING))
    if asked is ReportFilter.received:
        return second.is_not(None)
    if asked is ReportFilter.due:
        return and_(standing, one.is_not(None), second.is_(None))
    today = clock.today()
    return and_(standing, or_(and_(first.is_(None), one < today), and_(second.is_(None), two < today)))


async def draw_to(session: Session, draw_id: UUID, *, lock: bool = False) -> Draw:
    """Raises NotFound."""
    query = select(Draw).where(col(Draw.id) == draw_id)
    found = (await session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound
    return found


async def list_closed(session: Session, year: int, pool: Pool) -> bool:
    query = select(Draw.id).where(col(Draw.year) == year, col(Draw.pool) == pool, col(Draw.list_sha256).is_not(None))
    return (await session.exec(query)).first() is not None


def categories_of(pool: Pool) -> list[str]:
    return [str(category) for category in Category if (category is Category.group) == (pool is Pool.groups)]


async def entries_of(session: Session, draw_id: UUID) -> list[dict[str, object]]:
    """By rank once drawn, by id before."""
    names = ("entry_id", "regional", "rank", "drawn")
    return [dict(zip(names, row, strict=True)) for row in await session.rows(ENTRIES, (draw_id,))]


def as_entries(rows: Iterable[dict[str, object]]) -> list[Entry]:
    return [Entry(str(row["entry_id"]), bool(row["regional"])) for row in rows]


async def write_ranks(session: Session, draw_id: UUID, result: Sequence[Ranked]) -> None:
    named = {
        "draw": draw_id, "ids": [one.entry.id for one in result], "ranks": [one.rank for one in result],
        "drawn": [one.drawn for one in result],
    }  # fmt: skip
    await session.rows(RANKED, named)
