"""`policy.py` and `shields.py` compiled to PostgreSQL: roles, functions, policies, grants, and their fingerprint."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from casework.authz import vouching, witness
from casework.authz.policy import POLICY, Actor, Permission, Reach, Role, Sight, SystemActor, sight
from casework.authz.predicates import condition
from casework.authz.shields import SHIELDS, Shape, Shield

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from casework.authz.predicates import Holder

ACTORS: tuple[Actor, ...] = (*Role, *SystemActor)
# Who says which caseworker follows a case.
NAMES_CASEWORKERS: tuple[Actor, ...] = tuple(
    actor for actor in ACTORS if actor in POLICY[Permission.case_create] or actor in POLICY[Permission.case_update]
)
# Place in the signed context (functions.sql) and type of each claim.
POSITION = {
    "role": (2, ""), "actor": (3, "::uuid"), "office": (5, "::uuid"), "region": (6, ""), "organization": (7, "::uuid"),
}  # fmt: skip


def database_role(actor: Actor) -> str:
    return f"casework_{actor}"


def statements(owner: str, login: str) -> Iterator[str]:
    """Everything that turns a migrated schema into a shielded one; running it twice changes nothing."""
    yield files("casework.authz").joinpath("functions.sql").read_text(encoding="utf-8")
    yield vouching.function()
    yield vouching.glass()
    yield _drop_all()
    yield f'GRANT USAGE ON SCHEMA authz TO "{login}", {_all_roles()}'
    yield f'GRANT EXECUTE ON FUNCTION authz.admit(text) TO "{login}"'
    for function in ("claim(text, int)", "own_claim(text, int)", vouching.MAY_VOUCH, vouching.VOUCHES_FOR):
        yield f"GRANT EXECUTE ON FUNCTION authz.{function} TO {_all_roles()}"
    yield f"GRANT EXECUTE ON FUNCTION authz.follows(uuid, uuid) TO {_all_roles(NAMES_CASEWORKERS)}"
    yield f"GRANT EXECUTE ON FUNCTION authz.speaks(uuid) TO {_all_roles(POLICY[Permission.sponsor_write])}"
    for function in (vouching.MAY_BREAK, vouching.WAS_BROKEN):
        yield f"GRANT EXECUTE ON FUNCTION authz.{function} TO {_all_roles(POLICY[Permission.break_glass_grant])}"
    yield f'GRANT USAGE ON SCHEMA public TO "{login}", {_all_roles()}'
    for shield in SHIELDS:
        yield f"ALTER TABLE {shield.table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {shield.table} FORCE ROW LEVEL SECURITY"
        yield f'CREATE POLICY owner_maintenance ON {shield.table} TO "{owner}" USING (true) WITH CHECK (true)'
        for actor in ACTORS:
            yield from _grants(shield, actor)
            yield from _policies(shield, actor)
    asking = POLICY[Permission.access_read]
    yield from witness.statements({actor: claims_of(actor, "claim") for actor in asking}, _all_roles(asking))


def fingerprint() -> str:
    """SHA-256 of what this version of the code would apply."""
    return hashlib.sha256("\n".join(statements("owner", "login")).encode()).hexdigest()


def _all_roles(actors: Iterable[Actor] = ACTORS) -> str:
    return ", ".join(database_role(actor) for actor in actors)


def _drop_all() -> str:
    tables = ", ".join(f"'{shield.table}'" for shield in SHIELDS)
    return f"""
DO $$
DECLARE found record;
BEGIN
  FOR found IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP POLICY %I ON public.%I', found.policyname, found.tablename);
  END LOOP;
  FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename IN ({tables}) LOOP
    EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, {_all_roles()}', found.tablename);
  END LOOP;
END $$"""


def _reaches(permissions: Iterable[Permission], actor: Actor) -> list[Reach]:
    """The reaches an actor holds through any of the permissions; `all` swallows the others."""
    found = {POLICY[permission][actor] for permission in permissions if actor in POLICY[permission]}
    return [Reach.all] if Reach.all in found else sorted(found)


def _grants(shield: Shield, actor: Actor) -> Iterator[str]:
    role = database_role(actor)
    if _may_select(shield, actor):
        hidden = {column for column, group in shield.fields.items() if not sight(actor, group).shows}
        yield _grant("SELECT", shield.table, role, hidden)
    if _may_insert(shield, actor):
        kept = {column for column in shield.fields if not _writes(shield, actor, column)}
        yield _grant("INSERT", shield.table, role, kept)
        if shield.shape is Shape.case:
            yield f"GRANT USAGE ON SEQUENCE case_references TO {role}"
    changed = {
        column
        for permission, columns in shield.update.items()
        if actor in POLICY[permission]
        for column in columns
        if _writes(shield, actor, column)
    }
    if changed:
        yield f"GRANT UPDATE ({', '.join(sorted(changed))}) ON {shield.table} TO {role}"
    if _reaches(shield.delete, actor):
        yield f"GRANT DELETE ON {shield.table} TO {role}"


def _writes(shield: Shield, actor: Actor, column: str = "") -> bool:
    """Whether the column's group, or the whole table's, is the actor's to write."""
    group = shield.fields.get(column, shield.group)
    return group is None or sight(actor, group) is Sight.write


def _grant(command: str, table: str, role: str, without: set[str]) -> str:
    if not without:
        return f"GRANT {command} ON {table} TO {role}"
    unwanted = ", ".join(f"'{column}'" for column in sorted(without))
    return f"""
DO $$
BEGIN
  EXECUTE (SELECT format('GRANT {command} (%s) ON {table} TO {role}', string_agg(quote_ident(attname), ', '))
    FROM pg_attribute WHERE attrelid = 'public.{table}'::regclass AND attnum > 0 AND NOT attisdropped
    AND attname NOT IN ({unwanted}));
END $$"""


def _may_select(shield: Shield, actor: Actor) -> bool:
    if shield.group is not None and not sight(actor, shield.group).shows:
        return False
    return shield.shape in {Shape.own_row, Shape.reference} or bool(_reaches(shield.select, actor))


def _may_insert(shield: Shield, actor: Actor) -> bool:
    if shield.shape is Shape.ledger and actor is SystemActor.sentinel:
        return shield.table == "log_leaves"
    return _writes(shield, actor) and (
        shield.shape in {Shape.own_row, Shape.ledger} or bool(_reaches(shield.insert, actor))
    )


def _policies(shield: Shield, actor: Actor) -> Iterator[str]:
    def policy(command: str, *, using: str | None = None, check: str | None = None) -> str:
        clauses = (f" USING ({using})" if using else "") + (f" WITH CHECK ({check})" if check else "")
        name = f"{actor}_{command.lower()}"
        return f"CREATE POLICY {name} ON {shield.table} FOR {command} TO {database_role(actor)}{clauses}"

    if _may_select(shield, actor):
        yield policy("SELECT", using=_visible(shield, actor, shield.select))
    if _may_insert(shield, actor):
        yield policy("INSERT", check=_writable(shield, actor, shield.insert))
    updating = [permission for permission in shield.update if actor in POLICY[permission]]
    if updating:
        # The columns that tie a row to its case are never granted for update, so the parent needs no second look.
        within = _visible(shield, actor, updating)
        yield policy("UPDATE", using=within, check=within)
    if _reaches(shield.delete, actor):
        yield policy("DELETE", using=_visible(shield, actor, shield.delete))


def claims_of(actor: Actor, function: str = "own_claim") -> Holder:
    """The caller's signed context; each claim a one-time sub-select, evaluated once a statement, not once a row.

    `claim` instead, where a definer's function asks which of several roles is acting.
    """

    def claim(name: str) -> str:
        position, cast = POSITION[name]
        return f"(SELECT authz.{function}('{actor}', {position}){cast})"

    return claim


def _visible(shield: Shield, actor: Actor, permissions: Iterable[Permission]) -> str:
    if shield.shape is Shape.reference:
        return f"{claims_of(actor)('role')} IS NOT NULL"
    if shield.shape is Shape.own_row and actor is not SystemActor.expiry:
        return f"actor_id = {claims_of(actor)('actor')}"
    if shield.shape is Shape.own_row:
        return f"{claims_of(actor)('role')} IS NOT NULL"
    reached = " OR ".join(condition(shield, reach, claims_of(actor)) for reach in _reaches(permissions, actor))
    veils = [rest for group, rest in shield.veiled.items() if not sight(actor, group).shows]
    return " AND ".join((f"({reached})", *veils)) if veils else reached


def _writable(shield: Shield, actor: Actor, permissions: Iterable[Permission]) -> str:
    if shield.shape is Shape.own_row:
        return f"actor_id = {claims_of(actor)('actor')}"
    if shield.shape is Shape.ledger:
        own = " AND log = 'security'" if actor is SystemActor.sentinel else ""
        return f"{claims_of(actor)('role')} IS NOT NULL{own}"
    if shield.shape is not Shape.case_child:
        return _visible(shield, actor, permissions)
    reaches = _reaches(permissions, actor)
    mine = f" AND parent.caseworker_id = {claims_of(actor)('actor')}" if reaches == [Reach.own] else ""
    # The parent is looked for under the actor's own row security: a child of an invisible case is refused exactly
    # like a child of an absent one.
    vetted = f" AND {shield.vetted[actor]}" if actor in shield.vetted else ""
    return (
        f"{claims_of(actor)('role')} IS NOT NULL AND EXISTS (SELECT 1 FROM cases parent"
        f" WHERE parent.id = {shield.table}.case_id AND parent.office_id = {shield.table}.office_id"
        f" AND parent.region_code IS NOT DISTINCT FROM {shield.table}.region_code{mine}){vetted}"
    )
