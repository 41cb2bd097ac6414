"""One person's whole file, for that person: opened, third parties taken out, accounted for in the log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.authz.policy import Permission
from casework.cases.models import CLAIM_VOID_PLACE, CLOSE_REASON_PLACE, RECEIPT_PLACE, SOURCE_PLACE
from casework.following.models import NOTE_PLACE
from casework.kernel.problems import NotFound
from casework.milestones.queries import household_of, labels
from casework.placement import recommendations
from casework.placement.models import (
    END_PLACE,
    OBSERVATION_PLACE,
    REASON_PLACE,
    REVIEW_PLACE,
    WITHDRAW_PLACE,
    Recommendation,
)
from casework.privacy import queries
from casework.privacy.manifest import manifest, plain
from casework.privacy.redaction import Redactor, names_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey
    from casework.privacy.export_schemas import ExportRequest

FORMAT = "casework-subject-access/1"
# Free words of the case: they may tell of others, so names in them are masked.
FREE_WORDS = (
    "close_reason",
    "source",
    "reason",
    "withdraw_reason",
    "end_reason",
    "evidence",
    "note",
    "void_reason",
    "receipt",
    "text",
    "review",
)
# Where each sealed value stands (kernel/sealing.py), sealed under the person's key; in a row of the whole household,
# under the household's: written about everybody in it, so withheld from a single one.
SEALED = {
    "identifiers": {"value": "identifiers/sealed_value"},
    "representatives": {"representative": "representatives/sealed_representative"},
    "changes": {
        name: f"person_versions/sealed_{name}" for name in ("name", "birth", "contact", "description", "death")
    },
    "milestones": {name: f"milestones/sealed_{name}" for name in ("evidence", "note", "void_reason")},
    "notes": {"text": NOTE_PLACE},
}
# What those who decide told of the household, sealed under its key; a decision's reasons are released (A-2.1, s. 65.2).
TOLD = {
    "case": {"close_reason": CLOSE_REASON_PLACE},
    "claim_statuses": {"source": SOURCE_PLACE, "void_reason": CLAIM_VOID_PLACE},
    "address_notices": {"receipt": RECEIPT_PLACE},
    "observations": {"text": OBSERVATION_PLACE, "review": REVIEW_PLACE},
    "offers": {"reason": REASON_PLACE, "withdraw_reason": WITHDRAW_PLACE},
    "assignments": {"end_reason": END_PLACE},
}
INSTANTS = ("at", "recorded_at", "made_at", "created_at", "requested_at")


@dataclass(slots=True)
class Opening:
    """One person's file being opened: their key, and who must not show through."""

    person_id: UUID
    case_id: UUID
    key: SubjectKey
    household: SubjectKey
    person: dict[str, Any]
    redactor: Redactor
    others: int
    withheld: int = 0


async def export(session: Session, caller: Caller, person_id: UUID, wanted: ExportRequest) -> dict[str, Any]:
    """The export as plain JSON. Raises NotFound or SubjectErased."""
    opening = await _opened(session, person_id)
    session.about, session.about_case = opening.key, opening.case_id
    # On record before the file is read: the person finds this very reading in it.
    asking = replace(caller, purpose=wanted.purpose)
    await trail.record_read(session, asking, Permission.subject_access_export, [opening.case_id])
    rows = await queries.sections(session, person_id, opening.case_id)
    sections = {name: [_row(opening, name, row) for row in found] for name, found in rows.items()}
    content = plain(
        {
            "person": opening.person,
            "sections": sections,
            "recommendations": await _recommendations(session, opening.case_id),
            "redactions": {
                "other_members": opening.others,
                "words_masked": opening.redactor.masked,
                "words_withheld": opening.withheld,
            },
        }
    )
    counts = {
        **{name: len(found) for name, found in sections.items()},
        "recommendations": len(content["recommendations"]),
    }
    instants = [row.get(name) for found in rows.values() for row in found for name in INSTANTS]
    said = {
        **await manifest(session, FORMAT, content, counts, instants),
        "purpose": str(wanted.purpose), "reference": wanted.reference,
    }  # fmt: skip
    kept = {name: said[name] for name in ("id", "rows", "content_sha256", "purpose")}
    trail.record(session, caller, "subject_access.exported",
                 {**kept, "subject": opening.key.pseudonym("export", said["id"])})  # fmt: skip
    return {"manifest": said, **content}


async def _opened(session: Session, person_id: UUID) -> Opening:
    rows = await queries.named_rows(session, queries.PERSON, {"person": person_id})
    if not rows:
        raise NotFound
    key = await key_within_reach(session, person_id)
    [row] = rows
    person = {name: value for name, value in row.items() if not name.startswith("sealed_")}
    for field in ("name", "birth", "contact", "description", "death"):
        sealed = row[f"sealed_{field}"]
        person[field] = None if sealed is None else key.open(f"persons/sealed_{field}", person_id, sealed)
    others = [words async for words in _others(session, row["case_id"], person_id)]
    redactor = Redactor(names_of(person["name"]), (word for words in others for word in words))
    household = await key_within_reach(session, await household_of(session, row["case_id"]))
    return Opening(person_id, row["case_id"], key, household, person, redactor, len(others))


async def _others(session: Session, case_id: UUID, person_id: UUID) -> AsyncIterator[list[str]]:
    """Of each other member, the words that would give them away; none of them leaves this module."""
    for other, name, contact, *wrapped in await session.rows(queries.NAMES, {"case": case_id, "person": person_id}):
        key = session.keyring.unwrap(other, *wrapped)
        words = list(names_of(key.open("persons/sealed_name", other, name)))
        if contact is not None:
            words += [word for word in key.open("persons/sealed_contact", other, contact).values() if word]
        yield words


def _row(opening: Opening, section: str, row: dict[str, Any]) -> dict[str, Any]:
    shared = bool(row.get("whole_household"))
    shown = dict(_values(opening, section, row, shared))
    if section in {"milestones", "expectations"}:
        label = labels().get(row["code"])
        shown |= {"label_fr": label and label.fr, "label_en": label and label.en}
    return shown


def _values(opening: Opening, section: str, row: dict[str, Any], shared: bool) -> Iterator[tuple[str, Any]]:
    for name, stored in row.items():
        value = stored
        if stored is not None and (place := TOLD.get(section, {}).get(name)):
            value = opening.household.open(place, row["id"], stored)
        elif stored is not None and (place := SEALED.get(section, {}).get(name)):
            opening.withheld += shared
            value = None if shared else opening.key.open(place, row["id"], stored)
        yield name, opening.redactor.clean(value) if name in FREE_WORDS else value


async def _recommendations(session: Session, case_id: UUID) -> list[dict[str, Any]]:
    """Each as it was shown, with its reasons, in both languages (A-2.1, s. 65.2)."""
    query = select(Recommendation).where(col(Recommendation.case_id) == case_id).order_by(col(Recommendation.id))
    found = (await session.exec(query)).all()
    return [{"fr": recommendations.shown(one, "fr"), "en": recommendations.shown(one, "en")} for one in found]
