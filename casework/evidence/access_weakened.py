"""Each rule of the wall made weaker, alone, and the cells that must tell.

Rules of PostgreSQL are weakened inside a transaction that never commits; rules of the application in memory, and put
back. A weakening that changes nothing by construction is named with its reason, and the reason is checked.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from fastapi import Request

from casework.authz import rls
from casework.authz.caller import Caller
from casework.authz.guard import Gate
from casework.authz.policy import FIELDS, POLICY, Actor, Permission, Reach, Role, Sight
from casework.authz.shields import Shape
from casework.evidence.access_oracle import HELD, SHIELD_OF, SIGHTS
from casework.evidence.access_recipes import RECIPES
from casework.evidence.access_rows import Rows
from casework.evidence.access_walk import Tally, cases_of, routes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from casework.authz.policy import FieldGroup
    from casework.evidence.access_oracle import Oracle
    from casework.evidence.access_recipes import Recipe
    from casework.evidence.access_rows import Connection
    from casework.evidence.access_stage import Player
    from casework.evidence.drill_access import Ground

NAMED_TABLE = re.compile(r" ON (?:TABLE )?(\w+) (?:FOR|TO) ")
SHORT_GATES = 12
VERSION = {"If-Match": '"1"'}
BOUNDED = "children follow their case, and the actor sees none"
BOTH = "row security holds the same rule: its cell above is weakened by itself"
TRIGGER = "a trigger refuses the same rows, whatever row security says"
UNGRANTED = "a policy without a privilege: the columns belong to a group that the actor does not write"
# `guard_grant` asks `authz.may_vouch` once more of whoever approves (ADR 0011).
APPROVALS = frozenset(f"{Permission.grant_approve} to {role}" for role in Role)
ADDED_POLICY = re.compile(r"CREATE POLICY \w+ ON (\w+) FOR (\w+) TO (\w+)")
SAME_TEXT = "the compiled wall is the same, word for word"


@dataclass(slots=True)
class Outcome:
    weakened: dict[str, int] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    equivalent: dict[str, str] = field(default_factory=dict)

    def note(self, kind: str, name: str, *, caught: bool) -> None:
        self.weakened[kind] = self.weakened.get(kind, 0) + 1
        if not caught:
            self.missed.append(f"{kind}: {name}")


@dataclass(frozen=True, slots=True)
class Weakening:
    """One rule of PostgreSQL: what the owner runs, and whose cells on which tables have to tell."""

    kind: str
    name: str
    actor: Actor
    statements: tuple[str, ...]
    tables: tuple[str, ...]
    commands: tuple[str, ...] = ("SELECT", "INSERT", "UPDATE", "DELETE")


def compiled(owner: str) -> list[str]:
    return list(rls.statements(owner, "casework_server"))


def policies(owner: str) -> Iterator[Weakening]:
    """Each shield × actor × command: its condition becomes `true`."""
    for text in compiled(owner):
        found = re.match(r"CREATE POLICY (\w+) ON (\w+) FOR (\w+) TO casework_(\w+)", text)
        if found is None:
            continue
        name, table, command, role = found.groups()
        using = " USING (true)" if " USING (" in text else ""
        check = " WITH CHECK (true)" if command in {"INSERT", "UPDATE"} else ""
        actor = next(actor for actor in rls.ACTORS if str(actor) == role)
        yield Weakening("policy", f"{table}.{name}", actor, (f"ALTER POLICY {name} ON {table}{using}{check}",), (table,),
                        (command,))  # fmt: skip


def columns(oracle: Oracle) -> Iterator[Weakening]:
    """Each column hidden from a role is granted to it."""
    for table in SHIELD_OF:
        for actor in rls.ACTORS:
            for column in sorted(oracle.hidden_columns(actor, table)):
                grant = f"GRANT SELECT ({column}) ON {table} TO {rls.database_role(actor)}"
                yield Weakening("column", f"{table}.{column} to {actor}", actor, (grant,), (table,), ("SELECT",))


def cells(owner: str, outcome: Outcome) -> Iterator[Weakening]:
    """Each permission given to who lacks it, or widened; each group of fields shown to who must not see it."""
    before = set(compiled(owner))
    for permission in Permission:
        for actor in rls.ACTORS:
            if HELD[permission].get(actor) is not Reach.all:
                name = f"{permission} to {actor}"
                try:
                    with given(permission, actor):
                        after = compiled(owner)
                except AssertionError as refusal:
                    outcome.equivalent[f"cell: {name}"] = f"the compiler refuses it: {refusal}"
                    continue
                yield from _difference("cell", name, actor, before, after, outcome)
    for (actor, group), seen in SIGHTS.items():
        if seen is Sight.hide:
            with shown(group, actor):
                after = compiled(owner)
            yield from _difference("sight", f"{group} to {actor}", actor, before, after, outcome)


def _difference(
    kind: str, name: str, actor: Actor, before: set[str], after: list[str], outcome: Outcome
) -> Iterator[Weakening]:
    new = [text for text in after if text not in before]
    if not new:
        outcome.equivalent[f"{kind}: {name}"] = SAME_TEXT
        return
    statements: list[str] = []
    for text in new:
        found = re.match(r"CREATE POLICY (\w+) ON (\w+)", text)
        statements += [f"DROP POLICY IF EXISTS {found[1]} ON {found[2]}"] if found else []
        statements.append(text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    tables = sorted({match[1] for text in new for match in NAMED_TABLE.finditer(text)} & SHIELD_OF.keys())
    yield Weakening(kind, name, actor, tuple(statements), tuple(tables))


# The two tables are read-only for everybody but a drill, which breaks what nothing else may.
_POLICY = cast("dict[Permission, Mapping[Actor, Reach]]", POLICY)
_FIELDS = cast("dict[FieldGroup, Mapping[Actor, Sight]]", FIELDS)


@contextmanager
def given(permission: Permission, actor: Actor, reach: Reach = Reach.all) -> Iterator[None]:
    kept = _POLICY[permission]
    _POLICY[permission] = {**kept, actor: reach}
    try:
        yield
    finally:
        _POLICY[permission] = kept


@contextmanager
def shown(group: FieldGroup, actor: Actor, seen: Sight = Sight.read) -> Iterator[None]:
    kept = _FIELDS[group]
    _FIELDS[group] = {**kept, actor: seen}
    try:
        yield
    finally:
        _FIELDS[group] = kept


def only_adds(weakening: Weakening) -> bool:
    """Nothing but rows to be inserted is opened."""
    if weakening.commands == ("INSERT",):
        return True
    texts = weakening.statements
    return all(" FOR INSERT " in text or "GRANT INSERT" in text or text.startswith("DROP") for text in texts)


def guarded_by_trigger(weakening: Weakening, guarded: set[str]) -> bool:
    """Only rows to be added, or the approval of grants, are opened, and a trigger was seen to refuse them."""
    command = "INSERT" if only_adds(weakening) else "UPDATE" if weakening.name in APPROVALS else "none"
    return {f"{command} {table}" for table in weakening.tables} <= guarded


async def ungranted(superuser: Connection, weakening: Weakening) -> bool:
    """Only policies are added, each for a command that the actor has no privilege for on any column."""
    found = [ADDED_POLICY.match(text) for text in weakening.statements if not text.startswith("DROP")]
    for policy in found:
        if policy is None:
            return False
        table, command, role = policy.groups()
        whole, asked = command == "DELETE", (role, table, command)
        test = "has_table_privilege" if whole else "has_any_column_privilege"
        [held] = await (await superuser.execute(f"SELECT {test}(%s, %s, %s)".encode(), asked)).fetchone() or [True]
        if held:
            return False
    return bool(found)


def bounded_by_parent(oracle: Oracle, weakening: Weakening) -> bool:
    """Only children may be added, each within sight of its case, and the actor sees no case at all."""
    adds = only_adds(weakening)
    children = all(SHIELD_OF[table].shape is Shape.case_child for table in weakening.tables)
    blind = all(weakening.actor not in HELD[one] for one in SHIELD_OF["cases"].select)
    return adds and children and blind and bool(oracle.facts.cases)


async def weaken(
    superuser: Connection, key: bytes, oracle: Oracle, players: Sequence[Player], weakening: Weakening
) -> tuple[Tally, set[str]]:
    """The cells concerned, with the rule as it was weakened, and the tables that a trigger guards; rolled back."""
    tally = Tally()
    probe = Rows(superuser, key, oracle, tally)
    async with superuser.transaction(force_rollback=True):
        for statement in weakening.statements:
            await superuser.execute(statement.encode())
        for who in players:
            if who.role is weakening.actor and who.scopes is None:
                await probe.run(who, weakening.tables, weakening.commands)
                await probe.witnesses(who)
    return tally, probe.guarded


# The application's own rules


async def gates(ground: Ground, outcome: Outcome) -> None:
    """Each gate lets anybody in as the manager; each permission's gate lets one more role pass."""
    manager = next(who for who in ground.people if who.role is Role.programme_manager)
    known = list(routes(ground.stage))
    for operation in ground.some(known, SHORT_GATES):
        method, _, path = operation.partition(" ")
        place = re.sub(r"\{[^}]+\}", str(manager.id), path)
        body: Any = None if method == "GET" else {}
        shut = await ground.stage.ask(None, method, place, body, VERSION)
        with _unhinged(manager):
            opened = await ground.stage.ask(None, method, place, body, VERSION)
        await ground.watch.look()
        outcome.note("gate removed", operation, caught=shut.status == 401 and opened.status != 401)
    for who, recipe in ground.some(list(_lacking(ground.people)), SHORT_GATES):
        outcome.note("gate", f"{recipe.operation} to {who.role}", caught=await _told(ground, who, recipe, 1))
    before = compiled("casework_owner")
    for who, recipe in _own_only(ground.people):
        name, caught = f"{recipe.operation} to {who.role}", await _told(ground, who, recipe, None)
        with given(recipe.permission, who.role):
            both_walls = compiled("casework_owner") != before
        if not caught and both_walls:
            outcome.equivalent[f"own: {name}"] = BOTH
        else:
            outcome.note("own", name, caught=caught)


async def _told(ground: Ground, who: Player, recipe: Recipe, number: int | None) -> bool:
    """Whether the cells tell that the permission is held, and reaches everything."""
    tally = Tally()
    with given(recipe.permission, who.role):
        await ground.walk(tally).run(cases_of(ground.oracle, [who], [recipe])[:number], lambda: None)
    return bool(tally.leaks)


@contextmanager
def _unhinged(manager: Player) -> Iterator[None]:
    """The gate of the one request sent meanwhile takes everybody for the manager, without asking."""

    async def welcome(_: Gate, request: Request) -> Caller:
        caller = Caller(manager.id, manager.role, manager.name, manager.grant_id)
        request.state.caller = caller
        return caller

    with patch.object(Gate, "__call__", welcome):
        yield


def _own_only(people: Sequence[Player]) -> Iterator[tuple[Player, Recipe]]:
    """Reach `own` is narrower than row security where a wider permission shares the table: the application decides."""
    for who in people:
        for recipe in RECIPES:
            if HELD[recipe.permission].get(who.role) is Reach.own and recipe.table and who.name == "camille":
                yield who, recipe


def _lacking(people: Sequence[Player]) -> Iterator[tuple[Player, Recipe]]:
    """Each role that a permission is refused to, once a route."""
    for role in Role:
        who = next(one for one in people if one.role is role and one.scopes is None)
        for recipe in RECIPES:
            if role not in HELD[recipe.permission]:
                yield who, recipe


async def masks(ground: Ground, outcome: Outcome) -> None:
    """Each masked group shown whole, in a case that the role reaches."""
    recipe = next(one for one in RECIPES if one.operation == "GET /v1/cases/{case_id}")
    for (actor, group), seen in SIGHTS.items():
        if seen is Sight.mask:
            tally, those = Tally(), [who for who in ground.people if who.role is actor]
            with shown(group, actor):
                await ground.walk(tally).run(cases_of(ground.oracle, those, [recipe]), lambda: None)
            outcome.note("mask", f"{group} to {actor}", caught=bool(tally.leaks))
