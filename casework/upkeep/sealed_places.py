"""Every place where something is sealed under a subject's key: what a renewed key must seal again."""

from __future__ import annotations

from typing import NamedTuple

_HOUSEHOLD = "(SELECT case_id FROM subject_keys WHERE subject_id = %(subject)s AND kind = 'household')"
_OF_HOUSEHOLD = f"case_id = {_HOUSEHOLD}"
_OF_EITHER = f"(person_id = %(subject)s OR (person_id IS NULL AND {_OF_HOUSEHOLD}))"


class Place(NamedTuple):
    table: str
    row: str  # the column that names the row in the associated data
    columns: tuple[str, ...]
    belongs: str  # SQL: the row is sealed under the key of %(subject)s


# Stored first answers (idempotency_records) are left out: they live 24 hours, and the key before the last opens them.
PLACES = (
    Place("persons", "id", ("sealed_name", "sealed_birth", "sealed_contact", "sealed_description", "sealed_death"),
          "id = %(subject)s"),
    Place("person_versions", "id", ("sealed_name", "sealed_birth", "sealed_contact", "sealed_description", "sealed_death"),
          "person_id = %(subject)s"),
    Place("representatives", "id", ("sealed_representative",), "person_id = %(subject)s"),
    Place("identifiers", "id", ("sealed_value",), "person_id = %(subject)s"),
    Place("sealed_addresses", "person_id", ("sealed_address",), "person_id = %(subject)s"),
    Place("merges", "id", ("sealed_reason",), "person_id = %(subject)s"),
    Place("milestones", "id", ("sealed_evidence", "sealed_note", "sealed_void_reason"), _OF_EITHER),
    Place("cases", "id", ("sealed_close_reason",), f"id = {_HOUSEHOLD}"),
    Place("claim_statuses", "id", ("sealed_source", "sealed_void_reason"), _OF_HOUSEHOLD),
    Place("case_notes", "id", ("sealed_text",), _OF_EITHER),
    Place("handovers", "id", ("sealed_reason", "sealed_answer"), _OF_HOUSEHOLD),
    Place("address_notices", "id", ("sealed_receipt",), _OF_HOUSEHOLD),
    Place("observations", "id", ("sealed_text", "sealed_review"), _OF_HOUSEHOLD),
    Place("offers", "id", ("sealed_reason", "sealed_withdraw_reason"), _OF_HOUSEHOLD),
    Place("assignments", "id", ("sealed_end_reason",), _OF_HOUSEHOLD),
    Place("glass_breaks", "id", ("sealed_reason", "sealed_review"), _OF_HOUSEHOLD),
    Place("log_openings", "leaf_id", ("sealed",), "subject_id = %(subject)s"),
)  # fmt: skip
