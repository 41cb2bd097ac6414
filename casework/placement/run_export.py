"""A run of the database as a table or a page to read: what a person takes to a meeting, in place of the API's answer."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from casework.placement import runs
from casework.placement.run_page import Line, as_csv, as_page

if TYPE_CHECKING:
    from uuid import UUID

    from casework.kernel.database import Session
    from casework.placement.run_models import PlacementRun

TITLE = "Propositions de placement / Placement proposals"
# Those kept together share a label, hence a line; what is out of the reader's reach is not in it.
SHOWN = (
    "SELECT p.label, string_agg(c.reference, ' ' ORDER BY c.reference) FROM placement_proposals p"
    " JOIN cases c ON c.id = p.case_id WHERE p.run_id = %s GROUP BY p.label, CASE WHEN p.label IS NULL THEN p.id END"
    " ORDER BY p.label, 2"
)


class RunForm(StrEnum):
    json = "json"
    csv = "csv"
    html = "html"


MEDIA_TYPES = {RunForm.csv: "text/csv; charset=utf-8; header=present", RunForm.html: "text/html; charset=utf-8"}
CONTENT = {"text/csv": {"schema": {"type": "string"}}, "text/html": {"schema": {"type": "string"}}}


async def exported(session: Session, run: PlacementRun, form: RunForm) -> tuple[str, list[UUID]]:
    """The text, and the cases it shows. Raises RunNotFinished: a table without its certificate proves nothing."""
    certificate, cases = await runs.whole_certificate(session, run)
    lines = [_line(run, label, references) for label, references in await session.rows(SHOWN, (run.id,))]
    return (as_csv(lines) if form is RunForm.csv else as_page(lines, certificate, TITLE)), cases


def _line(run: PlacementRun, label: str | None, references: str) -> Line:
    """Left out of the model, a case has neither persons nor place here."""
    unit = next((case for case in run.inputs["cases"] if case["id"] == label), None)
    if unit is None:
        return Line(references, None, None, None, None)
    persons = unit["demand"][run.inputs["resources"].index("persons")]
    index = (run.result or {}).get("placed", {}).get(label)
    if index is None:
        return Line(references, persons, None, None, None)
    place: dict[str, Any] = run.inputs["place_facts"][index]
    return Line(references, persons, place["name"], place["region_code"], unit["scores"][index])
