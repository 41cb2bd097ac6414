"""What happened to a case, in the order in which it occurred, each event with the instant at which it was recorded.

One statement over the tables that the reader's role may read; row security keeps out the rows it may not see, and the
text of nothing is shown: an event says what happened, its own resource says the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from casework.authz.policy import FieldGroup, Permission, Role, reach_of, sight
from casework.authz.shields import NOT_OF_THE_CLAIM
from casework.kernel.language import Language, Text
from casework.kernel.problems import NotFound
from casework.milestones.queries import labels

if TYPE_CHECKING:
    from uuid import UUID

    from casework.kernel.database import Session

_DAY = "({} AT TIME ZONE 'America/Toronto')::date"


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one table as events: its kind, the day it occurred, the instant it was recorded, a code, a person.

    Shown to the roles that hold the permission and see the whole group.
    """

    kind: str
    title: Text
    table: str
    occurred: str
    recorded: str
    permission: Permission = Permission.case_read
    group: FieldGroup | None = None
    code: str = "NULL"
    person: str = "NULL::uuid"
    where: str = "true"
    veiled: tuple[FieldGroup, str] | None = None

    def shown_to(self, role: Role) -> bool:
        held = reach_of(role, self.permission) is not None
        return held and (self.group is None or sight(role, self.group).whole)

    def sql(self, role: Role) -> str:
        owner = "x.id" if self.table == "cases" else "x.case_id"
        veil = self.veiled[1] if self.veiled and not sight(role, self.veiled[0]).whole else "true"
        return (
            f"SELECT {self.occurred} AS occurred_on, {self.recorded} AS recorded_at, x.id, '{self.kind}' AS kind,"
            f" {self.code} AS code, {self.person} AS person_id FROM {self.table} x"
            f" WHERE {owner} = %(case)s AND ({self.where}) AND ({veil})"
        )


def _at(column: str) -> str:
    return _DAY.format(f"x.{column}")


def _step(kind: str, fr: str, en: str, occurred: str, recorded: str, where: str) -> Source:
    return Source(kind, Text(fr, en), "assignments", occurred, recorded, Permission.assignment_read, where=where)


_P, _G = Permission, FieldGroup
# A milestone known to the month or the year stands at the latest day it can be.
_WHEN = "coalesce(x.occurred_latest, (x.recorded_at AT TIME ZONE 'America/Toronto')::date)"
SOURCES: Final[tuple[Source, ...]] = (
    Source("case_opened", Text("Dossier ouvert", "Case opened"), "cases", _at("created_at"), "x.created_at",
           code="x.programme"),
    Source("case_closed", Text("Dossier fermé", "Case closed"), "cases", _at("closed_at"), "x.closed_at",
           where="x.closed_at IS NOT NULL"),
    Source("member_joined", Text("Membre du ménage", "Member of the household"), "memberships", "x.starts_on",
           "(SELECT p.created_at FROM persons p WHERE p.id = x.person_id)", code="x.relation", person="x.person_id"),
    Source("member_left", Text("A quitté le ménage", "Left the household"), "memberships", "x.ends_on",
           "x.ends_on::timestamp AT TIME ZONE 'America/Toronto'", code="x.relation", person="x.person_id",
           where="x.ends_on IS NOT NULL"),
    Source("claim_status", Text("État de la demande d'asile", "Status of the claim"), "claim_statuses", "x.occurred_on",
           "x.recorded_at", _P.claim_status_read, _G.claim, "x.status", "x.person_id", "x.voided_at IS NULL"),
    Source("consent", Text("Consentement donné", "Consent given"), "consents", "x.occurred_on", "x.recorded_at",
           group=_G.consents, code="x.purpose", person="x.person_id", where="x.given"),
    Source("consent_refused", Text("Consentement refusé ou retiré", "Consent refused or withdrawn"), "consents",
           "x.occurred_on", "x.recorded_at", group=_G.consents, code="x.purpose", person="x.person_id",
           where="NOT x.given"),
    Source("needs", Text("Besoins dits", "Needs told"), "needs", "x.occurred_on",
           "x.recorded_on::timestamp AT TIME ZONE 'America/Toronto'", _P.needs_read, _G.needs),
    Source("preferences", Text("Souhaits dits", "Wishes told"), "preferences", "x.occurred_on",
           "x.recorded_on::timestamp AT TIME ZONE 'America/Toronto'", _P.preferences_read, _G.preferences),
    Source("note", Text("Note", "Note"), "case_notes", "x.occurred_on", "x.recorded_at", _P.note_read,
           code="x.visibility", person="x.person_id"),
    Source("collection_notice", Text("Avis de collecte remis", "Notice of collection given"), "collection_notices",
           "x.occurred_on", "x.recorded_at", _P.collection_notice_read, code="x.notice_language", person="x.person_id"),
    Source("service_language", Text("Langue de service", "Language of service"), "service_languages", "x.starts_on",
           "x.recorded_at", _P.service_language_read, code="x.language", person="x.person_id"),
    Source("responsible", Text("Nouvel intervenant", "New caseworker"), "case_responsibilities", _at("from_at"),
           "x.from_at", _P.responsibility_read),
    Source("handover_proposed", Text("Transfert proposé", "Hand-over proposed"), "handovers", _at("created_at"),
           "x.created_at", _P.handover_read),
    Source("handover_answered", Text("Transfert répondu", "Hand-over answered"), "handovers", _at("answered_at"),
           "x.answered_at", _P.handover_read, code="x.status", where="x.answered_at IS NOT NULL"),
    Source("programme_changed", Text("Programme changé", "Programme changed"), "programme_changes", "x.occurred_on",
           "x.recorded_at", _P.timeline_read, code="x.to_programme"),
    Source("observation", Text("Observations sur une recommandation", "Observations on a recommendation"), "observations",
           _at("recorded_at"), "x.recorded_at", _P.recommendation_read, person="x.person_id"),
    Source("observation_reviewed", Text("Observations examinées", "Observations reviewed"), "observations",
           _at("reviewed_at"), "x.reviewed_at", _P.recommendation_read, code="x.outcome", person="x.person_id",
           where="x.reviewed_at IS NOT NULL"),
    Source("lodged", Text("Hébergement temporaire", "Temporary shelter"), "lodgings", "x.starts_on", "x.created_at",
           _P.lodging_read),
    Source("lodging_ended", Text("Fin de l'hébergement temporaire", "End of temporary shelter"), "lodgings", "x.ends_on",
           "greatest(x.created_at, x.ends_on::timestamp AT TIME ZONE 'America/Toronto')", _P.lodging_read,
           code="x.end_reason", where="x.ends_on IS NOT NULL"),
    Source("offer_made", Text("Offre de place", "Offer of a place"), "offers", _at("created_at"), "x.created_at",
           _P.offer_read, code="x.geo_code"),
    Source("offer_settled", Text("Offre réglée", "Offer settled"), "offers", _at("answered_at"), "x.answered_at",
           _P.offer_read, code="x.status", where="x.answered_at IS NOT NULL"),
    Source("offer_answer", Text("Réponse d'un adulte", "An adult's answer"), "offer_answers", _at("recorded_at"),
           "x.recorded_at", _P.offer_read, code="x.answer", person="x.person_id"),
    Source("transfer_proposed", Text("Transfert vers un autre lieu proposé", "Transfer to another place proposed"),
           "transfers", _at("created_at"), "x.created_at", _P.transfer_read, code="x.reason_code"),
    Source("transfer_answered", Text("Transfert : réponse de l'organisme", "Transfer: the organization's answer"),
           "transfers", _at("answered_at"), "x.answered_at", _P.transfer_read,
           code="coalesce(x.refusal_code, 'accepted')", where="x.answered_at IS NOT NULL"),
    Source("transfer_closed", Text("Transfert clos", "Transfer closed"), "transfers", _at("closed_at"), "x.closed_at",
           _P.transfer_read, code="x.status", where="x.closed_at IS NOT NULL AND x.status <> 'refused'"),
    _step("assignment_proposed", "Prise en charge proposée", "Assignment proposed", _at("created_at"), "x.created_at",
          "true"),
    _step("assignment_acknowledged", "Prise en charge confirmée", "Assignment acknowledged", _at("acknowledged_at"),
          "x.acknowledged_at", "x.acknowledged_at IS NOT NULL"),
    _step("departed", "Départ", "Departure", "x.departed_on", "x.departed_on::timestamp AT TIME ZONE 'America/Toronto'",
          "x.departed_on IS NOT NULL"),
    _step("arrived", "Arrivée en région", "Regional arrival", "x.arrived_on",
          "x.arrived_on::timestamp AT TIME ZONE 'America/Toronto'", "x.arrived_on IS NOT NULL"),
    _step("assignment_ended", "Fin de la prise en charge", "End of the assignment", "x.ended_on",
          "x.ended_on::timestamp AT TIME ZONE 'America/Toronto'", "x.ended_on IS NOT NULL"),
    Source("address_notified", Text("Adresse transmise", "Address notified"), "address_notices", "x.notified_on",
           "greatest(x.raised_at, x.notified_on::timestamp AT TIME ZONE 'America/Toronto')", _P.address_notice_read,
           code="x.authority", where="x.notified_on IS NOT NULL"),
    Source("milestone", Text("Jalon", "Milestone"), "milestones", _WHEN, "x.recorded_at", _P.milestone_read,
           code="x.code", person="x.person_id", where="x.voided_at IS NULL", veiled=(_G.claim, f"x.{NOT_OF_THE_CLAIM}")),
)  # fmt: skip
TITLES: Final = {source.kind: source.title for source in SOURCES}
COLUMNS: Final = ("occurred_on", "recorded_at", "id", "kind", "code", "person_id")


@cache
def sql(role: Role) -> str:
    """The latest first; the cursor is the place of the last event shown."""
    union = " UNION ALL ".join(source.sql(role) for source in SOURCES if source.shown_to(role))
    return (
        f"SELECT {', '.join(COLUMNS)} FROM ({union}) e WHERE %(on)s::date IS NULL OR (occurred_on, recorded_at, id, kind)"
        " < (%(on)s::date, %(at)s::timestamptz, %(after)s::uuid, %(kind)s::text)"
        " ORDER BY occurred_on DESC, recorded_at DESC, id DESC, kind DESC LIMIT %(limit)s"
    )


async def events(
    session: Session, role: Role, case_id: UUID, after: list[Any] | None, limit: int, language: Language
) -> list[dict[str, Any]]:
    """One more than asked. Raises NotFound."""
    if not await session.rows("SELECT 1 FROM cases WHERE id = %s", (case_id,)):
        raise NotFound
    on, at, row, kind = after or (None,) * 4
    asked = {"case": case_id, "on": on, "at": at, "after": row, "kind": kind, "limit": limit + 1}
    found = [dict(zip(COLUMNS, event, strict=True)) for event in await session.rows(sql(role), asked)]
    return [{**event, "title": _title(event, language)} for event in found]


def _title(event: dict[str, Any], language: Language) -> str:
    title = TITLES[event["kind"]].to(language)
    label = labels().get(event["code"]) if event["kind"] == "milestone" else None
    return (
        f"{title} : {label.to(language)}" if label and language == "fr" else f"{title}: {label.en}" if label else title
    )


def place(event: dict[str, Any]) -> list[str]:
    return [event["occurred_on"].isoformat(), event["recorded_at"].isoformat(), str(event["id"]), event["kind"]]
