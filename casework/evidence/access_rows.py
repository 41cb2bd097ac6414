"""Below HTTP: every database role, with its genuine signed context and with none, at every shielded table.

What is shown must be the oracle's rows and columns and no others; what is written must be refused with one SQLSTATE,
because any other one tells that the row exists.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from casework.authz.policy import Reach, Sight
from casework.authz.rls import database_role
from casework.authz.shields import Shape
from casework.evidence.access_labels import relation, state
from casework.evidence.access_oracle import HELD, SHIELD_OF, SIGHTS, TELLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from casework.evidence.access_oracle import Oracle, Row
    from casework.evidence.access_stage import Player
    from casework.evidence.access_walk import Tally

Connection = psycopg.AsyncConnection[Any]
REFUSED = "42501"
# A trigger that refuses has been shown the row: row security let the statement reach it.
GUARDED = "42501, by a trigger"
WITNESSES = ("authz.who_sees(%s)", "authz.who_saw(%s, NULL, 9)")
COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True)
class Tried:
    """What a statement came to: its rows, their number, or the SQLSTATE that refused it."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    count: int = 0
    refused: str = ""


class Rows:
    """`connection` is the log-in role's; a superuser's does too, because a role entered keeps to row security."""

    def __init__(self, connection: Connection, context_key: bytes, oracle: Oracle, tally: Tally) -> None:
        self._connection, self._key, self._oracle, self.tally = connection, context_key, oracle, tally
        self._facts = oracle.facts
        self.guarded: set[str] = set()
        """`INSERT table` or `UPDATE table`, where a trigger refused what row security was not asked, or let pass."""

    async def run(self, who: Player, tables: Iterable[str], commands: Iterable[str] = COMMANDS) -> None:
        """Every command on every table, with the player's own context and with none."""
        for table in tables:
            for command in commands:
                attempt = getattr(self, f"_{command.lower()}")
                await attempt(who, table, self._context(who))
                await attempt(who, table, "")

    def _context(self, who: Player) -> str:
        return who.context().signed(self._key)

    async def _try(self, who: Player, context: str, statement: sql.Composed, values: Any = ()) -> Tried:
        entered = "SELECT set_config('casework.context', %s, true), set_config('role', %s, true)"
        try:
            async with self._connection.transaction(force_rollback=True):
                await self._connection.execute(entered, (context, database_role(who.role)))
                cursor = await self._connection.execute(statement, values)
                rows = await cursor.fetchall() if cursor.description else []
                return Tried(rows, cursor.rowcount)
        except psycopg.Error as error:
            guarded = error.sqlstate == REFUSED and "PL/pgSQL function" in (error.diag.context or "")
            return Tried(refused=GUARDED if guarded else error.sqlstate or "?")

    def _leak(self, who: Player, command: str, table: str, context: str, text: str) -> None:
        without = "" if context else " without a context"
        self.tally.leak(f"{command} {table} as {who.name}{without}: {text}")

    # Reading

    async def _select(self, who: Player, table: str, context: str) -> None:
        hidden = self._oracle.hidden_columns(who.role, table)
        keys, columns = self._facts.keys[table], self._facts.columns[table]
        named = sql.SQL(", ").join(sql.Identifier(column) for column in keys)
        tried = await self._try(who, context, sql.SQL("SELECT {} FROM {}").format(named, sql.Identifier(table)))
        shown = {"/".join(_text(value) for value in row) for row in tried.rows}
        due = {
            self._facts.key(table, row)
            for row in self._facts.rows[table]
            if context and self._oracle.sees(who, table, row)
        }
        if shown - due:
            self._leak(who, "SELECT", table, context, f"{len(shown - due)} rows out of reach")
        if due - shown:
            self.tally.denied[f"SELECT {table} as {who.name}: {len(due - shown)} rows missing {tried.refused}"] += 1
        if context:
            await self._columns(who, table, hidden, expected=bool(due))
        self._count(who, table, "SELECT", columns)

    async def _columns(self, who: Player, table: str, hidden: set[str], *, expected: bool) -> None:
        """A grant is asked of PostgreSQL by using it; no context is needed to be refused a column."""
        whole = TELLS.get((table, "*"))
        if whole is not None and SIGHTS[who.role, whole] is Sight.hide:
            hidden = set(self._facts.columns[table])
        for column in sorted(hidden):
            tried = await self._try(who, self._context(who), _selecting(table, [column]))
            if tried.refused != REFUSED:
                self._leak(who, "SELECT", table, "signed", f"column {column} is granted")
        open_ones = [column for column in self._facts.columns[table] if column not in hidden]
        if expected and open_ones:
            tried = await self._try(who, self._context(who), _selecting(table, open_ones))
            if tried.refused:
                self.tally.denied[f"SELECT {table} as {who.name}: a column is refused"] += 1

    async def witnesses(self, who: Player) -> None:
        """The functions that look behind row security check the asker's reach by themselves."""
        out = [case for case in self._facts.cases.values() if not self._oracle.may(who, _ASKING, "cases", case)]
        for function in WITNESSES if out else ():
            for context in (self._context(who), ""):
                for case in out[:: max(1, len(out) // 8)]:
                    tried = await self._try(
                        who, context, sql.SQL("SELECT 1 FROM {}").format(sql.SQL(function)), (case["id"],)
                    )
                    if tried.rows:
                        self._leak(who, "SELECT", function, context, "answers about a case out of reach")

    # Writing

    async def _update(self, who: Player, table: str, context: str) -> None:
        """Without a WHERE, so that only the policy of UPDATE stands between the statement and the rows."""
        shield = SHIELD_OF[table]
        due = {column for one, columns in shield.update.items() if who.role in HELD[one] for column in columns}
        extra = set(await self._granted(who, table, "UPDATE")) - due
        if extra:
            self._leak(who, "UPDATE", table, context, f"{sorted(extra)} may be changed")
        statement = sql.SQL("UPDATE {} SET {}").format(sql.Identifier(table), sql.SQL(await self._target(who, table)))
        await self._written(who, table, context, "UPDATE", statement)

    async def _delete(self, who: Player, table: str, context: str) -> None:
        statement = sql.SQL("DELETE FROM {}").format(sql.Identifier(table))
        await self._written(who, table, context, "DELETE", statement)

    async def _written(self, who: Player, table: str, context: str, command: str, statement: sql.Composed) -> None:
        test = self._oracle.changes if command == "UPDATE" else self._oracle.deletes
        due = sum(1 for row in self._facts.rows[table] if context and test(who, table, row))
        tried = await self._try(who, context, statement)
        reached = tried.refused == GUARDED and due > 0
        if reached:
            self.guarded.add(f"{command} {table}")
        if (tried.refused not in {"", REFUSED} and not reached) or tried.count > due:
            found = tried.refused or f"{tried.count} rows"
            self._leak(who, command, table, context, f"{found} where {due} are within reach")
        elif not reached and tried.count < due:
            self.tally.denied[f"{command} {table} as {who.name}: {tried.count} of {due} {tried.refused}"] += 1
        self._count(who, table, command, ("*",))

    async def _target(self, who: Player, table: str) -> str:
        """A change that the actor may make and no constraint minds; of constants, because to read a column is to ask
        the policies of SELECT too."""
        held = await self._granted(who, table, "UPDATE")
        if TARGETS.get(table, "").partition(" ")[0] in held:
            return TARGETS[table]
        known = [column for column in held if column in VALUES]
        if known:
            return f"{known[0]} = {VALUES[known[0]]}"
        # What is granted beyond these is shown by leaving the row as it is.
        return f'"{held[0]}" = "{held[0]}"' if held else f"{self._facts.keys[table][0]} = DEFAULT"

    async def _insert(self, who: Player, table: str, context: str) -> None:
        """A row that exists elsewhere, once more: the check refuses it before any constraint speaks."""
        refused = [row for row in self._facts.rows[table] if not (context and self._adds(who, table, row))]
        near = [row for row in refused if context and self._in_sight(who, table, row)] or self._brought(
            who, table, context
        )
        columns = await self._granted(who, table, "INSERT") or list(self._facts.columns[table])
        named = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
        statement = sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM jsonb_populate_record(NULL::{0}, %s)").format(
            sql.Identifier(table), named
        )
        for row in [*refused[:1], *near[:1]]:
            fitted = row | FITTED[table](who) if table in FITTED else row
            tried = await self._try(who, context, statement, (json.dumps(fitted),))
            if tried.refused == GUARDED:
                self.guarded.add(f"INSERT {table}")
            if tried.refused not in {REFUSED, GUARDED}:
                self._leak(who, "INSERT", table, context, f"{tried.refused or 'accepted'} for a row not theirs to add")
        self._count(who, table, "INSERT", ("*",))

    def _brought(self, who: Player, table: str, context: str) -> list[Row]:
        """Where no case in sight has such a row: another case's, brought to one that the player sees but may not add to."""
        rows = self._facts.rows[table][:1] if context and SHIELD_OF[table].shape is Shape.case_child else []
        seen = [case for case in self._facts.cases.values() if rows and self._oracle.sees(who, "cases", case)]
        carried = ("office_id", "region_code")
        moved = [
            row | {"case_id": case["id"], **{name: case[name] for name in carried}} for row in rows for case in seen
        ]
        return [row for row in moved if not self._adds(who, table, row)][:1]

    def _in_sight(self, who: Player, table: str, row: Row) -> bool:
        case = self._facts.case_of(table, row)
        return case is not None and self._oracle.sees(who, "cases", case)

    async def _granted(self, who: Player, table: str, command: str) -> list[str]:
        """Columns as PostgreSQL grants them now, whatever they should be."""
        asked = "SELECT c FROM unnest(%s::text[]) c WHERE has_column_privilege(%s, %s, c, %s)"
        columns = list(self._facts.columns[table])
        found = await self._connection.execute(asked, (columns, database_role(who.role), table, command))
        return [row[0] for row in await found.fetchall()]

    def _adds(self, who: Player, table: str, row: Row) -> bool:
        shield = SHIELD_OF[table]
        if shield.shape is Shape.own_row:
            return bool(row["actor_id"] == str(who.id))
        if shield.shape is Shape.ledger:
            return True
        held = [one for one in shield.insert if who.role in HELD[one]]
        case = self._facts.case_of(table, row)
        if case is None or shield.shape is not Shape.case_child:
            return self._oracle.may(who, held, table, row)
        # A child follows its parent: within sight of the actor, and the actor's own where every permission says so.
        own = {HELD[one][who.role] for one in held} == {Reach.own}
        return bool(held) and self._oracle.sees(who, "cases", case) and (
            not own or case["caseworker_id"] == str(who.id)
        )  # fmt: skip

    def _count(self, who: Player, table: str, command: str, columns: Iterable[str]) -> None:
        labels = {
            (relation(self._oracle, who, table, row), state(self._facts, table, row))
            for row in self._facts.rows[table][:400]
        }
        for label in labels or {("any", "-")}:
            self.tally.cells |= {(str(who.role), f"{command} {table}", *label, column) for column in columns}


_ASKING = tuple(one for one in HELD if str(one) == "access:read")
# What lets a row past the trigger of its table, so that row security has to refuse it.
FITTED: Mapping[str, Callable[[Player], Row]] = {
    "erasures": lambda who: {
        "status": "requested", "requested_by": str(who.id), "decided_by": None, "decided_at": None, "refusal": None,
    },
    "role_grants": lambda who: {
        "proposed_by": str(who.id), "approved_at": None, "approved_by": None, "revoked_at": None,
    },
}  # fmt: skip
# Where the tables' common values will not do.
TARGETS = {
    "memberships": "end_reason = NULL",
    "merges": "version = 1",
    "representatives": "ended_on = '2100-12-31'",
    "sponsor_members": "left_on = '2100-12-31', leave_reason = 'moved'",
    "draw_entries": "rank = NULL, drawn = NULL",
}
# Values that no constraint minds.
VALUES = {
    "version": "1", "ended_at": "NULL", "fulfilled_by": "NULL", "due_on": "'2026-01-01'", "revoked_at": "NULL",
    "disabled_at": "NULL", "approved_at": "NULL", "jwks": "NULL", "attempts": "1", "refusal": "NULL", "decided_at": "NULL",
    "release_reference": "NULL", "kek_id": "'drill'", "sealed": r"'\x00'", "sealed_name": r"'\x00'",
    "sealed_contact": "NULL", "sealed_address": "NULL", "sealed_reason": r"'\x00'", "sealed_value": r"'\x00'", "sealed_representative": r"'\x00'",
    "sealed_source": r"'\x00'", "sealed_text": r"'\x00'", "sealed_receipt": "NULL", "override_code": "NULL",
    "sealed_evidence": "NULL", "sealed_close_reason": "NULL", "sealed_end_reason": "NULL",
}  # fmt: skip


def _selecting(table: str, columns: list[str]) -> sql.Composed:
    named = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    return sql.SQL("SELECT {} FROM {} LIMIT 1").format(named, sql.Identifier(table))


def _text(value: Any) -> str:
    return "\\x" + value.hex() if isinstance(value, bytes) else str(value)
