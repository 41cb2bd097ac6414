"""Every field that a request may fill, read off the OpenAPI document: planted by the drill, or listed with a reason.

What can hold only a choice, a number or an id names nobody and needs no line here. Words and days do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Sealed under the person's or the household's key: in the clear nowhere outside memory.
SEALED = frozenset(
    {
        "Name.full", "Name.given", "Name.family", "Name.original_script", "Name.aliases",
        "MergeCreate.reason", "OtherName.full", "OtherName.original_script", "Described.code", "Described.words", "Description.pronouns",
        *(f"NamePatch.{field}" for field in ("full", "given", "family", "original_script", "aliases")),
        *(f"RepresentativeSaid.{field}" for field in ("name", "organization", "phone", "email")),
        "Contact.phone", "Contact.email", "Contact.address", "IdentifierCreate.value", "PartialDate.value",
        "EvidenceCreate.reference", "MilestoneCreate.note", "MilestoneLine.note", "MilestoneVoid.reason", "MilestoneCorrect.note", "MilestoneCorrect.reason", "CaseClose.reason",
        "ObservationCreate.text", "ObservationReview.reason",
        "OfferCreate.reason", "TransferCreate.reason", "TransferWithdraw.reason", "Withdrawal.reason", "AssignmentEnd.reason", "ClaimStatusCreate.source",
        "ClaimStatusSaid.source", "ClaimStatusVoid.reason", "AddressNoticeDone.receipt", "NoteCreate.text",
        "HandoverCreate.reason", "HandoverRefuse.reason",
        "RunConfirm.reason", "BreakGlassCreate.reason", "BreakGlassReview.note", "CaseSearchCreate.name", "IdentifierAsked.value",
        *(f"{model}.{field}" for model in ("IncidentCreate", "IncidentAmend") for field in (
            "information", "circumstances", "malicious_uses", "consequences", "deferral_reason",
            "public_notice_reason", "measures")),
        "IncidentAmend.change_reason", "ExportRequest.reference",
        "SponsorMemberCreate.name",
        "SessionCreate.password", "SessionCreate.new_password", "header Idempotency-Key", "header If-Match", "query cursor",
    }
)  # fmt: skip
# Open in their rows, because they are compared there; in a log, a problem, a measure or an address, never.
IN_ROWS = frozenset(
    {
        "CaseCreate.external_id", "CasePatch.external_id", "MemberCreate.external_id", "MilestoneCreate.external_id", "MilestoneLine.external_id", "MilestoneCorrect.external_id",
        "PersonPatch.external_id", "Needs.services", "Needs.interpreter_languages", "CapacityPatch.reason",
        "NeedsSaid.services", "NeedsSaid.interpreter_languages",
        "CapacityReviewCreate.reason", "ReviewSettle.note", "ForecastCreate.source", "TargetCreate.source", "TargetPatch.source", "NeedCreate.source",
        "OrganizationCreate.name", "OrganizationPatch.name", "SiteCreate.name", "AgreementCreate.reason",
        "AgreementPatch.reason", "AgreementEnd.reason", "SiteClosureCreate.reason",
        "OfficeHandoverCreate.reason", "OfficeHandoverRefuse.reason", "SavedWorklistCreate.name",
        "ErasureRequest.reference", "LegalHoldCreate.reference", "LegalHoldRelease.reference",
        "SponsorCreate.name", "DrawCreate.cap_source",
        "ApiClientCreate.name", "UserCreate.username", "UserCreate.display_name",
        "UserCreate.subject", "SessionCreate.username", "query external_id",
    }
)  # fmt: skip
_DAY = "a day that rules count from; it names nobody"
_INSTANT = "an instant at which a role begins or ends"
_LANGUAGE = "a language code of two or three letters"
LISTED = {
    "AssignmentEnd.occurred_on": _DAY,
    "ArrivalCorrection.occurred_on": _DAY,
    "Step.occurred_on": _DAY,
    "CapacityCreate.starts_on": _DAY,
    "CapacityCreate.ends_on": _DAY,
    "CaseCreate.claimed_on": _DAY,
    "CaseCreate.undertaking_on": _DAY,
    **{
        f"{model}.{field}": _DAY
        for model in ("ClaimStatusCreate", "ClaimStatusSaid")
        for field in ("occurred_on", "printed_due_on", "hearing_on")
    },
    "AddressNoticeDone.notified_on": _DAY,
    **{
        f"{model}.occurred_on": _DAY
        for model in ("NoteCreate", "NeedsSaid", "PreferencesSaid", "ProgrammeChangeCreate")
    },
    "PreferencesSaid.occupations": "an occupation's five digits",
    "ConsentCreate.occurred_on": _DAY,
    "ConsentCreate.expires_on": _DAY,
    "ConsentRecord.occurred_on": _DAY,
    "ConsentRecord.expires_on": _DAY,
    "ConsentSaid.occurred_on": _DAY,
    "ConsentSaid.expires_on": _DAY,
    "ConsentSaid.notice_version": "ConsentCreate's, in another body",
    "ConsentSaid.notice_language": _LANGUAGE,
    "IdentifierCreate.issued_on": _DAY,
    "IdentifierCreate.expires_on": _DAY,
    "RepresentativeCreate.appointed_on": _DAY,
    "MemberAdd.since": _DAY,
    "MemberLeave.ends_on": _DAY,
    "SplitCreate.on": _DAY,
    "JoinCreate.on": _DAY,
    "Period.from": _DAY,
    "Period.until": _DAY,
    **{
        f"{model}.{field}": _DAY
        for model in ("IncidentCreate", "IncidentAmend")
        for field in ("commission_notified_on", "persons_notified_on", "public_notice_on")
    },
    "GrantPropose.valid_from": _INSTANT,
    "GrantPropose.valid_until": _INSTANT,
    "SponsorMemberCreate.joined_on": _DAY,
    "MemberLeaves.left_on": _DAY,
    "UndertakingCancel.occurred_on": _DAY,
    "UndertakingStep.occurred_on": _DAY,
    "UndertakingTransfer.occurred_on": _DAY,
    "HouseholdMove.occurred_on": _DAY,
    "HouseholdMove.geo_code": "a municipality's five digits",
    "SettlementReportCreate.occurred_on": _DAY,
    "SponsorCreate.region_code": "a region's two digits",
    "UndertakingCreate.geo_code": "a municipality's five digits",
    "ConsentCreate.notice_language": _LANGUAGE,
    **{
        f"{model}.notice_version": "refused unless such a notice exists"
        for model in ("ConsentCreate", "ConsentRecord", "CollectionNoticeCreate")
    },
    "CollectionNoticeCreate.notice_language": _LANGUAGE,
    "CollectionNoticeCreate.occurred_on": _DAY,
    "ServiceLanguageCreate.language": _LANGUAGE,
    "ServiceLanguageCreate.starts_on": _DAY,
    "ServiceLanguageCreate.ends_on": _DAY,
    "query language": _LANGUAGE,
    "ConsentRecord.notice_language": _LANGUAGE,
    "ObservationCreate.language": _LANGUAGE,
    "OfferAccept.language": _LANGUAGE,
    "OfferDecline.language": _LANGUAGE,
    "SpokenLanguage.code": _LANGUAGE,
    **{f"{model}.{field}": _DAY for model in ("ForecastCreate", "TargetCreate") for field in ("starts_on", "ends_on")},
    **{
        f"{model}.{field}": _LANGUAGE
        for model in ("OrganizationCreate", "OrganizationPatch", "SiteCreate")
        for field in ("languages",)
    },
    **{
        f"{model}.services": "a code of letters, digits and a few signs"
        for model in ("OrganizationCreate", "OrganizationPatch", "SiteCreate")
    },
    **{f"AgreementCreate.{field}": "a code of letters, digits and a few signs" for field in ("edition", "stream")},
    "AgreementPatch.stream": "a code of letters, digits and a few signs",
    **{f"AgreementCreate.{field}": _DAY for field in ("starts_on", "ends_on")},
    "AgreementPatch.ends_on": _DAY,
    "AgreementCreate.region_code": "a region's two digits",
    "OrganizationCreate.region_code": "a region's two digits",
    "SiteCreate.geo_code": "a municipality's five digits",
    "SiteCreate.opened_on": _DAY,
    "SiteClose.closed_on": _DAY,
    "SiteClosureCreate.closed_on": _DAY,
    "LodgingCreate.starts_on": _DAY,
    "LodgingLeave.ends_on": _DAY,
    "NeedCreate.region_code": "a region's two digits",
    "NeedCreate.month": "a month that openings are counted in",
    "NeedCreate.occupation": "an occupation's five digits",
    "NeedImport.csv": "lines of the fields of NeedCreate; sent marked all the same",
    "query month": "a month that openings are counted in",
    "query occupation": "an occupation's five digits",
    "ForecastCreate.geo_code": "a municipality's five digits",
    "ForecastCreate.resource": "refused unless it stands in the list",
    "TargetCreate.region_code": "a region's two digits",
    "query geo_code": "a municipality's five digits",
    "CapacityCreate.geo_code": "a municipality's five digits",
    "CapacityCreate.resource": "refused unless it stands in the list",
    "CaseSearchCreate.region": "a region's two digits",
    "CaseSearchCreate.hearing_from": _DAY,
    "CaseSearchCreate.hearing_to": _DAY,
    "SavedFilter.region": "a region's two digits",
    "SavedFilter.need": "a service's code, as CaseSearchCreate's",
    "CaseSearchCreate.need": "a service's code, compared and never kept",
    "CheckpointCosign.note": "a public note: sizes, hashes and signatures; refused unless it is ours",
    "Choice.code": "a municipality's or a region's digits",
    "Preferences.occupations": "an occupation's five digits",
    "MilestoneCreate.code": "refused unless it stands in the catalogue",
    "MilestoneLine.code": "refused unless it stands in the catalogue",
    "ApiClientCreate.scopes": "refused unless it is a permission",
    "ApiClientCreate.networks": "refused unless they are networks in CIDR notation",
    "ClientKeys.keys": "a machine's public keys; sent marked in a key that is refused",
    "GrantPropose.region_code": "a region's two digits",
    "UserCreate.issuer": "the address of an identity provider",
    "form client_id": "refused unless it is a client's id; sent marked all the same",
    "form client_assertion": "of a machine; sent marked all the same",
    "form client_secret": "of a machine; sent marked all the same",
    "form scope": "refused unless it is a permission; sent marked all the same",
    "PilotCreate.name": "the public name of a project of the ministry",
    "PilotCreate.starts_on": _DAY,
    "PilotCreate.ends_on": _DAY,
    "PilotCreate.regions": "a region's two digits",
    "TargetSet.valid_from": _DAY,
    "TargetSet.reason": "the ministry's words about its own target",
    "CohortCreate.region_code": "a region's two digits",
    "CohortCreate.departs_on": _DAY,
    "Departure.occurred_on": _DAY,
    "query code": "a milestone's code; sent marked all the same",
    "query type": "an action's name; sent marked all the same",
    "query on": _DAY,
    "query claimed_on": _DAY,
    "query aware_from": _DAY,
    "query aware_until": _DAY,
    "query recorded_from": _DAY,
    "query recorded_until": _DAY,
    "query region": "a region's two digits",
    "query resource": "refused unless it stands in the list",
    "path slug": "the name of a problem; sent marked all the same",
}


def unlisted(document: dict[str, Any]) -> tuple[set[str], set[str]]:
    """(fields that nobody thought of, lines of these tables about fields that are gone): both must be empty."""
    declared = set(_words(document))
    known = {*SEALED, *IN_ROWS, *LISTED}
    return declared - known, known - declared


def _words(document: dict[str, Any]) -> Iterator[str]:
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if _may_hold_words(document, parameter["schema"]):
                    yield f"{parameter['in']} {parameter['name']}"
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield from _fields(document, content["schema"], "form", set())


def _fields(document: dict[str, Any], schema: Any, owner: str, seen: set[str]) -> Iterator[str]:
    """`Model.field` of every leaf below a body's schema; models may refer to each other."""
    for name, found in schema.get("properties", {}).items():
        models = [model for model in _models(document, found) if "properties" in model[1]]
        if not models and _may_hold_words(document, found):
            yield f"{owner} {name}" if owner == "form" else f"{owner}.{name}"
    for name, model in _models(document, schema):
        if name not in seen:
            seen.add(name)
            yield from _fields(document, model, name.removesuffix("-Input"), seen)


def _models(document: dict[str, Any], schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The named schemas that a schema refers to, wherever in it."""
    if isinstance(schema, list):
        for part in schema:
            yield from _models(document, part)
    elif isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            name = reference.rpartition("/")[2]
            yield name, document["components"]["schemas"][name]
        for part in schema.values():
            yield from _models(document, part)


def _may_hold_words(document: dict[str, Any], schema: Any) -> bool:
    if "$ref" in schema:
        [(_, schema)] = _models(document, schema)
    if options := schema.get("anyOf", schema.get("oneOf", schema.get("allOf"))):
        return any(_may_hold_words(document, option) for option in options)
    if schema.get("type") == "array":
        return _may_hold_words(document, schema["items"])
    closed = "enum" in schema or "const" in schema or schema.get("format") == "uuid"
    return not closed and schema.get("type") not in {"integer", "number", "boolean", "null"}
