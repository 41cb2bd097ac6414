"""A pilot's figures, counted from its enrolments and from the milestones in the log, and published for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import queries as log
from casework.audit import trail
from casework.audit.signer import LogName
from casework.pilots import queries
from casework.pilots.errors import EvaluationNotPublished
from casework.pilots.figures import Counts, publishable
from casework.pilots.models import Cohort, PilotEvaluation

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session

# An arrival counts from the departure on; a milestone taken back counts for nothing. Of several answers to one
# check the last recorded is the person's. Whoever left the region is `left`; who could not be reached is `unknown`.
BOARDING = """
SELECT e.cohort_id, CASE WHEN e.departed_on IS NOT NULL THEN 'departed' WHEN e.status = 'enrolled' THEN 'waiting'
  ELSE e.status END, sum(e.persons)
FROM enrolments e WHERE e.pilot_id = %(pilot)s GROUP BY 1, 2
"""
ARRIVED = """
SELECT e.cohort_id, sum(e.persons) FROM enrolments e WHERE e.pilot_id = %(pilot)s AND {arrived} GROUP BY 1
"""
ANSWERED = """
SELECT cohort_id, substr(code, 11) || '_' || answer, count(*) FROM (
  SELECT DISTINCT ON (e.id, m.person_id, m.code) e.cohort_id, m.code,
    CASE WHEN m.outcome = 'done' THEN 'here' WHEN m.reason_code = 'left_region' THEN 'left'
      WHEN m.outcome = 'unknown' THEN 'unknown' END AS answer
  FROM enrolments e JOIN milestones m ON m.case_id = e.case_id
  WHERE e.pilot_id = %(pilot)s AND {arrived} AND m.person_id IS NOT NULL AND m.voided_at IS NULL
    AND m.code IN ('RETENTION_30', 'RETENTION_90', 'RETENTION_180', 'RETENTION_365')
    AND m.occurred_latest >= e.departed_on
  ORDER BY e.id, m.person_id, m.code, m.id DESC
) AS last WHERE answer IS NOT NULL GROUP BY 1, 2
"""
HAS_ARRIVED = (
    "e.departed_on IS NOT NULL AND EXISTS (SELECT 1 FROM milestones a WHERE a.case_id = e.case_id"
    " AND a.code IN ('REG_ARRIVAL', 'PR_ARRIVAL') AND a.outcome = 'done' AND a.voided_at IS NULL"
    " AND a.occurred_latest >= e.departed_on)"
)


async def publish(session: Session, caller: Caller, pilot_id: UUID) -> PilotEvaluation:
    """Count, keep the small cells back, and publish; what was published before stays. Raises NotFound."""
    pilot = await queries.pilot_to(session, pilot_id)
    cohorts = (
        await session.exec(select(Cohort).where(col(Cohort.pilot_id) == pilot.id).order_by(col(Cohort.id)))
    ).all()
    counts = await _counts(session, pilot.id, [str(cohort.id) for cohort in cohorts])
    totals, departures = publishable({name: one.cells() for name, one in counts.items()})
    newest = await log.checkpoint(session, LogName.milestones)
    evaluation = PilotEvaluation(
        pilot_id=pilot.id,
        figures={"total": totals, "departures": departures},
        log_size=newest.size if newest else 0,
        published_by=caller.actor_id,
    )
    session.add(evaluation)
    await session.flush()
    facts = {"pilot": str(pilot.id), "evaluation": str(evaluation.id), "log_size": evaluation.log_size}
    trail.record(session, caller, "pilot.evaluated", facts)
    return evaluation


async def _counts(session: Session, pilot_id: UUID, cohorts: list[str]) -> dict[str, Counts]:
    counts, asked = {cohort: Counts() for cohort in cohorts}, {"pilot": pilot_id}
    for cohort, state, persons in await session.rows(BOARDING, asked):
        counts[str(cohort)].boarding[state] += persons
    for cohort, persons in await session.rows(ARRIVED.format(arrived=HAS_ARRIVED), asked):
        counts[str(cohort)].arrived = persons
    for cohort, answer, persons in await session.rows(ANSWERED.format(arrived=HAS_ARRIVED), asked):
        counts[str(cohort)].answers[answer] = persons
    return counts


async def latest(session: Session, pilot_id: UUID) -> PilotEvaluation:
    """Raises NotFound or EvaluationNotPublished."""
    await queries.pilot_to(session, pilot_id)
    query = select(PilotEvaluation).where(col(PilotEvaluation.pilot_id) == pilot_id)
    found = (await session.exec(query.order_by(col(PilotEvaluation.id).desc()).limit(1))).first()
    if found is None:
        raise EvaluationNotPublished
    return found


def as_read(evaluation: PilotEvaluation) -> dict[str, Any]:
    departures = evaluation.figures["departures"]
    return {
        **evaluation.model_dump(exclude={"figures"}),
        "total": told(evaluation.figures["total"]),
        "departures": [{"cohort_id": name, "figures": cells and told(cells)} for name, cells in departures.items()],
    }


def told(cells: dict[str, int | None]) -> dict[str, Any]:
    """The checks apart from what led to them: `30_here` stands under `retention`, at 30 days."""
    plain = {name: persons for name, persons in cells.items() if not name[0].isdigit()}
    checks: dict[int, dict[str, Any]] = {}
    for name, persons in cells.items():
        if name[0].isdigit():
            days, _, answer = name.partition("_")
            checks.setdefault(int(days), {"days": int(days)})[answer] = persons
    return {**plain, "retention": [checks[days] for days in sorted(checks)]}
