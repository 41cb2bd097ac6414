from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from casework.audit.merkle import MissingNode, NodeId

if TYPE_CHECKING:
    from collections.abc import Collection

    from casework.audit.selection import Selection
    from casework.audit.signer import LogName
    from casework.kernel.database import Session

CHECKPOINT = "SELECT size, root, note FROM log_checkpoints WHERE log = %s AND size = coalesce(%s, size)"
# One statement, one snapshot: a sequencer elsewhere may publish between two.
STATE = """
SELECT (SELECT index FROM log_entries WHERE log = %(log)s ORDER BY index DESC LIMIT 1), newest.*
FROM (VALUES (1)) AS always
LEFT JOIN LATERAL (
  SELECT size, root, note FROM log_checkpoints WHERE log = %(log)s ORDER BY size DESC LIMIT 1
) AS newest ON true
"""
# LATERAL with OFFSET 0 holds the planner to one look-up by key a row, in the order of the index: row security
# hides from it how many rows there are, and it would read a whole table for one page or one proof.
LEAVES = """
SELECT e.index, l.body FROM log_entries e
CROSS JOIN LATERAL (SELECT body FROM log_leaves WHERE id = e.leaf_id OFFSET 0) AS l
WHERE e.log = %s AND e.index >= %s AND e.index < %s ORDER BY e.index
"""
NODES = """
SELECT wanted.level, wanted.position, n.hash
FROM unnest(%s::smallint[], %s::bigint[]) AS wanted (level, position)
CROSS JOIN LATERAL (
  SELECT hash FROM log_nodes WHERE log = %s AND level = wanted.level AND position = wanted.position OFFSET 0
) AS n
"""
SELECTED = """
FROM log_entries e
CROSS JOIN LATERAL (SELECT body, recorded_at FROM log_leaves WHERE id = e.leaf_id OFFSET 0) AS l
LEFT JOIN LATERAL (SELECT case_tag FROM log_links WHERE leaf_id = e.leaf_id OFFSET 0) AS k ON true
WHERE e.log = %(log)s AND e.index >= %(first)s AND e.index < %(end)s
"""
ROWS = f"SELECT e.index, l.body, k.case_tag {SELECTED}"
# A page without proofs is written by PostgreSQL itself, one text instead of thousands of rows (house-style.md §4.7).
# The pseudonym is HMAC-SHA256 of the tag (RFC 2104), spelled out because the embedded server has no pgcrypto.
WRITTEN = """
SELECT count(*), max(page.index), coalesce(string_agg(page.line, '' ORDER BY page.index), '') FROM (
  SELECT e.index, '{{' || {case} || '"index":' || e.index || ',"leaf":' || l.body || E'}}\n' AS line
  {rows} ORDER BY e.index LIMIT %(limit)s
) AS page
"""
PSEUDONYM = """'"case":' || coalesce(
  '"' || encode(substr(sha256(%(outer)s || sha256(%(inner)s || k.case_tag)), 1, 16), 'hex') || '"', 'null') || ','"""
HMAC_BLOCK = 64


class Written(NamedTuple):
    """The entry lines of a page, how many, and the index of the last; None when there is none."""

    entries: int
    last: int | None
    lines: bytes


class Checkpoint(NamedTuple):
    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as exported: `case_tag` is null in the audit log, and once the household was erased."""

    index: int
    body: str
    case_tag: bytes | None


async def checkpoint(session: Session, log: LogName, size: int | None = None) -> Checkpoint | None:
    """The newest checkpoint, or the one of exactly `size` entries."""
    rows = await session.rows(f"{CHECKPOINT} ORDER BY size DESC LIMIT 1", (log, size))
    return Checkpoint(*rows[0]) if rows else None


async def newest_state(session: Session, log: LogName) -> tuple[Checkpoint | None, int]:
    """The newest checkpoint and the number of entries, seen at one moment."""
    [(last, *newest)] = await session.rows(STATE, {"log": log})
    return (None if newest[0] is None else Checkpoint(*newest)), (0 if last is None else last + 1)


async def leaves(session: Session, log: LogName, first: int, end: int) -> list[tuple[int, str]]:
    """Index and body of the entries of [first, end)."""
    return [(index, body) for index, body in await session.rows(LEAVES, (log, first, end))]


async def rows(session: Session, log: LogName, first: int, end: int, selection: Selection, limit: int) -> list[Row]:
    """The selected entries of [first, end), at most `limit` of them."""
    condition, values = selection.sql()
    found = await session.rows(
        f"{ROWS}{condition} ORDER BY e.index LIMIT %(limit)s",
        {"log": log, "first": first, "end": end, "limit": limit, **values},
    )
    return [Row(*row) for row in found]


async def written(  # noqa: PLR0913, PLR0917 -- the page, the selection and whose pseudonyms
    session: Session, log: LogName, first: int, end: int, selection: Selection, limit: int, mandate_key: bytes | None
) -> Written:
    """As `rows`, already in lines; with `mandate_key` (32 bytes) each says its case's pseudonym, or null."""
    condition, values = selection.sql()
    key = (mandate_key or b"").ljust(HMAC_BLOCK, b"\0")
    pads = {"inner": bytes(byte ^ 0x36 for byte in key), "outer": bytes(byte ^ 0x5C for byte in key)}
    cursor = await (await session.driver()).execute(
        WRITTEN.format(case=PSEUDONYM if mandate_key else "''", rows=f"{SELECTED}{condition}").encode(),
        {"log": log, "first": first, "end": end, "limit": limit, **values, **pads},
    )
    result = cursor.pgresult
    assert result is not None
    # Megabytes that go out as they came in: never made into a text and back.
    count, last, lines = (result.get_value(0, column) for column in range(3))
    return Written(int(count or b"0"), None if last is None else int(last), lines or b"")


async def nodes(session: Session, log: LogName, wanted: Collection[NodeId]) -> dict[NodeId, bytes]:
    """Stored subtrees; raises MissingNode when the stored tree has a hole."""
    asked = list(dict.fromkeys(wanted))
    levels, positions = [level for level, _ in asked], [position for _, position in asked]
    found = {
        (level, position): digest for level, position, digest in await session.rows(NODES, (levels, positions, log))
    }
    if len(found) != len(asked):
        raise MissingNode(f"{len(asked) - len(found)} subtrees of {log}")
    return found
