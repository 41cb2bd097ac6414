"""One page of an export: JSON Lines that `casework verify` checks offline (casework/verify.py), or a table."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rfc8785

from casework.audit import proofs, queries, table, trail
from casework.audit.schemas import Form
from casework.audit.signer import LogName
from casework.kernel.sealing import derive

if TYPE_CHECKING:
    from uuid import UUID

    from casework.audit.schemas import Pull
    from casework.audit.selection import Selection
    from casework.audit.signer import LogSigner
    from casework.authz.caller import Caller
    from casework.authz.policy import Permission
    from casework.kernel.database import Session

FORMAT = "casework-milestone-log/1"
TABLE_FORMAT = "casework-milestone-table/1"
"""Of a manifest beside a table: `entries_sha256` is then over the whole file."""
EXPORTED = {
    LogName.milestones: "milestone_log.exported",
    LogName.audit: "audit_log.exported",
    LogName.security: "security_log.exported",
}
SCAN = 50_000
"""Entries a filtered page looks at, whatever it finds: a rare value costs more pages, never a long query."""

# Filters whose value is the reader's own text, within a pattern.
WORDS = frozenset({"type", "code"})


@dataclass(frozen=True, slots=True)
class Page:
    body: bytes
    size: int
    first: int
    count: int
    next_after: int | None
    """Index to continue after; None at the end of the tree."""
    manifest: str | None
    """Of a table: JSON in ASCII, since the file itself cannot hold its own hash."""


@dataclass(frozen=True, slots=True)
class Export:
    """What one pull is made of, beside its position."""

    log: LogName
    signer: LogSigner
    selection: Selection
    permission: Permission


async def page(session: Session, caller: Caller, export: Export, pull: Pull) -> Page:
    """The page, accounted for in the trail of this transaction; raises SizeNotPublished, MalformedRequest."""
    checkpoint = await proofs.published(session, export.log, pull.size)
    if pull.first > checkpoint.size:
        raise proofs.beyond("after", checkpoint.size)
    stated = export.selection.stated()
    end = min(checkpoint.size, pull.first + (max(pull.limit, SCAN) if stated else pull.limit))
    consistency = await _consistency(session, export.log, pull.consistency_from, checkpoint.size)
    manifest = {
        "type": "manifest",
        "format": FORMAT if pull.form is Form.jsonl else TABLE_FORMAT,
        "origin": export.signer.origin(export.log),
        "size": checkpoint.size,
        "checkpoint": checkpoint.note,
        "filter": stated,
        "first": pull.first,
        **consistency,
    }
    count, last, content = await _content(session, caller, export, pull, manifest, end)
    manifest["count"] = count
    manifest["entries_sha256"] = hashlib.sha256(content).hexdigest()
    await _account_for(session, caller, export, manifest)
    manifest["signature"] = export.signer.sign_manifest(export.log, rfc8785.dumps(manifest))
    last = last if last is not None and count == pull.limit else end - 1
    next_after = last if last + 1 < checkpoint.size else None
    if pull.form is Form.jsonl:
        body = rfc8785.dumps(manifest) + b"\n" + content
        return Page(body, checkpoint.size, pull.first, count, next_after, None)
    return Page(content, checkpoint.size, pull.first, count, next_after, json.dumps(manifest))


async def _content(
    session: Session, caller: Caller, export: Export, pull: Pull, manifest: dict[str, Any], end: int
) -> tuple[int, int | None, bytes]:
    """How many entries, the index of the last, and their bytes; a table's manifest is given its count."""
    log, selection, limit = export.log, export.selection, pull.limit
    if pull.form is Form.jsonl and not (selection.stated() or pull.proofs):
        key = mandate_key(session, caller) if log is LogName.milestones else None
        return await queries.written(session, log, pull.first, end, selection, limit, key)
    rows = await queries.rows(session, log, pull.first, end, selection, limit)
    last = rows[-1].index if rows else None
    if pull.form is Form.jsonl:
        return len(rows), last, await _lines(session, caller, log, rows, manifest["size"])
    return len(rows), last, await _table(session, caller, rows, pull.form, {**manifest, "count": len(rows)})


async def _table(
    session: Session, caller: Caller, rows: list[queries.Row], form: Form, stated: dict[str, Any]
) -> bytes:
    key = mandate_key(session, caller)

    def written() -> bytes:
        values = [table.row(row.index, row.body, _pseudonym(key, row.case_tag)) for row in rows]
        return table.as_csv(values) if form is Form.csv else table.as_parquet(values, stated)

    # Beside the event loop: a page of a thousand rows must not hold the requests of others.
    return await asyncio.to_thread(written)


async def _account_for(session: Session, caller: Caller, export: Export, manifest: dict[str, Any]) -> None:
    kept = {name: manifest[name] for name in ("size", "filter", "first", "count", "entries_sha256")}
    if not manifest["count"]:
        # A code that selects nothing may be no code at all, and what enters the log can never be taken out again.
        kept["filter"] = {name: None if name in WORDS else value for name, value in kept["filter"].items()}
    await trail.record_read(session, caller, export.permission, [])
    trail.record(session, caller, EXPORTED[export.log], kept)


async def _consistency(session: Session, log: LogName, first: int | None, size: int) -> dict[str, Any]:
    if first is None:
        return {}
    if first > size:
        raise proofs.beyond("consistency_from", size)
    return {"consistency": {"from": first, "proof": await proofs.consistency_proof(session, log, first, size)}}


async def _lines(session: Session, caller: Caller, log: LogName, rows: list[queries.Row], size: int) -> bytes:
    """The entry lines, with inclusion proofs in the tree of `size`."""
    paths = await proofs.inclusion_proofs(session, log, [row.index for row in rows], size)
    key = mandate_key(session, caller)
    written = []
    for row, path in zip(rows, paths, strict=True):
        # `leaf` is canonical already; only its neighbours are written here, in the order of their names.
        case = f'"case":{_case(key, row.case_tag)},' if log is LogName.milestones else ""
        written.append(f'{{{case}"index":{row.index},"leaf":{row.body},"proof":{_array(path)}}}\n')
    return "".join(written).encode()


def _array(texts: list[str]) -> str:
    """JSON of base64 texts, in which nothing needs an escape."""
    return "[" + ",".join(f'"{text}"' for text in texts) + "]"


def mandate_of(caller: Caller) -> UUID:
    """What an auditor acts under; pseudonyms and cursors belong to it."""
    return caller.grant_id or caller.client_id or caller.actor_id


def mandate_key(session: Session, caller: Caller) -> bytes:
    """One key per mandate: pseudonyms are stable within an audit mandate and cannot be matched between two."""
    return derive(session.log_secret, f"audit-mandate/{mandate_of(caller)}")


def _case(key: bytes, case_tag: bytes | None) -> str:
    """JSON: the case's pseudonym, or null once the household was erased."""
    found = _pseudonym(key, case_tag)
    return "null" if found is None else f'"{found}"'


def _pseudonym(key: bytes, case_tag: bytes | None) -> str | None:
    return None if case_tag is None else hmac.new(key, case_tag, hashlib.sha256).hexdigest()[:32]
