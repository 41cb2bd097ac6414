"""The indicators read from the server's own log, up to a published checkpoint, as an export of it would be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from casework.audit import proofs, queries
from casework.audit.selection import Selection
from casework.audit.signer import LogName
from casework.indicators import figures
from casework.indicators.errors import LogTooLongHere
from casework.indicators.log_lines import Standing
from casework.milestones.queries import catalogue

if TYPE_CHECKING:
    from datetime import date

    from casework.indicators.figures import By, Figure
    from casework.kernel.database import Session

PAGE: Final = 5_000
LIMIT: Final = 200_000


async def indicator(session: Session, figure: Figure, by: By, on: date, size: int | None) -> dict[str, Any]:
    """Raises NothingPublishedYet, SizeNotPublished or LogTooLongHere."""
    checkpoint = await proofs.published(session, LogName.milestones, size)
    if checkpoint.size > LIMIT:
        raise LogTooLongHere(limit_entries=LIMIT)
    standing = Standing()
    for first in range(0, checkpoint.size, PAGE):
        end = min(checkpoint.size, first + PAGE)
        for row in await queries.rows(session, LogName.milestones, first, end, Selection({}), PAGE):
            standing.add(row.case_tag.hex() if row.case_tag else None, json.loads(row.body))
    return figures.document(figure, by, on, standing.entries(), catalogue(), checkpoint.size)
