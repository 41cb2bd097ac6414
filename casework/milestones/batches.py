"""Milestones told in one go by a partner that was offline: each line stands or falls alone, and counts once.

One transaction, one savepoint a line, in the order of the lines: what is answered is stored, and a batch that was cut
short is sent again whole. A line's `external_id` is its client's own id: told twice, it is stored once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psycopg
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from casework.audit import trail
from casework.kernel.faults import from_validation
from casework.kernel.handlers import problem_of
from casework.kernel.problems import AlreadyExists, DatabaseAway, Problem, SubjectErased
from casework.milestones import queries, reading, service
from casework.milestones.schemas import MilestoneLine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.milestones.queries import RecordedRow

LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


class Result(StrEnum):
    recorded = "recorded"
    already_recorded = "already_recorded"
    refused = "refused"


class Mode(StrEnum):
    """Whether one refused line leaves the others standing."""

    best_effort = "best_effort"
    all_or_nothing = "all_or_nothing"


class Line(NamedTuple):
    """What became of one line; `id` is None when nothing is stored."""

    number: int
    result: Result
    id: UUID | None = None
    problem: Problem | None = None


class Undone(Exception):
    def __init__(self, report: list[Line]) -> None:
        super().__init__()
        self.report = report


async def record_batch(
    session: Session,
    caller: Caller,
    lines: Sequence[Any],
    unreadable: Mapping[int, Problem],
    mode: Mode,
    *,
    dry_run: bool,
) -> list[Line]:
    """One batch of an organization at a time; raises ConcurrentChange when the one before it takes too long."""
    scope = service.scope_of(caller)
    await session.rows(LOCK, (f"milestone-batch/{scope}",))
    try:
        report = await _all(session, caller, lines, unreadable, mode, dry_run=dry_run)
    except Undone as undone:
        report = [one if one.result is Result.already_recorded else one._replace(id=None) for one in undone.report]
    # The answer is about several people: it is kept under none of their keys, and says nothing of them.
    session.about = session.about_case = None
    if not dry_run:
        trail.record(session, caller, "milestone_batch.received", {"mode": str(mode), **counted(report)})
    return report


async def _all(
    session: Session,
    caller: Caller,
    lines: Sequence[Any],
    unreadable: Mapping[int, Problem],
    mode: Mode,
    *,
    dry_run: bool,
) -> list[Line]:
    """Raises Undone, with what the lines came to, when nothing of them is to stand."""
    async with session.attempt():
        report = [
            await _recorded(session, caller, number, unreadable.get(number) or line)
            for number, line in enumerate(lines, 1)
        ]
        if dry_run or (mode is Mode.all_or_nothing and any(one.problem for one in report)):
            raise Undone(report)
    return report


def counted(report: Sequence[Line]) -> dict[str, int]:
    stored = [one for one in report if one.id is not None]
    return {
        "lines": len(report),
        "recorded": sum(one.result is Result.recorded for one in stored),
        "already_recorded": sum(one.result is Result.already_recorded for one in stored),
        "refused": sum(one.result is Result.refused for one in report),
    }


async def _recorded(session: Session, caller: Caller, number: int, line: Any) -> Line:
    try:
        async with session.attempt():
            return await _told(session, caller, number, line)
    except Problem as problem:
        return Line(number, Result.refused, problem=problem)
    except (DBAPIError, psycopg.Error) as error:
        refusal = problem_of(error)
        if isinstance(refusal, DatabaseAway):
            raise
        return Line(number, Result.refused, problem=refusal)


async def _told(session: Session, caller: Caller, number: int, line: Any) -> Line:
    if isinstance(line, Problem):
        raise line
    try:
        wanted = MilestoneLine.model_validate(line)
    except ValidationError as error:
        raise from_validation([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None
    known = await queries.recorded_as(session, caller, service.scope_of(caller), wanted.external_id)
    if known is not None:
        if not _same(session, known, wanted):
            raise AlreadyExists
        return Line(number, Result.already_recorded, known.id)
    milestone = await service.record_milestone(session, caller, wanted.case_id, wanted)
    return Line(number, Result.recorded, milestone.id)


def _same(session: Session, known: RecordedRow, wanted: MilestoneLine) -> bool:
    """Whether the row says what the line says; raises SubjectErased when its words are gone."""
    if known.kek_id is None:
        raise SubjectErased
    reference, note, _ = reading.words(session, known)
    evidence = wanted.evidence
    told = (wanted.case_id, wanted.person_id, wanted.code, wanted.outcome, wanted.reason_code, wanted.occurred_on.value,
            evidence and evidence.kind, evidence and evidence.reference, wanted.note)  # fmt: skip
    return told == (known.case_id, known.person_id, known.code, known.outcome, known.reason_code, known.occurred_on,
                    known.evidence_kind, reference, note)  # fmt: skip
