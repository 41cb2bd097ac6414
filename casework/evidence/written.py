"""What one transaction wrote, in every table, with everything that differs by nature put aside."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.rows import dict_row

if TYPE_CHECKING:
    import psycopg

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
HEX = re.compile(r"[0-9a-f]{32,}")
# Given by a sequence or by the caller of the comparison, so different for each intake.
NAMES = {"reference", "external_id"}


def rows_with(owner: psycopg.Connection[Any], case_id: UUID) -> dict[str, list[str]]:
    """Table → rows of the transaction that wrote the case, triggers' rows included.

    Identifiers, instants and random bytes are replaced by their kind (bytes also by their length), so that two
    intakes of one household give equal results exactly when they wrote the same rows.
    """
    [(transaction,)] = owner.execute("SELECT xmin::text FROM cases WHERE id = %s", (case_id,)).fetchall()
    written: dict[str, list[str]] = {}
    for (table,) in owner.execute(TABLES).fetchall():
        with owner.cursor(row_factory=dict_row) as cursor:
            sql = f"SELECT * FROM {table} WHERE xmin::text = %s"
            rows = cursor.execute(sql.encode(), (transaction,)).fetchall()
        if rows:
            written[table] = sorted(json.dumps(_kinds(row), sort_keys=True) for row in rows)
    return written


def shape_of(body: bytes) -> str:
    """An answer's text with identifiers and instants replaced by their kind; the order of members stays."""
    return json.dumps(_kinds(json.loads(body)))


def _kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: "different" if name in NAMES and one is not None else _kinds(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_kinds(one) for one in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, UUID | datetime):
        return type(value).__name__
    if isinstance(value, str):
        return _kind_of_text(value)
    return value if isinstance(value, bool | int | float | None) else str(value)


def _kind_of_text(text: str) -> Any:
    """JSON inside a text (a leaf's body) is looked into; ids, instants and keyed hashes are told by their form."""
    if text.startswith("{"):
        return _kinds(json.loads(text))
    if HEX.fullmatch(text.replace("-", "")):
        return f"{len(text)} hex"
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return text
    return "instant" if "T" in text else text
