"""The only place where who-may-what stands.

`POLICY` says which role may use which permission, and how far it reaches. `FIELDS` says what a role gets of each
group of a case's fields: nothing, a masked part, all of it, or the right to write it. `VOUCHERS` says who may vouch
for whom. The gates on routes, what a request may carry, what an answer shows, the OpenAPI document, PostgreSQL's row
security, its column grants, docs/policy.md and the tests are all derived from these tables (access.md §2).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Role(StrEnum):
    """The people and machines that sign in (access.md §1)."""

    intake_worker = "intake_worker"
    caseworker = "caseworker"
    coordinator = "coordinator"
    programme_manager = "programme_manager"
    partner = "partner"
    sponsor_spokesperson = "sponsor_spokesperson"
    municipal_viewer = "municipal_viewer"
    auditor = "auditor"
    administrator = "administrator"


class SystemActor(StrEnum):
    """The server's own hands, each with the least it needs."""

    authenticator = "authenticator"
    sequencer = "sequencer"
    expiry = "expiry"
    planner = "planner"  # solves queued placement runs, whose inputs name nobody
    mover = "mover"  # moves the households of a site that has closed; opens nothing of anybody
    keeper = "keeper"  # rotates keys and rewrites blind indexes; opens names, shows them to nobody
    glazier = "glazier"  # writes down a broken glass and the grant it gives
    emergency = "emergency"  # a person reading under the grant of a broken glass
    retention = "retention"
    sentinel = "sentinel"  # writes down what was refused, and nothing else
    operator = "operator"  # whoever holds the installation's secret, at the machine: `casework user|grant|client`


Actor = Role | SystemActor


class Reach(StrEnum):
    """How far a permission goes, from the widest to the narrowest."""

    all = "all"
    office = "office"  # rows of the caller's office
    own = "own"  # cases followed by the caller
    region = "region"  # cases living in, or offered to, the caller's region
    granted = "granted"  # cases granted to the caller's organization, while grant, agreement and consents hold
    sponsored = (
        "sponsored"  # cases granted to the caller in person, as spokesperson; their own sponsor and undertakings
    )
    organization = "organization"  # rows of the caller's organization
    actor = "actor"  # rows the caller wrote
    shared = "shared"  # rows the caller wrote, or that are shared with the caller's office or region
    vouched = "vouched"  # accounts whose every role the caller may vouch for


class Permission(StrEnum):
    me_read = "me:read"
    territory_read = "territory:read"
    capacity_read = "capacity:read"
    capacity_write = "capacity:write"
    capacity_hold = "capacity:hold"
    target_read = "target:read"
    target_set = "target:set"
    regional_need_read = "regional_need:read"
    regional_need_write = "regional_need:write"
    organization_read = "organization:read"
    organization_write = "organization:write"
    agreement_write = "agreement:write"
    case_create = "case:create"
    case_read = "case:read"
    case_update = "case:update"
    case_close = "case:close"
    consent_record = "consent:record"
    person_update = "person:update"
    household_read = "household:read"
    household_change = "household:change"
    duplicate_search = "duplicate:search"
    merge_propose = "merge:propose"
    merge_decide = "merge:decide"
    access_read = "access:read"
    claim_status_read = "claim_status:read"
    claim_status_record = "claim_status:record"
    claim_status_void = "claim_status:void"
    address_notice_read = "address_notice:read"
    address_notice_record = "address_notice:record"
    note_read = "note:read"
    note_write = "note:write"
    needs_read = "needs:read"
    needs_record = "needs:record"
    preferences_read = "preferences:read"
    responsibility_read = "responsibility:read"
    handover_read = "handover:read"
    handover_propose = "handover:propose"
    handover_answer = "handover:answer"
    office_handover_read = "office_handover:read"
    office_handover_propose = "office_handover:propose"
    office_handover_accept = "office_handover:accept"
    office_handover_answer = "office_handover:answer"
    programme_change = "programme:change"
    timeline_read = "timeline:read"
    lodging_read = "lodging:read"
    lodging_record = "lodging:record"
    site_closure_read = "site_closure:read"
    site_closure_manage = "site_closure:manage"
    site_closure_run = "site_closure:run"
    worklist_read = "worklist:read"
    saved_worklist_read = "saved_worklist:read"
    saved_worklist_run = "saved_worklist:run"
    saved_worklist_write = "saved_worklist:write"
    collection_notice_read = "collection_notice:read"
    collection_notice_record = "collection_notice:record"
    service_language_read = "service_language:read"
    service_language_record = "service_language:record"
    recommendation_create = "recommendation:create"
    recommendation_read = "recommendation:read"
    observation_review = "observation:review"
    placement_run_create = "placement_run:create"
    placement_run_read = "placement_run:read"
    placement_run_confirm = "placement_run:confirm"
    placement_run_solve = "placement_run:solve"
    offer_create = "offer:create"
    offer_read = "offer:read"
    offer_answer = "offer:answer"
    offer_withdraw = "offer:withdraw"
    offer_expire = "offer:expire"
    assignment_read = "assignment:read"
    assignment_answer = "assignment:answer"
    assignment_depart = "assignment:depart"
    assignment_arrive = "assignment:arrive"
    assignment_end = "assignment:end"
    assignment_hand_over = "assignment:hand_over"
    transfer_propose = "transfer:propose"
    transfer_read = "transfer:read"
    transfer_answer = "transfer:answer"
    transfer_withdraw = "transfer:withdraw"
    transfer_depart = "transfer:depart"
    milestone_read = "milestone:read"
    milestone_record = "milestone:record"
    milestone_void = "milestone:void"
    milestone_log_read = "milestone_log:read"
    log_read = "log:read"
    log_sequence = "log:sequence"
    log_cosign = "log:cosign"
    case_search = "case:search"
    sealed_address_read = "sealed_address:read"
    sealed_address_write = "sealed_address:write"
    break_glass_open = "break_glass:open"
    break_glass_read = "break_glass:read"
    break_glass_review = "break_glass:review"
    break_glass_grant = "break_glass:grant"
    key_rotate = "key:rotate"
    security_event_record = "security_event:record"
    identity_read = "identity:read"
    identity_write = "identity:write"
    user_read = "user:read"
    user_manage = "user:manage"
    grant_read = "grant:read"
    grant_propose = "grant:propose"
    grant_approve = "grant:approve"
    grant_revoke = "grant:revoke"
    password_issue = "password:issue"  # noqa: S105 -- a permission
    api_client_read = "api_client:read"
    api_client_manage = "api_client:manage"
    erasure_request = "erasure:request"
    erasure_read = "erasure:read"
    erasure_decide = "erasure:decide"
    legal_hold_read = "legal_hold:read"
    legal_hold_manage = "legal_hold:manage"
    retention_read = "retention:read"
    retention_apply = "retention:apply"
    subject_access_export = "subject_access:export"
    disclosure_export = "disclosure:export"
    incident_read = "incident:read"
    incident_write = "incident:write"
    pilot_read = "pilot:read"
    pilot_manage = "pilot:manage"
    seat_take = "seat:take"
    enrolment_read = "enrolment:read"
    enrolment_create = "enrolment:create"
    enrolment_withdraw = "enrolment:withdraw"
    sponsor_read = "sponsor:read"
    sponsor_write = "sponsor:write"
    sponsor_erase = "sponsor:erase"
    undertaking_read = "undertaking:read"
    undertaking_write = "undertaking:write"
    undertaking_decide = "undertaking:decide"
    settlement_report_read = "settlement_report:read"
    settlement_report_record = "settlement_report:record"
    draw_read = "draw:read"
    draw_manage = "draw:manage"
    client_secret_manage = "client_secret:manage"  # noqa: S105 -- a permission


_R, _S, _P = Role, SystemActor, Permission
_EVERYONE: Mapping[Actor, Reach] = dict.fromkeys(Role, Reach.all)
# What each role follows of a case; the writing permissions below never reach further than this.
_CASE_READERS: Mapping[Actor, Reach] = {
    _R.intake_worker: Reach.office,
    _R.caseworker: Reach.office,
    _R.coordinator: Reach.region,
    _R.programme_manager: Reach.all,
    _R.partner: Reach.granted,
    _R.sponsor_spokesperson: Reach.sponsored,
    _S.emergency: Reach.sponsored,
}
_CASE_STAFF: Mapping[Actor, Reach] = {
    role: reach for role, reach in _CASE_READERS.items() if reach not in {Reach.granted, Reach.sponsored}
}
_SPONSORING: Mapping[Actor, Reach] = {_R.programme_manager: Reach.all, _R.sponsor_spokesperson: Reach.sponsored}
_DECIDERS: Mapping[Actor, Reach] = {_R.caseworker: Reach.own, _R.programme_manager: Reach.all}

_KEEPERS: Mapping[Actor, Reach] = {
    _R.intake_worker: Reach.office,
    _R.caseworker: Reach.office,
    _R.programme_manager: Reach.all,
}

_MERGERS: Mapping[Actor, Reach] = {_R.caseworker: Reach.office, _R.programme_manager: Reach.all}

# Who may vouch for a role: approve a grant of it, and hand its holder a one-time password. A grant is proposed by an
# administrator, who sees no case, and approved by somebody who sees at least what it will let see (ADR 0011):
# whoever could act as the account gains nothing by it.
VOUCHERS: Mapping[Role, Mapping[Role, Reach]] = {
    _R.intake_worker: {_R.programme_manager: Reach.all},
    _R.caseworker: {_R.programme_manager: Reach.all},
    _R.coordinator: {_R.programme_manager: Reach.all},
    _R.programme_manager: {_R.programme_manager: Reach.all},
    _R.partner: {_R.programme_manager: Reach.all, _R.partner: Reach.organization},
    _R.sponsor_spokesperson: {_R.programme_manager: Reach.all},
    _R.municipal_viewer: {_R.programme_manager: Reach.all, _R.coordinator: Reach.region},
    _R.auditor: {_R.auditor: Reach.all},
    _R.administrator: {_R.administrator: Reach.all},
}
_VOUCHED: Mapping[Actor, Reach] = {
    role: Reach.vouched for role in Role if any(role in row for row in VOUCHERS.values())
}
_ACCOUNTS: Mapping[Actor, Reach] = {_R.administrator: Reach.all, _S.operator: Reach.all}

POLICY: Mapping[Permission, Mapping[Actor, Reach]] = {
    _P.me_read: _EVERYONE,
    _P.territory_read: _EVERYONE,
    _P.capacity_read: {
        _R.caseworker: Reach.all,
        _R.programme_manager: Reach.all,
        _R.coordinator: Reach.region,
        _R.municipal_viewer: Reach.region,
        _R.partner: Reach.organization,
        _S.expiry: Reach.all,
    },
    _P.capacity_write: {_R.coordinator: Reach.region, _R.programme_manager: Reach.all},
    # Taking and giving back places as a consequence of an offer, an answer or an end; only two counters.
    _P.capacity_hold: {
        _R.caseworker: Reach.all,
        _R.programme_manager: Reach.all,
        _R.coordinator: Reach.region,
        _R.partner: Reach.organization,
        _S.expiry: Reach.all,
    },
    # Aggregates of a region: how many it means to receive, and how many at most.
    _P.target_read: {
        _R.caseworker: Reach.all,
        _R.programme_manager: Reach.all,
        _R.coordinator: Reach.region,
        _R.municipal_viewer: Reach.region,
    },
    _P.target_set: {_R.programme_manager: Reach.all},
    # Counts of openings, about nobody.
    _P.regional_need_read: {
        _R.caseworker: Reach.all,
        _R.programme_manager: Reach.all,
        _R.coordinator: Reach.region,
        _R.municipal_viewer: Reach.region,
        _R.partner: Reach.region,
    },
    _P.regional_need_write: {_R.coordinator: Reach.region, _R.programme_manager: Reach.all},
    _P.organization_read: {
        _R.intake_worker: Reach.all,
        _R.caseworker: Reach.all,
        _R.coordinator: Reach.all,
        _R.programme_manager: Reach.all,
        _R.partner: Reach.organization,
    },
    _P.organization_write: {_R.coordinator: Reach.region, _R.programme_manager: Reach.all},
    _P.agreement_write: {_R.programme_manager: Reach.all},
    _P.case_create: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.programme_manager: Reach.all,
    },
    _P.case_read: _CASE_READERS,
    _P.case_update: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.programme_manager: Reach.all,
    },
    _P.case_close: {**_DECIDERS, _R.coordinator: Reach.region},
    # Whoever of the staff hears an adult say yes or no writes it down; partners' access hangs on it.
    _P.consent_record: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
    },
    # The claim's history is kept by the offices; a region reads it, a host never does.
    _P.claim_status_read: _CASE_STAFF,
    _P.claim_status_record: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.programme_manager: Reach.all,
    },
    _P.claim_status_void: {_R.caseworker: Reach.office, _R.programme_manager: Reach.all},
    # Whoever stands beside the household on arrival sees to it that both authorities know the new address.
    _P.address_notice_read: {**_CASE_STAFF, _R.partner: Reach.granted},
    _P.address_notice_record: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.partner: Reach.granted,
    },
    # A host reads what is shared with it and what it wrote itself.
    _P.note_read: {**_CASE_STAFF, _R.partner: Reach.granted},
    _P.note_write: {**_CASE_STAFF, _R.partner: Reach.granted},
    _P.needs_read: {role: reach for role, reach in _CASE_READERS.items() if role is not _S.emergency},
    _P.needs_record: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.programme_manager: Reach.all,
    },
    _P.preferences_read: _CASE_STAFF,
    # Who is, was and will be responsible; whom a case is proposed to is the staff's business.
    _P.responsibility_read: {**_CASE_STAFF, _R.partner: Reach.granted},
    _P.handover_read: _CASE_STAFF,
    _P.handover_propose: {_R.caseworker: Reach.office, _R.programme_manager: Reach.all},
    _P.handover_answer: {_R.caseworker: Reach.office, _R.programme_manager: Reach.all},
    # Many cases at once, from office to office: the ministry proposes, the office that will answer for them accepts.
    _P.office_handover_read: {_R.caseworker: Reach.office, _R.programme_manager: Reach.all},
    _P.office_handover_propose: {_R.programme_manager: Reach.all},
    _P.office_handover_accept: {_R.caseworker: Reach.office},
    _P.office_handover_answer: {_R.caseworker: Reach.office, _R.programme_manager: Reach.all},
    _P.programme_change: _DECIDERS,
    _P.timeline_read: {role: reach for role, reach in _CASE_READERS.items() if role is not _S.emergency},
    # Whoever takes households in knows where they sleep; a site that closes moves those of several offices at once.
    _P.lodging_read: _CASE_STAFF,
    _P.lodging_record: _KEEPERS,
    _P.site_closure_read: {_R.programme_manager: Reach.all},
    _P.site_closure_manage: {_R.programme_manager: Reach.all},
    _P.site_closure_run: {_S.mover: Reach.all},
    _P.worklist_read: _CASE_STAFF,
    # A filter names no household; what it finds is asked again within the reach of whoever runs it.
    _P.saved_worklist_read: dict.fromkeys(_CASE_STAFF, Reach.shared),
    _P.saved_worklist_run: dict.fromkeys(_CASE_STAFF, Reach.shared),
    _P.saved_worklist_write: dict.fromkeys(_CASE_STAFF, Reach.actor),
    # What is known of a person, and who belongs to the household: whoever takes households in keeps it true.
    _P.person_update: _KEEPERS,
    _P.household_read: _CASE_STAFF,
    _P.household_change: _KEEPERS,
    # Two records of one person: whoever proposes sees both; across offices a second person decides (domain.md §7.3).
    _P.duplicate_search: _KEEPERS,
    _P.merge_propose: _MERGERS,
    _P.merge_decide: _MERGERS,
    _P.collection_notice_read: _CASE_STAFF,
    _P.collection_notice_record: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
    },
    _P.service_language_read: {**_CASE_STAFF, _R.partner: Reach.granted},
    _P.service_language_record: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.partner: Reach.granted,
    },
    # Who can see a case, and who saw it.
    _P.access_read: {
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.programme_manager: Reach.all,
    },
    _P.recommendation_create: {
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.programme_manager: Reach.all,
    },
    _P.recommendation_read: {
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.programme_manager: Reach.all,
    },
    # Whoever reviews is another person than who made the recommendation or wrote the observations down (A-2.1, s. 65.2).
    _P.observation_review: {
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.programme_manager: Reach.all,
    },
    _P.placement_run_create: {
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.programme_manager: Reach.all,
    },
    _P.placement_run_read: {
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.programme_manager: Reach.all,
    },
    # Each confirmed proposal is an offer, and reaches no further than one.
    _P.placement_run_confirm: {_R.caseworker: Reach.office, _R.programme_manager: Reach.all},
    _P.placement_run_solve: {_S.planner: Reach.all},
    _P.offer_create: _DECIDERS,
    _P.offer_read: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.programme_manager: Reach.all,
        _R.partner: Reach.granted,
        _S.expiry: Reach.all,
    },
    _P.offer_answer: _DECIDERS,
    _P.offer_withdraw: _DECIDERS,
    _P.offer_expire: {_S.expiry: Reach.all},
    _P.assignment_read: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.programme_manager: Reach.all,
        _R.partner: Reach.granted,
        _R.sponsor_spokesperson: Reach.sponsored,
    },
    _P.assignment_answer: {_R.partner: Reach.granted},
    _P.assignment_depart: _DECIDERS,
    _P.assignment_arrive: {_R.partner: Reach.granted, _R.coordinator: Reach.region},
    _P.assignment_end: {**_DECIDERS, _R.coordinator: Reach.region},
    _P.assignment_hand_over: {_R.programme_manager: Reach.all},
    # Another place for a household that has one: as an offer, then the receiving organization's word.
    _P.transfer_propose: _DECIDERS,
    _P.transfer_read: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.programme_manager: Reach.all,
        _R.partner: Reach.granted,
    },
    _P.transfer_answer: {_R.partner: Reach.granted},
    _P.transfer_withdraw: _DECIDERS,
    _P.transfer_depart: _DECIDERS,
    _P.milestone_read: _CASE_READERS,
    _P.milestone_record: {role: reach for role, reach in _CASE_READERS.items() if role is not _S.emergency},
    _P.milestone_void: {
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
        _R.partner: Reach.granted,
    },
    _P.milestone_log_read: {_R.auditor: Reach.all},
    _P.log_read: {_R.auditor: Reach.all},
    _P.log_sequence: {_S.sequencer: Reach.all},
    # A witness changes nothing of what is logged: it adds its word to a checkpoint, verified before it is kept.
    _P.log_cosign: {_R.auditor: Reach.all},
    _P.case_search: _CASE_STAFF,
    _P.sealed_address_read: _DECIDERS,
    _P.sealed_address_write: _DECIDERS,
    # Any one case, for an hour at most; a supervisor is told and reviews it (access.md §3).
    _P.break_glass_open: {_R.intake_worker: Reach.all, _R.caseworker: Reach.all, _R.coordinator: Reach.all},
    _P.break_glass_read: {_R.coordinator: Reach.region, _R.programme_manager: Reach.all},
    _P.break_glass_review: {_R.coordinator: Reach.region, _R.programme_manager: Reach.all},
    _P.break_glass_grant: {_S.glazier: Reach.all},
    _P.key_rotate: {_S.keeper: Reach.all},
    _P.security_event_record: {_S.sentinel: Reach.all},
    _P.identity_read: {_S.authenticator: Reach.all},
    # The programme manager stands for the person in charge of access and protection (A-2.1, s. 8).
    _P.erasure_request: _DECIDERS,
    _P.erasure_read: {_R.caseworker: Reach.office, _R.programme_manager: Reach.all},
    _P.erasure_decide: {_R.programme_manager: Reach.all},
    _P.legal_hold_read: {_R.caseworker: Reach.office, _R.programme_manager: Reach.all},
    _P.legal_hold_manage: {_R.programme_manager: Reach.all},
    _P.retention_read: {_R.programme_manager: Reach.all, _R.auditor: Reach.all},
    _P.retention_apply: {_S.retention: Reach.all},
    _P.subject_access_export: {_R.programme_manager: Reach.all},
    _P.disclosure_export: {_R.programme_manager: Reach.all},
    _P.incident_read: {_R.programme_manager: Reach.all, _R.auditor: Reach.all},
    _P.incident_write: {_R.programme_manager: Reach.all},
    # A pilot names no household: its dates, departures and published figures are for everybody who takes part.
    _P.pilot_read: {
        role: Reach.all for role in Role if role not in {_R.sponsor_spokesperson, _R.auditor, _R.administrator}
    },
    _P.pilot_manage: {_R.programme_manager: Reach.all},
    # Taking seats as a consequence of an enrolment; only a counter.
    _P.seat_take: {_R.intake_worker: Reach.all, _R.caseworker: Reach.all},
    _P.enrolment_read: _CASE_STAFF,
    _P.enrolment_create: {_R.intake_worker: Reach.office, _R.caseworker: Reach.office},
    # Whoever hears an adult take the word back writes it down.
    _P.enrolment_withdraw: {
        _R.intake_worker: Reach.office,
        _R.caseworker: Reach.office,
        _R.coordinator: Reach.region,
    },
    # Sponsors are known to themselves and to the ministry; an undertaking, which names nobody, also to whoever will
    # receive the household.
    _P.sponsor_read: _SPONSORING,
    _P.sponsor_write: _SPONSORING,
    _P.sponsor_erase: {_R.programme_manager: Reach.all},
    _P.undertaking_read: {**_SPONSORING, _R.caseworker: Reach.all, _R.coordinator: Reach.region},
    _P.undertaking_write: _SPONSORING,
    _P.undertaking_decide: {_R.programme_manager: Reach.all},
    _P.settlement_report_read: {**_SPONSORING, _R.caseworker: Reach.office, _R.coordinator: Reach.region},
    # Handed in by the spokesperson, or written down by the office that got it on paper.
    _P.settlement_report_record: {**_SPONSORING, _R.caseworker: Reach.office},
    # A draw is for everybody to run again: receipts, ranks and hashes, no name.
    _P.draw_read: _EVERYONE,
    _P.draw_manage: {_R.programme_manager: Reach.all},
    _P.identity_write: {_S.authenticator: Reach.all},
    _P.user_read: _ACCOUNTS,
    _P.user_manage: _ACCOUNTS,
    _P.grant_read: {**_VOUCHED, **_ACCOUNTS},
    _P.grant_propose: _ACCOUNTS,
    _P.grant_approve: _VOUCHED,
    _P.grant_revoke: _ACCOUNTS,
    _P.password_issue: {**_VOUCHED, _S.operator: Reach.all},
    _P.api_client_read: {**_ACCOUNTS, _R.partner: Reach.organization},
    _P.api_client_manage: _ACCOUNTS,
    # Never the administrator: whoever has seen a client's secret can read what the client reads.
    _P.client_secret_manage: {_R.partner: Reach.organization, _S.operator: Reach.all},
}


class FieldGroup(StrEnum):
    """What a case says of its people, in groups that are shown or kept back together."""

    names = "names"
    birth = "birth"
    contact = "contact"
    identifiers = "identifiers"
    self_description = "self_description"  # gender, nationality, family, occupation: codes and the person's own words
    representative = "representative"  # who stands for a child alone
    claim = "claim"
    needs = "needs"
    preferences = "preferences"
    consents = "consents"
    reasons = "reasons"  # why a person decided: an offer, its withdrawal, an end, a closing
    sealed_address = "sealed_address"


class Sight(StrEnum):
    """What a role gets of a group of fields, from nothing to everything; each includes the one before it."""

    hide = "hide"  # absent from the answer; PostgreSQL grants none of its columns
    mask = "mask"  # enough to recognise, not to use: people/masks.py says what is left
    read = "read"
    write = "write"

    @property
    def shows(self) -> bool:
        """Something of the group leaves the server."""
        return self is not Sight.hide

    @property
    def whole(self) -> bool:
        return self in {Sight.read, Sight.write}


_HOST: Mapping[Actor, Sight] = {_R.partner: Sight.read, _R.sponsor_spokesperson: Sight.read}
# Who takes a household in writes all of it; what is not listed is hidden.
_TAKEN_IN: Mapping[Actor, Sight] = {
    _R.intake_worker: Sight.write,
    _R.caseworker: Sight.write,
    _R.coordinator: Sight.read,
    _R.programme_manager: Sight.write,
    # The keeper reseals what it holds; in an emergency the person's own role says which groups are answered.
    _S.keeper: Sight.write,
    _S.emergency: Sight.read,
}
FIELDS: Mapping[FieldGroup, Mapping[Actor, Sight]] = {
    FieldGroup.names: {**_TAKEN_IN, **_HOST},
    FieldGroup.birth: {**_TAKEN_IN, _R.partner: Sight.read, _R.sponsor_spokesperson: Sight.mask},
    FieldGroup.contact: {**_TAKEN_IN, _R.partner: Sight.read, _R.sponsor_spokesperson: Sight.mask},
    FieldGroup.identifiers: _TAKEN_IN,
    FieldGroup.self_description: _TAKEN_IN,
    FieldGroup.representative: {**_TAKEN_IN, _R.partner: Sight.read},
    FieldGroup.claim: _TAKEN_IN,
    FieldGroup.needs: {**_TAKEN_IN, **_HOST},
    FieldGroup.preferences: _TAKEN_IN,
    # Why a person decided: it may tell what the household said of itself, so hosts never read it.
    FieldGroup.reasons: {**_TAKEN_IN, _R.coordinator: Sight.write},
    # A consent is written by those who meet the household and hear it say yes or no.
    FieldGroup.consents: {
        **_TAKEN_IN,
        _R.coordinator: Sight.write,
        _R.programme_manager: Sight.read,
        _R.partner: Sight.read,
    },
    # Never shown with a case: a resource of its own, for who decides about the case.
    FieldGroup.sealed_address: {
        _R.caseworker: Sight.write,
        _R.programme_manager: Sight.write,
        _S.keeper: Sight.write,
    },
}


def sight(actor: Actor, group: FieldGroup) -> Sight:
    return FIELDS[group].get(actor, Sight.hide)


def sights_of(actor: Actor) -> dict[FieldGroup, Sight]:
    """The groups the actor sees something of."""
    return {group: found for group in FieldGroup if (found := sight(actor, group)).shows}


def reach_of(actor: Actor, permission: Permission) -> Reach | None:
    """None when the actor does not hold the permission."""
    return POLICY[permission].get(actor)


def permissions_of(actor: Actor) -> dict[Permission, Reach]:
    return {permission: reaches[actor] for permission, reaches in POLICY.items() if actor in reaches}
