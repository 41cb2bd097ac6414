"""The labels of a cell: how the asker stands to a row, and the state that the row is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.authz.policy import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from casework.evidence.access_oracle import Facts, Oracle, Row
    from casework.evidence.access_stage import Player


def relation(oracle: Oracle, who: Player, table: str, row: Row | None) -> str:
    """How the asker stands to the case of a row, in the words of access.md §2: one label a cell."""
    if row is None:
        return "absent"
    case = oracle.facts.case_of(table, row)
    if case is None:
        return _without_case(who, row)
    if case["caseworker_id"] == str(who.id):
        return "own"
    if case["office_id"] == str(who.office_id):
        return "same_office"
    if who.region_code is not None and case["region_code"] == who.region_code and who.role is not Role.partner:
        return "same_region"
    return _through_grants(oracle, who, oracle.facts.grants.get(case["id"], []))


def _through_grants(oracle: Oracle, who: Player, grants: list[Row]) -> str:
    mine = [g for g in grants if _named(who, g)]
    if any(oracle.in_force(grant) for grant in mine):
        return "granted"
    if any(g["agreement_id"] and not oracle.agreed(oracle.facts.agreements[g["agreement_id"]]) for g in mine):
        return "ended_agreement"
    return "expired_grant" if mine else "foreign"


def _named(who: Player, grant: Row) -> bool:
    held = {str(who.organization_id): "organization_id", str(who.id): "grantee_user_id"}
    if who.role is Role.coordinator:
        held[str(who.region_code)] = "grantee_region"
    return any(grant[column] == value for value, column in held.items() if value != "None")


def _without_case(who: Player, row: Row) -> str:
    if str(who.id) in {row.get("id"), row.get("user_id")}:
        return "self"
    if str(who.id) == row.get("spokesperson_id") or str(who.organization_id) in {
        row.get("organization_id"),
        row.get("id"),
    }:
        return "own"
    same = who.region_code is not None and row.get("region_code") == who.region_code
    return "same_region" if same else "no_case"


def state(facts: Facts, table: str, row: Row | None) -> str:
    """The state that a row and its case are in: one label a cell."""
    if row is None:
        return "absent"
    case = facts.case_of(table, row)
    own = OWN_STATES[table](facts, row) if table in OWN_STATES else row.get("status", row.get("state", ""))
    if case is None or table == "cases":
        placed = [one["status"] for name in ("assignments", "offers") for one in facts.rows[name]
                  if case is not None and one["case_id"] == case["id"]]  # fmt: skip
        return "/".join([own or "-", *placed[:1]])
    return f"{own}/{case['status']}"


def _ended(row: Row, *columns: str) -> str:
    return next((column for column in columns if row[column] is not None), "standing")


def erased(facts: Facts, person: str) -> bool:
    return any(row["subject_id"] == person and row["erased_at"] is not None for row in facts.rows["subject_keys"])


def held(facts: Facts, case_id: str, person: str) -> bool:
    """A hold of the person or of the whole case stands."""
    standing = [row for row in facts.rows["legal_holds"] if row["case_id"] == case_id and row["released_at"] is None]
    return any(row["person_id"] in {None, person} for row in standing)


def requested(facts: Facts, person: str) -> bool:
    return any(row["person_id"] == person and row["status"] == "requested" for row in facts.rows["erasures"])


def hidden(facts: Facts, person: str) -> int:
    """The version of the person's sealed address; 0 where none was ever sealed."""
    return next((int(row["version"]) for row in facts.rows["sealed_addresses"] if row["person_id"] == person), 0)


def members(facts: Facts, sponsor: str) -> list[Row]:
    return [row for row in facts.rows["sponsor_members"] if row["sponsor_id"] == sponsor]


def _person(facts: Facts, row: Row) -> str:
    stands = [test.__name__ for test in (erased, requested) if test(facts, row["id"])]
    stands += ["held"] * held(facts, row["case_id"], row["id"]) + ["hidden"] * bool(hidden(facts, row["id"]))
    return "+".join(stands) or "plain"


def _capacity(row: Row) -> str:
    taken = "taken" if row["held"] + row["used"] else "free"
    return taken if row["shrinks_to"] is None else f"{taken}, under review"


def _account(facts: Facts, row: Row) -> str:
    roles = {grant["role"] for grant in facts.rows["role_grants"] if grant["user_id"] == row["id"]}
    return "+".join([_ended(row, "disabled_at"), *sorted(roles)])


OWN_STATES: Mapping[str, Callable[[Facts, Row], str]] = {
    "agreements": lambda facts, row: _ended(row, "ended_at"),  # noqa: ARG005
    "sites": lambda facts, row: f"{_ended(row, 'closed_on')}{' lodging' * (row['lodged'] + row['promised'] > 0)}",  # noqa: ARG005
    "saved_worklists": lambda facts, row: "shared" if row["office_id"] or row["region_code"] else "alone",  # noqa: ARG005
    "lodgings": lambda facts, row: _ended(row, "ends_on"),  # noqa: ARG005
    "site_closures": lambda facts, row: _ended(row, "finished_at"),  # noqa: ARG005
    "capacities": lambda facts, row: _capacity(row),  # noqa: ARG005 -- the table's signature
    "milestones": lambda facts, row: "void" if row["voided_at"] else "live",  # noqa: ARG005 -- the table's signature
    "claim_statuses": lambda facts, row: "void" if row["voided_at"] else "live",  # noqa: ARG005 -- the same
    "address_notices": lambda facts, row: "done" if row["notified_on"] else "due",  # noqa: ARG005 -- the same
    "persons": _person,
    "case_links": lambda facts, row: f"{row['kind']} {_ended(row, 'ended_at')}",  # noqa: ARG005
    "merges": lambda facts, row: f"{row['status']}{' across' * row['across']}",  # noqa: ARG005
    "pilots": lambda facts, row: _ended(row, "ended_on"),  # noqa: ARG005
    "users": _account,
    "role_grants": lambda facts, row: f"{row['role']} {_ended(row, 'revoked_at', 'approved_at', 'proposed_by')}",  # noqa: ARG005
    "api_clients": lambda facts, row: _ended(row, "revoked_at"),  # noqa: ARG005
    "client_secrets": lambda facts, row: _ended(row, "revoked_at"),  # noqa: ARG005
    "legal_holds": lambda facts, row: _ended(row, "released_at"),  # noqa: ARG005
    "sponsors": lambda facts, row: f"{sum(m['left_on'] is None for m in members(facts, row['id']))} members",
    "sponsor_members": lambda facts, row: _ended(row, "erased_at", "left_on"),  # noqa: ARG005
    "glass_breaks": lambda facts, row: _ended(row, "reviewed_at"),  # noqa: ARG005
}
