"""What every export says of itself: how many rows, from when to when, up to where the log stood, and its hash."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rfc8785

from casework.audit import queries as log
from casework.audit.signer import LogName
from casework.kernel import clock
from casework.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from casework.kernel.database import Session


def plain(value: Any) -> Any:
    """JSON as it is sent: instants and dates in ISO 8601, ids as text."""
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


async def manifest(
    session: Session, form: str, content: dict[str, Any], rows: dict[str, int], instants: Iterable[datetime | None]
) -> dict[str, Any]:
    """`content` is plain JSON, hashed as it is; `instants` give the range that the rows cover."""
    known = [instant for instant in instants if instant is not None]
    newest = await log.checkpoint(session, LogName.audit)
    return {
        "type": "manifest",
        "format": form,
        "id": str(new_id()),
        "produced_at": clock.now().isoformat(),
        "rows": rows,
        "range": {"from": plain(min(known, default=None)), "until": plain(max(known, default=None))},
        "content_sha256": digest(content),
        "checkpoint": newest.note if newest else None,
    }
