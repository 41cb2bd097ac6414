"""What everybody may see and do, predicted in plain Python from the rows as they stand and from the two tables of
policy.py. It asks PostgreSQL for nothing but the bare facts, as a superuser, so it shares no query with the product.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from casework.authz.policy import (
    POLICY,
    VOUCHERS,
    Actor,
    FieldGroup,
    Permission,
    Reach,
    Role,
    Sight,
    SystemActor,
    sight,
)
from casework.authz.rls import ACTORS
from casework.authz.shields import SHIELDS, Shape, Shield
from casework.kernel import clock
from casework.milestones.reference import Anchor, milestone_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import psycopg

    from casework.evidence.access_stage import Player

Row = dict[str, Any]
# Copies: a drill weakens the product's own tables, never these.
HELD: Final = {permission: dict(reaches) for permission, reaches in POLICY.items()}
SIGHTS: Final = {(actor, group): sight(actor, group) for actor in ACTORS for group in FieldGroup}
VOUCHED: Final = {granted: dict(row) for granted, row in VOUCHERS.items()}
# A machine neither vouches for people nor gives itself secrets.
MACHINES_NEVER: Final = frozenset({"grant:read", "grant:approve", "password:issue", "client_secret:manage"})
SHIELD_OF: Final = {shield.table: shield for shield in SHIELDS}

# What a column tells, whatever the shields say of it; "*" is the whole row.
TELLS: Final[Mapping[tuple[str, str], FieldGroup]] = {
    ("cases", "claimed_on"): FieldGroup.claim,
    ("persons", "sealed_name"): FieldGroup.names,
    ("persons", "sealed_birth"): FieldGroup.birth,
    ("persons", "sealed_contact"): FieldGroup.contact,
    ("persons", "sealed_death"): FieldGroup.birth,
    ("persons", "sealed_description"): FieldGroup.self_description,
    ("person_versions", "sealed_name"): FieldGroup.names,
    ("person_versions", "sealed_birth"): FieldGroup.birth,
    ("person_versions", "sealed_death"): FieldGroup.birth,
    ("person_versions", "sealed_contact"): FieldGroup.contact,
    ("person_versions", "sealed_description"): FieldGroup.self_description,
    ("representatives", "*"): FieldGroup.representative,
    ("identifiers", "*"): FieldGroup.identifiers,
    ("claim_statuses", "*"): FieldGroup.claim,
    ("needs", "*"): FieldGroup.needs,
    ("preferences", "*"): FieldGroup.preferences,
    ("consents", "*"): FieldGroup.consents,
    ("sealed_addresses", "*"): FieldGroup.sealed_address,
    # The decider's reasons may tell what the household said of itself.
    ("cases", "sealed_close_reason"): FieldGroup.reasons,
    ("merges", "sealed_reason"): FieldGroup.reasons,
    ("offers", "sealed_reason"): FieldGroup.reasons,
    ("offers", "sealed_withdraw_reason"): FieldGroup.reasons,
    ("assignments", "sealed_end_reason"): FieldGroup.reasons,
}
CLAIM_CODES: Final = frozenset(kind.code for kind in milestone_types() if kind.anchor is Anchor.claim)
# Rows that tell when the claim was made, in tables that others read.
CLAIM_ROWS: Final[Mapping[str, Callable[[Row], bool]]] = {
    "milestones": lambda row: row["code"] in CLAIM_CODES,
    "milestone_expectations": lambda row: row["code"] in CLAIM_CODES or row["anchor"] == str(Anchor.claim),
}


@dataclass(slots=True)
class Facts:
    """Every row of every shielded table, and the key that tells rows apart."""

    rows: dict[str, list[Row]]
    keys: dict[str, tuple[str, ...]]
    columns: dict[str, tuple[str, ...]]
    cases: dict[str, Row] = field(default_factory=dict)
    grants: dict[str, list[Row]] = field(default_factory=dict)
    agreements: dict[str, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cases = {row["id"]: row for row in self.rows["cases"]}
        self.agreements = {row["id"]: row for row in self.rows["agreements"]}
        for grant in self.rows["case_grants"]:
            self.grants.setdefault(grant["case_id"], []).append(grant)

    def case_of(self, table: str, row: Row) -> Row | None:
        return row if table == "cases" else self.cases.get(row.get("case_id") or "")

    def key(self, table: str, row: Row) -> str:
        return "/".join(str(row[column]) for column in self.keys[table])


async def facts_of(watcher: psycopg.AsyncConnection[Any]) -> Facts:
    rows, keys, columns = {}, {}, {}
    for table in SHIELD_OF:
        found = await watcher.execute(f"SELECT to_jsonb(t) FROM {table} t".encode())
        rows[table] = [row[0] for row in await found.fetchall()]
        named = await watcher.execute(
            "SELECT attname, attnum = ANY(i.indkey) FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid"
            " AND i.indisprimary WHERE a.attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (table,),
        )
        pairs = await named.fetchall()
        columns[table] = tuple(name for name, _ in pairs)
        keys[table] = tuple(name for name, primary in pairs if primary)
    return Facts(rows, keys, columns)


@dataclass(slots=True)
class Oracle:
    facts: Facts
    now: datetime = field(default_factory=clock.now)
    _today: date = field(default_factory=clock.today)

    # Reach

    def reaches(self, who: Player, permission: Permission, table: str, row: Row) -> bool:
        reach = HELD[permission].get(who.role)
        return reach is not None and self._within(who, reach, SHIELD_OF[table], row)

    def _within(self, who: Player, reach: Reach, shield: Shield, row: Row) -> bool:  # noqa: C901, PLR0911 -- one return a reach
        if reach is Reach.all:
            return True
        if reach is Reach.organization:
            return bool(row.get(shield.column("organization")) == str(who.organization_id))
        if reach is Reach.vouched:
            return self._vouched(who, shield.table, row)
        if reach is Reach.shared:
            mine = {"actor_id": who.id, "office_id": who.office_id, "region_code": who.region_code}
            return any(value is not None and row[column] == str(value) for column, value in mine.items())
        if reach is Reach.actor:
            return bool(row.get("actor_id") == str(who.id))
        if reach is Reach.sponsored and shield.shape is Shape.plain:
            return bool(row["spokesperson_id"] == str(who.id))
        case = self.facts.case_of(shield.table, row)
        if reach is Reach.region and case is None:
            return bool(row.get("region_code") == who.region_code)
        if case is None:
            return reach is Reach.office and bool(row.get("office_id") == str(who.office_id))
        if reach is Reach.office:
            return bool(case["office_id"] == str(who.office_id))
        if reach is Reach.own:
            return bool(case["caseworker_id"] == str(who.id))
        grants = [row] if shield.table == "case_grants" else self.facts.grants.get(case["id"], [])
        if reach is Reach.granted and not self._own_business(who, shield.table, row):
            return False
        through = any(self.in_force(grant) and self._grantee(who, reach, grant) for grant in grants)
        return through or (reach is Reach.region and case["region_code"] == who.region_code)

    # Vouching (ADR 0011)

    def _vouched(self, who: Player, table: str, row: Row) -> bool:
        """A grant one may vouch for; an account behind a grant one sees; a password for an account, wholly."""
        if table == "role_grants":
            return self.may_vouch(who, row)
        if table == "users":
            grants = self.facts.rows["role_grants"]
            return any(grant["user_id"] == row["id"] and self.sees(who, "role_grants", grant) for grant in grants)
        return bool(row["one_time"]) and self.vouches_for(who, row["user_id"])

    def may_vouch(self, who: Player, grant: Row) -> bool:
        reach = VOUCHED[Role(grant["role"])].get(Role(who.role)) if who.role in set(Role) else None
        if reach is Reach.organization:
            return who.organization_id is not None and grant["organization_id"] == str(who.organization_id)
        if reach is Reach.region:
            return who.region_code is not None and grant["region_code"] == who.region_code
        return reach is Reach.all

    def vouches_for(self, who: Player, account: str) -> bool:
        """Every role that another's account holds or was proposed; one without any is nobody's to vouch for."""
        held = [
            grant for grant in self.facts.rows["role_grants"] if grant["user_id"] == account and self.current(grant)
        ]
        return account != str(who.id) and bool(held) and all(self.may_vouch(who, grant) for grant in held)

    def current(self, grant: Row) -> bool:
        until = grant["valid_until"]
        return grant["revoked_at"] is None and (until is None or self._between(None, until))

    def _own_business(self, who: Player, table: str, row: Row) -> bool:
        """Another organization's offer or assignment on the same case is none of this one's business."""
        if table == "offer_answers":
            row = next(offer for offer in self.facts.rows["offers"] if offer["id"] == row["offer_id"])
        if table == "case_notes":
            own = row["organization_id"] == str(who.organization_id)
            return own or (row["organization_id"] is None and row["visibility"] == "shared")
        hosted = table in {"offers", "assignments", "offer_answers", "transfers"}
        return not hosted or bool(row["organization_id"] == str(who.organization_id))

    def _grantee(self, who: Player, reach: Reach, grant: Row) -> bool:
        if reach is Reach.region:
            return who.region_code is not None and grant["grantee_region"] == who.region_code
        if reach is Reach.granted:
            return who.organization_id is not None and grant["organization_id"] == str(who.organization_id)
        return bool(grant["grantee_user_id"] == str(who.id))

    def in_force(self, grant: Row) -> bool:
        """Dated, not ended, its agreement running, the consents behind it standing (access.md §1)."""
        if grant["ended_at"] is not None or not self._between(grant["valid_from"], grant["valid_until"]):
            return False
        if grant.get("consent_until") is not None and not self._between(None, grant["consent_until"]):
            return False
        return grant["agreement_id"] is None or self.agreed(self.facts.agreements[grant["agreement_id"]])

    def agreed(self, agreement: Row) -> bool:
        starts, ends = date.fromisoformat(agreement["starts_on"]), date.fromisoformat(agreement["ends_on"])
        return agreement["ended_at"] is None and starts <= self._today <= ends

    def _between(self, first: str | None, last: str) -> bool:
        return (first is None or datetime.fromisoformat(first) <= self.now) and self.now < datetime.fromisoformat(last)

    # Rows

    def may(self, who: Player, permissions: Iterable[Permission], table: str, row: Row) -> bool:
        return any(self.reaches(who, permission, table, row) for permission in permissions)

    def sees(self, who: Player, table: str, row: Row) -> bool:
        shield = SHIELD_OF[table]
        if _kept_from(who.role, table, row):
            return False
        if shield.shape is Shape.reference:
            return True
        if shield.shape is Shape.own_row:
            return who.role is SystemActor.expiry or row["actor_id"] == str(who.id)
        return self.may(who, shield.select, table, row)

    def changes(self, who: Player, table: str, row: Row) -> bool:
        return not _kept_from(who.role, table, row) and self.may(who, SHIELD_OF[table].update, table, row)

    def deletes(self, who: Player, table: str, row: Row) -> bool:
        return not _kept_from(who.role, table, row) and self.may(who, SHIELD_OF[table].delete, table, row)

    def hidden_columns(self, actor: Actor, table: str) -> set[str]:
        """Columns that tell what the actor's sight of their group hides."""
        told = {column: group for (where, column), group in TELLS.items() if where == table and column != "*"}
        groups = {**told, **SHIELD_OF[table].fields}
        kept = {column for column, group in groups.items() if SIGHTS[actor, group] is Sight.hide}
        return kept & set(self.facts.columns[table])


def _kept_from(actor: Actor, table: str, row: Row) -> bool:
    whole = TELLS.get((table, "*"))
    if whole is not None and SIGHTS[actor, whole] is Sight.hide:
        return True
    return table in CLAIM_ROWS and CLAIM_ROWS[table](row) and SIGHTS[actor, FieldGroup.claim] is Sight.hide
