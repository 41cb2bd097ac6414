"""Which permission opens which table to which command: the second half of what `rls.py` compiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from casework.authz.policy import Actor, FieldGroup, SystemActor
from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows

if TYPE_CHECKING:
    from collections.abc import Mapping


class Shape(StrEnum):
    """How a row relates to reach."""

    reference = "reference"  # the same for everyone who signs in
    case = "case"  # the case itself
    case_child = "case_child"  # belongs to a case, carries its reach columns
    own_row = "own_row"  # written and read back by one actor
    ledger = "ledger"  # everybody adds, few read
    plain = "plain"  # reach by its own columns


@dataclass(frozen=True, slots=True)
class Shield:
    """Row security of one table.

    `update` maps a permission to the columns it may change. `fields` maps a column to the field group it belongs
    to, `group` gives a whole table to one: a role that the group is hidden from gets no SELECT, one that does not
    write it no INSERT. `veiled` maps a group to the rows that a role it is hidden from may still see. `host` narrows
    the reach `granted` to the organization's own rows. `vetted` maps an actor to what a row that it adds must also be.
    """

    table: str
    shape: Shape
    select: tuple[P, ...] = ()
    insert: tuple[P, ...] = ()
    update: Mapping[P, tuple[str, ...]] = field(default_factory=dict)
    delete: tuple[P, ...] = ()
    fields: Mapping[str, FieldGroup] = field(default_factory=dict)
    group: FieldGroup | None = None
    veiled: Mapping[FieldGroup, str] = field(default_factory=dict)
    host: str | None = None
    vetted: Mapping[Actor, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)  # reach -> column, where the default name does not hold

    def column(self, reach: str) -> str:
        default = {
            "office": "office_id",
            "region": "region_code",
            "organization": "organization_id",
            "spokesperson": "spokesperson_id",
            "actor": "actor_id",
        }
        return self.columns.get(reach, default.get(reach, reach))


def _child(table: str, select: tuple[P, ...], insert: tuple[P, ...], **more: object) -> Shield:
    return Shield(table, Shape.case_child, select, insert, **more)  # type: ignore[arg-type]


_REFERENCE = (
    "admin_regions", "municipalities", "municipality_regions", "municipality_flags", "milestone_types", "offices",
    "resources", "consent_notices",
)  # fmt: skip
# A milestone counted from the claim tells the claim's date (access.md §1), by its own date or its due date.
NOT_OF_THE_CLAIM = "code <> ALL (ARRAY(SELECT t.code FROM milestone_types t WHERE t.anchor = 'claim'))"
OWN_OFFER = "EXISTS (SELECT 1 FROM offers o WHERE o.id = offer_answers.offer_id)"  # under the reader's own row security
MINE = "organization_id = {organization}"
# A host reads the notes of its own people, and what the staff shares.
SAID_TO_ME = "(organization_id = {organization} OR (organization_id IS NULL AND visibility = 'shared'))"
# What is sealed of a person; the last of them is told by the household.
_SEALED_OF_PERSON = ("sealed_name", "sealed_birth", "sealed_contact", "sealed_description", "sealed_death")
_FROM_OFFER = (P.offer_create, P.offer_answer, P.assignment_hand_over)
_MOVES = (P.offer_answer, P.assignment_answer, P.assignment_depart, P.assignment_arrive, P.assignment_end)

SHIELDS: tuple[Shield, ...] = (
    *(Shield(table, Shape.reference, select=(P.territory_read,)) for table in _REFERENCE),
    Shield("organizations", Shape.plain, select=(P.organization_read,), insert=(P.organization_write,),
           update={P.organization_write: ("name", "languages", "services", "version")}, columns={"organization": "id"}),
    Shield("sites", Shape.plain, select=(P.organization_read,), insert=(P.organization_write,),
           update={P.organization_write: ("closed_on", "version")}),
    Shield("agreements", Shape.plain, select=(P.organization_read,), insert=(P.agreement_write,),
           update={P.agreement_write: ("stream", "programmes", "volume", "ends_on", "ended_at", "version")}),
    Shield("agreement_changes", Shape.plain, select=(P.organization_read,), insert=(P.agreement_write,)),
    Shield("agreement_handovers", Shape.plain, select=(P.organization_read,), insert=(P.agreement_write,),
           update={P.assignment_hand_over: ("status", "completed_at", "version")}),
    Shield(
        "capacities",
        Shape.plain,
        select=(P.capacity_read,),
        insert=(P.capacity_write,),
        update={P.capacity_hold: ("held", "used", "version"), P.capacity_write: ("total", "change_reason", "shrinks_to", "version")},
    ),
    Shield("regional_needs", Shape.plain, select=(P.regional_need_read,), insert=(P.regional_need_write,),
           update={P.regional_need_write: ("openings", "source", "recorded_by", "recorded_at", "version")}),
    Shield("capacity_changes", Shape.plain, select=(P.capacity_read,), insert=(P.capacity_write,)),
    Shield("capacity_reviews", Shape.plain, select=(P.capacity_read,), insert=(P.capacity_write,),
           update={P.capacity_write: ("status", "outcome", "note", "settled_by", "settled_at", "version")}),
    Shield("capacity_forecasts", Shape.plain, select=(P.capacity_read,), insert=(P.capacity_write,)),
    Shield("regional_targets", Shape.plain, select=(P.target_read,), insert=(P.target_set,),
           update={P.target_set: ("target", "ceiling", "source", "version")}),
    Shield(
        "cases",
        Shape.case,
        select=(P.case_read, P.break_glass_grant, P.key_rotate, P.retention_apply, P.site_closure_run),
        insert=(P.case_create,),
        update={
            P.case_update: ("status", "caseworker_id", "external_id", "version"),
            P.case_close: ("status", "closed_at", "sealed_close_reason", "version"),
            P.consent_record: ("version",),
            P.claim_status_record: ("version",),
            P.claim_status_void: ("version",),
            P.needs_record: ("version",),
            P.handover_answer: ("caseworker_id", "version"),
            P.lodging_record: ("version",),
            P.programme_change: ("programme", "version"),
            **dict.fromkeys((P.person_update, P.household_change), ("version",)),
            P.key_rotate: ("sealed_close_reason",),
        },
        fields={"claimed_on": FieldGroup.claim, "sealed_close_reason": FieldGroup.reasons},
    ),
    _child("case_grants", (P.case_read,), (*_FROM_OFFER, P.break_glass_grant, P.undertaking_decide),
           vetted={SystemActor.glazier: "authz.was_broken(source_id, case_id, grantee_user_id, valid_until)"},
           update=dict.fromkeys((P.offer_answer, P.offer_withdraw), ("ended_at",))),
    _child("households", (P.case_read,), (P.case_create,)),
    _child("persons", (P.case_read, P.key_rotate), (P.case_create, P.household_change), fields={
        "sealed_name": FieldGroup.names, "sealed_birth": FieldGroup.birth, "sealed_contact": FieldGroup.contact,
        "sealed_death": FieldGroup.birth, "sealed_description": FieldGroup.self_description},
           update={P.key_rotate: _SEALED_OF_PERSON, P.sealed_address_write: ("sealed_contact",),
                   P.person_update: (*_SEALED_OF_PERSON[:-1], "external_id", "is_adult", "unaccompanied_minor",
                                     "languages", "version"),
                   P.household_change: ("sealed_death", "deceased_at", "version")}),
    _child("person_versions", (P.household_read, P.key_rotate), (P.person_update, P.household_change), fields={
        "sealed_name": FieldGroup.names, "sealed_birth": FieldGroup.birth, "sealed_contact": FieldGroup.contact,
        "sealed_death": FieldGroup.birth, "sealed_description": FieldGroup.self_description},
           update={P.key_rotate: _SEALED_OF_PERSON}),
    _child("representatives", (P.case_read, P.key_rotate), (P.person_update,), group=FieldGroup.representative,
           update={P.person_update: ("ended_on",), P.key_rotate: ("sealed_representative",)}),
    _child("subject_keys", (P.case_read, P.break_glass_grant, P.key_rotate), (P.case_create, P.household_change),
           update={P.key_rotate: ("kek_id", "wrapped", "key_version", "keyed_at")}),
    _child("name_tokens", (P.case_search, P.key_rotate), (P.case_create, P.household_change, P.person_update, P.key_rotate),
           delete=(P.person_update, P.key_rotate)),
    _child("sealed_addresses", (P.sealed_address_read, P.key_rotate), (P.sealed_address_write,),
           update={P.sealed_address_write: ("sealed_address", "version", "updated_at"),
                   P.key_rotate: ("sealed_address",)}, group=FieldGroup.sealed_address),
    _child("glass_breaks", (P.break_glass_read, P.key_rotate), (P.break_glass_grant,),
           vetted={SystemActor.glazier: "authz.may_break(user_id)"},
           update={P.break_glass_review: ("reviewed_by", "reviewed_at", "outcome", "sealed_review", "version"),
                   P.key_rotate: ("sealed_reason", "sealed_review")}),
    _child("memberships", (P.case_read, P.retention_apply), (P.case_create, P.household_change),
           update={P.household_change: ("ends_on", "end_reason")}),
    _child("case_links", (P.household_read,), (P.household_change,), update={P.household_change: ("ended_at",)}),
    _child("person_moves", (P.household_read,), (P.household_change,)),
    _child("merges", (P.merge_propose, P.merge_decide, P.key_rotate), (P.merge_propose,), update={
        P.merge_decide: ("status", "decided_by", "decided_at", "undone_by", "undone_at", "version"),
        P.key_rotate: ("sealed_reason",)}, fields={"sealed_reason": FieldGroup.reasons}),
    _child("identifiers", (P.case_read, P.key_rotate), (P.case_create, P.household_change, P.person_update),
           update={P.key_rotate: ("sealed_value", "blind"), P.person_update: ("ended_at",)}, group=FieldGroup.identifiers),
    _child("claim_statuses", (P.case_read, P.key_rotate), (P.case_create, P.claim_status_record), update={
        P.claim_status_void: ("voided_at", "voided_by", "sealed_void_reason", "version"),
        P.key_rotate: ("sealed_source", "sealed_void_reason")}, group=FieldGroup.claim),
    # The duty is raised by the arrival itself, or by another shelter.
    _child("address_notices", (P.address_notice_read, P.key_rotate, P.site_closure_run),
           (P.assignment_arrive, P.lodging_record, P.site_closure_run), update={
        **dict.fromkeys((P.assignment_arrive, P.lodging_record, P.site_closure_run), ("moved_on", "due_on")),
        P.address_notice_record: ("notified_on", "notified_by", "sealed_receipt", "version"),
        P.key_rotate: ("sealed_receipt",)}),
    _child("needs", (P.case_read,), (P.case_create, P.needs_record), group=FieldGroup.needs),
    _child("preferences", (P.case_read,), (P.case_create, P.needs_record), group=FieldGroup.preferences),
    _child("consents", (P.case_read,), (P.case_create, P.consent_record, P.household_change, P.enrolment_withdraw), group=FieldGroup.consents),
    _child("case_notes", (P.note_read, P.key_rotate), (P.note_write,), host=SAID_TO_ME,
           update={P.key_rotate: ("sealed_text",)}),
    _child("handovers", (P.handover_read, P.key_rotate), (P.handover_propose,), update={
        P.handover_answer: ("status", "answered_at", "sealed_answer", "version"),
        P.key_rotate: ("sealed_reason", "sealed_answer")}),
    # The receiving office's column: it sees the proposal, and not the cases.
    Shield("office_handovers", Shape.plain, select=(P.office_handover_read,), insert=(P.office_handover_propose,),
           update={P.office_handover_answer: ("status", "answer", "answered_by", "answered_at", "version")}),
    _child("office_handover_cases", (P.handover_read,), (P.office_handover_propose,)),
    # Office and region stand on a row only while it is shared.
    Shield("saved_worklists", Shape.plain, select=(P.saved_worklist_read, P.saved_worklist_run, P.saved_worklist_write),
           insert=(P.saved_worklist_write,), delete=(P.saved_worklist_write,)),
    _child("lodgings", (P.lodging_read, P.site_closure_run), (P.lodging_record, P.site_closure_run),
           update=dict.fromkeys((P.lodging_record, P.site_closure_run), ("ends_on", "end_reason", "version"))),
    Shield("site_closures", Shape.plain, select=(P.site_closure_read, P.site_closure_run),
           insert=(P.site_closure_manage,), update={P.site_closure_run: ("finished_at", "version")}),
    _child("site_closure_moves", (P.site_closure_read, P.site_closure_run), (P.site_closure_manage,),
           update={P.site_closure_run: ("status", "next_lodging_id", "done_at")}),
    _child("collection_notices", (P.collection_notice_read,), (P.collection_notice_record,)),
    _child("service_languages", (P.service_language_read,), (P.service_language_record,)),
    # Written by a trigger on `cases`, whatever changes the caseworker.
    _child("case_responsibilities", (P.responsibility_read,), ()),
    _child("programme_changes", (P.timeline_read,), (P.programme_change,)),
    _child("recommendations", (P.recommendation_read,), (P.recommendation_create,)),
    _child("observations", (P.recommendation_read, P.key_rotate), (P.recommendation_create,), update={
        P.observation_review: ("reviewed_by", "reviewed_at", "outcome", "sealed_review", "version"),
        P.key_rotate: ("sealed_text", "sealed_review")}),
    Shield("placement_runs", Shape.plain, select=(P.placement_run_read, P.placement_run_solve),
           insert=(P.placement_run_create,), update={
               P.placement_run_create: ("status", "version"),
               P.placement_run_solve: ("status", "progress", "result", "sha256", "lease_until", "finished_at", "version")}),
    _child("placement_proposals", (P.placement_run_read,), (P.placement_run_create,), update={
        P.placement_run_confirm: ("offer_id", "confirmed_at", "confirmed_by", "override_code")}),
    _child("offers", (P.offer_read, P.key_rotate), (P.offer_create,), host=MINE, update={
        P.offer_answer: ("status", "answered_at", "version"),
        P.offer_withdraw: ("status", "answered_at", "sealed_withdraw_reason", "version"),
        P.offer_expire: ("status", "version"),
        P.transfer_answer: ("version",),  # to lock it: a transfer changes under its offer's lock
        P.key_rotate: ("sealed_reason", "sealed_withdraw_reason")},
        fields=dict.fromkeys(("sealed_reason", "sealed_withdraw_reason"), FieldGroup.reasons)),
    _child("offer_answers", (P.offer_read,), (P.offer_answer,), host=OWN_OFFER),
    _child("assignments", (P.assignment_read, P.key_rotate), (P.offer_answer, P.assignment_hand_over), host=MINE, update={
        P.assignment_answer: ("status", "acknowledged_at", "refusal_code", "version"),
        P.assignment_depart: ("status", "departed_on", "version"),
        P.assignment_arrive: ("status", "arrived_on", "version"),
        P.assignment_end: ("status", "ended_on", "end_code", "sealed_end_reason", "version"),
        P.assignment_hand_over: ("status", "ended_on", "end_code", "version"),
        P.key_rotate: ("sealed_end_reason",)},
        fields={"sealed_end_reason": FieldGroup.reasons}),
    _child("transfers", (P.transfer_read,), (P.transfer_propose,), host=MINE, update={
        P.transfer_answer: ("status", "refusal_code", "answered_at", "closed_at", "version"),
        P.transfer_withdraw: ("status", "withdrawal_code", "closed_at", "version"),
        P.transfer_depart: ("status", "assignment_id", "version")}),
    _child("milestones", (P.milestone_read, P.key_rotate), (P.milestone_record, *_MOVES),
           veiled={FieldGroup.claim: NOT_OF_THE_CLAIM},
           update={P.milestone_void: ("voided_at", "sealed_void_reason", "voided_by", "version"),
                   P.key_rotate: ("sealed_evidence", "sealed_note", "sealed_void_reason")}),
    _child("milestone_expectations", (P.milestone_read,), (P.case_create, P.household_change, P.offer_create, P.assignment_arrive),
           veiled={FieldGroup.claim: NOT_OF_THE_CLAIM},
           update={P.milestone_record: ("fulfilled_by",), P.milestone_void: ("fulfilled_by",),
                   P.assignment_arrive: ("fulfilled_by", "due_on", "certain"), P.offer_answer: ("fulfilled_by",),
                   P.case_update: ("due_on", "certain")},
           # An expectation is computed: what is no longer expected goes, what was answered stays.
           delete=(P.case_update, P.assignment_arrive)),
    Shield("log_leaves", Shape.ledger, select=(P.milestone_log_read, P.log_sequence)),
    Shield("log_links", Shape.ledger, select=(P.milestone_log_read,)),
    Shield("log_openings", Shape.ledger, select=(P.key_rotate,), update={P.key_rotate: ("sealed",)}),
    Shield("log_queue", Shape.plain, select=(P.log_sequence,), delete=(P.log_sequence,)),
    Shield("log_entries", Shape.plain, select=(P.log_read, P.log_sequence), insert=(P.log_sequence,)),
    Shield("log_nodes", Shape.plain, select=(P.log_read, P.log_sequence), insert=(P.log_sequence,)),
    # A signed size and root name nobody; each export says up to where the log stood.
    Shield("log_checkpoints", Shape.plain,
           select=(P.log_read, P.log_sequence, P.disclosure_export, P.incident_read), insert=(P.log_sequence,)),
    Shield("log_cosignatures", Shape.plain, select=(P.log_read, P.log_cosign), insert=(P.log_cosign,)),
    # Who saw a case is told to the person it is about.
    Shield("read_entries", Shape.ledger, select=(P.log_read, P.subject_access_export, P.disclosure_export)),
    Shield("idempotency_records", Shape.own_row, delete=(P.offer_expire,)),
    Shield("users", Shape.plain, select=(P.identity_read, P.user_read, P.grant_read), insert=(P.user_manage,),
           update={P.user_manage: ("disabled_at",)}),
    # What an insert or an approval may say is the trigger's matter (migration 0011).
    Shield("role_grants", Shape.plain, select=(P.identity_read, P.grant_read), insert=(P.grant_propose,),
           update={P.grant_approve: ("approved_at", "approved_by"), P.grant_revoke: ("revoked_at",)}),
    Shield("passwords", Shape.plain, select=(P.identity_read,), insert=(P.identity_write, P.password_issue)),
    Shield("sign_in_buckets", Shape.plain, select=(P.identity_read,), insert=(P.identity_write,),
           update={P.identity_write: ("attempts", "last_at", "free_at", "succeeded_at")}),
    Shield("api_clients", Shape.plain, select=(P.identity_read, P.api_client_read), insert=(P.api_client_manage,),
           update={P.api_client_manage: ("revoked_at",), P.client_secret_manage: ("jwks",)}),
    Shield("client_secrets", Shape.plain, select=(P.identity_read, P.client_secret_manage),
           insert=(P.client_secret_manage,), update={P.client_secret_manage: ("valid_until", "revoked_at")}),
    Shield("used_assertions", Shape.plain, select=(P.identity_read,), insert=(P.identity_write,),
           delete=(P.identity_write,)),
    _child("erasures", (P.erasure_read, P.retention_apply), (P.erasure_request, P.retention_apply), update={
        P.erasure_decide: ("status", "decided_by", "decided_at", "refusal"),
        P.retention_apply: ("status", "decided_by", "decided_at")}),
    _child("legal_holds", (P.legal_hold_read, P.retention_apply), (P.legal_hold_manage,),
           update={P.legal_hold_manage: ("released_by", "released_at", "release_reference")}),
    *(Shield(table, Shape.plain, select=(P.pilot_read,), insert=(P.pilot_manage,))
      for table in ("pilot_regions", "pilot_partners", "pilot_targets", "pilot_evaluations")),
    Shield("pilots", Shape.plain, select=(P.pilot_read,), insert=(P.pilot_manage,),
           update={P.pilot_manage: ("ended_on", "end_reason", "version")}),
    Shield("cohorts", Shape.plain, select=(P.pilot_read,), insert=(P.pilot_manage,), update={
        P.pilot_manage: ("status", "departed_on", "version"), P.seat_take: ("taken", "version")}),
    # A withdrawal changes nothing here by itself: the adult's word does, through the trigger leave_pilots.
    _child("enrolments", (P.enrolment_read,), (P.enrolment_create,),
           update={P.pilot_manage: ("status", "departed_on", "ended_at", "version")}),
    Shield("incidents", Shape.plain, select=(P.incident_read, P.retention_apply, P.key_rotate), insert=(P.incident_write,),
           update={P.incident_write: ("version", "aware_until"), P.key_rotate: ("kek_id", "wrapped")}, delete=(P.retention_apply,)),
    Shield("incident_versions", Shape.plain, select=(P.incident_read, P.retention_apply), insert=(P.incident_write,),
           delete=(P.retention_apply,)),
    Shield("sponsors", Shape.plain, select=(P.sponsor_read,), insert=(P.sponsor_write,),
           update={P.sponsor_write: ("version",), P.sponsor_erase: ("version",),
                   P.undertaking_decide: ("spokesperson_id", "handover_reason", "version")}),
    Shield("sponsor_members", Shape.plain, select=(P.sponsor_read, P.key_rotate), insert=(P.sponsor_write,),
           update={P.sponsor_write: ("left_on", "leave_reason"), P.sponsor_erase: ("sealed_name", "wrapped", "erased_at"),
                   P.key_rotate: ("kek_id", "wrapped")}),
    # Which state may follow which, and whose step it is, is the trigger's matter too (migration 0013).
    Shield("undertakings", Shape.plain, select=(P.undertaking_read,), insert=(P.undertaking_write,), update={
        P.undertaking_write: ("state", "year", "entry_id", "submitted_at", "regional", "ended_on", "end_reason", "version"),
        P.undertaking_decide: (
            "state", "accepted_on", "csq_issued_on", "household_case_id", "arrived_on", "ends_on", "settled_on", "report1_due_on",
            "report2_due_on", "ended_on", "end_reason", "version"),
        P.draw_manage: ("state", "drawn_at", "version")}),
    Shield("undertaking_events", Shape.plain, select=(P.undertaking_read,), insert=(P.undertaking_write, P.undertaking_decide)),
    _child("settlement_reports", (P.settlement_report_read,), (P.settlement_report_record,)),
    Shield("draws", Shape.plain, select=(P.draw_read, P.key_rotate), insert=(P.draw_manage,), update={
        P.draw_manage: ("status", "frozen_at", "entries", "list_sha256", "drawn_at", "seed", "result_sha256", "version"),
        P.key_rotate: ("kek_id", "wrapped")}),
    Shield("draw_entries", Shape.plain, select=(P.draw_read,), insert=(P.draw_manage,),
           update={P.draw_manage: ("rank", "drawn")}),
)  # fmt: skip
