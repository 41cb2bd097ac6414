"""What a case is expected to reach, kept as rows so that a worklist is one indexed read."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from casework.authz.policy import FieldGroup, Permission, reach_of, sight
from casework.cases.lifecycle import ClaimStatus
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound
from casework.kernel.programme import Programme
from casework.milestones import queries, schedule
from casework.milestones.queries import ExpectedRow
from casework.milestones.reference import Anchor, Applies
from casework.milestones.schedule import Anchors, Expected, Member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.milestones.queries import PersonRow

# Which milestone the date printed on a claim document is the due date of (domain.md §2 [17]).
PRINTED: Final[Mapping[ClaimStatus, str]] = {
    ClaimStatus.referred: "FDA_FILED",
    ClaimStatus.hearing_scheduled: "HEARING",
    ClaimStatus.hearing_postponed: "HEARING",
}
NOT_FOR_ADULTS: Final = frozenset({Applies.school_age, Applies.preschool})

ADD = """
INSERT INTO milestone_expectations
  (id, case_id, office_id, region_code, code, person_id, anchor, due_on, certain, fulfilled_by)
SELECT row.id, %(case)s, %(office)s, %(region)s, row.code, row.person_id, row.anchor, row.due_on, row.certain,
  row.fulfilled_by
FROM unnest(%(ids)s::uuid[], %(codes)s::text[], %(people)s::uuid[], %(anchors)s::text[], %(due)s::date[],
  %(certain)s::boolean[], %(done)s::uuid[])
  AS row (id, code, person_id, anchor, due_on, certain, fulfilled_by)
ON CONFLICT (case_id, code, person_id) DO NOTHING
"""
MOVE = """
UPDATE milestone_expectations e SET due_on = row.due_on, certain = row.certain
FROM unnest(%(ids)s::uuid[], %(due)s::date[], %(certain)s::boolean[]) AS row (id, due_on, certain) WHERE e.id = row.id
"""


class Change(NamedTuple):
    """What a recomputation did, counted in expectations."""

    added: int
    moved: int
    withdrawn: int


async def refresh(session: Session, caller: Caller, case_id: UUID, *, first: bool = False) -> Change:
    """Make the rows say what the catalogue and the case's anchors now say. Raises NotFound.

    An anchor is the first of its kind, so that a transfer moves nothing; an anchor or a rule that was corrected
    moves what counts from it. What somebody has answered stays. A role that does not read the claim (a partner)
    touches what counts from the arrival, and nothing else. `first`: the case was opened in this transaction, so that
    nothing stands yet.
    """
    await session.flush()
    office_id, region_code, programme, anchors = await _anchored(session, caller, case_id)
    people = await queries.household_members(session, caller, case_id)
    printed = await _printed(session, caller, case_id, people)
    members = [Member(person.id, person.birth) for person in people]
    found = schedule.expectations(queries.catalogue(), programme, anchors, members, clock.today(), printed=printed)
    wanted = {(e.code, e.person_id): e for e in found if e.due_on is not None and _may_concern(e, people)}
    rows = {} if first else {row.key: row for row in await _rows(session, case_id)}
    new = [expected for key, expected in wanted.items() if key not in rows]
    if new:
        reach = {"case": case_id, "office": office_id, "region": region_code}
        done = {} if first else await standing(session, case_id)
        await session.rows(ADD, {**reach, **_columns(new, done)})
    moved = [(rows[key].id, e) for key, e in wanted.items() if key in rows and _differs(rows[key], e)]
    gone = [row.id for key, row in rows.items() if key not in wanted and _judged(row, anchors, members)]
    await _change(session, moved, gone)
    return Change(len(new), len(moved), len(gone))


async def open_cases(session: Session, after: UUID | None, limit: int) -> list[UUID]:
    """Within reach, oldest first."""
    sql = "SELECT id FROM cases WHERE status <> 'closed' AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT %(limit)s"
    return [found for (found,) in await session.rows(sql, {"after": after, "limit": limit})]


async def refresh_all(session: Session, caller: Caller, case_ids: Sequence[UUID]) -> Change:
    changes = [await refresh(session, caller, case_id) for case_id in case_ids]
    return Change(*(sum(counts) for counts in zip(*changes, strict=True))) if changes else Change(0, 0, 0)


async def _rows(session: Session, case_id: UUID) -> list[ExpectedRow]:
    sql = f"SELECT {', '.join(ExpectedRow._fields)} FROM milestone_expectations WHERE case_id = %s"
    return [ExpectedRow(*row) for row in await session.rows(sql, (case_id,))]


def _differs(row: ExpectedRow, expected: Expected) -> bool:
    return (row.due_on, row.certain) != (expected.due_on, expected.certain)


def _judged(row: ExpectedRow, anchors: Anchors, members: Sequence[Member]) -> bool:
    """Whether the caller knows enough to say that nobody expects this any more: its anchor, and its person."""
    known = anchors.of(Anchor(row.anchor)) is not None
    return known and row.fulfilled_by is None and row.person_id in {None, *(member.id for member in members)}


async def _change(session: Session, moved: Sequence[tuple[UUID, Expected]], gone: Sequence[UUID]) -> None:
    if moved:
        ids, expected = zip(*moved, strict=True)
        columns = {"due": [e.due_on for e in expected], "certain": [e.certain for e in expected]}
        await session.rows(MOVE, {"ids": list(ids), **columns})
    if gone:
        await session.rows("DELETE FROM milestone_expectations WHERE id = ANY(%s)", (list(gone),))


async def _anchored(session: Session, caller: Caller, case_id: UUID) -> tuple[UUID, str | None, Programme, Anchors]:
    sees_claim = sight(caller.person_role, FieldGroup.claim).whole
    columns = "claimed_on, offered_on, arrived_on, undertaking_on" if sees_claim else "NULL, NULL, arrived_on, NULL"
    rows = await session.rows(
        f"SELECT office_id, region_code, programme, {columns} FROM cases WHERE id = %s",
        (case_id,),
    )
    if not rows:
        raise NotFound
    office_id, region_code, programme, *days = rows[0]
    return office_id, region_code, Programme(programme), Anchors(*days)


async def _printed(
    session: Session, caller: Caller, case_id: UUID, people: Sequence[PersonRow]
) -> dict[tuple[str, UUID | None], date]:
    """The newest printed date of each milestone and member; read by those who keep the claim."""
    if reach_of(caller.role, Permission.case_update) is None:
        return {}
    rows = await session.rows(
        "SELECT status, person_id, printed_due_on FROM claim_statuses"
        " WHERE case_id = %s AND status = ANY(%s) AND printed_due_on IS NOT NULL AND voided_at IS NULL ORDER BY occurred_on, id",
        (case_id, [str(status) for status in PRINTED]),
    )
    # A status without a person is the whole household's.
    return {
        (PRINTED[ClaimStatus(status)], person.id): printed_on
        for status, person_id, printed_on in rows
        for person in people
        if person_id in {None, person.id}
    }


def _may_concern(expected: Expected, people: Sequence[PersonRow]) -> bool:
    """An adult whose birth date is unknown is no pupil and no toddler."""
    if expected.certain or expected.person_id not in {person.id for person in people if person.is_adult}:
        return True
    return not any(kind.code == expected.code and kind.applies_to in NOT_FOR_ADULTS for kind in queries.catalogue())


async def standing(session: Session, case_id: UUID) -> dict[tuple[str, UUID | None], UUID]:
    """The first milestone of each code and subject that was recorded and not voided."""
    rows = await session.rows(
        "SELECT code, person_id, id FROM milestones WHERE case_id = %s AND voided_at IS NULL ORDER BY id DESC",
        (case_id,),
    )
    return {(code, person_id): milestone_id for code, person_id, milestone_id in rows}


def _columns(some: Sequence[Expected], done: Mapping[tuple[str, UUID | None], UUID]) -> dict[str, list[Any]]:
    return {
        "ids": [new_id() for _ in some],
        "codes": [expected.code for expected in some],
        "people": [expected.person_id for expected in some],
        "anchors": [str(expected.anchor) for expected in some],
        "due": [expected.due_on for expected in some],
        "certain": [expected.certain for expected in some],
        "done": [done.get((expected.code, expected.person_id)) for expected in some],
    }


async def fulfil(session: Session, case_id: UUID, code: str, person_id: UUID | None, milestone_id: UUID) -> None:
    """Close the expectation that the milestone answers, if it is still open."""
    await session.rows(
        "UPDATE milestone_expectations SET fulfilled_by = %s WHERE case_id = %s AND code = %s"
        " AND person_id IS NOT DISTINCT FROM %s::uuid AND fulfilled_by IS NULL",
        (milestone_id, case_id, code, person_id),
    )


async def reopen(session: Session, case_id: UUID, milestone_id: UUID) -> None:
    """Take back what a voided milestone answered; another of its kind, still standing, answers instead."""
    await session.flush()
    answered = await session.rows(
        "SELECT code, person_id FROM milestone_expectations WHERE case_id = %s AND fulfilled_by = %s",
        (case_id, milestone_id),
    )
    if answered:
        other = (await standing(session, case_id)).get(answered[0])
        await session.rows(
            "UPDATE milestone_expectations SET fulfilled_by = %s WHERE case_id = %s AND fulfilled_by = %s",
            (other, case_id, milestone_id),
        )
