"""Keyset pages over ORM queries, newest first: the one way lists are cut (api.md §1.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from sqlmodel import col

if TYPE_CHECKING:
    from sqlmodel.sql.expression import SelectOfScalar
    from starlette.requests import Request

    from casework.kernel.database import Session
    from casework.kernel.records import Record

R = TypeVar("R", bound="Record")


async def newest_first(  # noqa: PLR0913, PLR0917 -- a page is exactly these seven things
    request: Request,
    session: Session,
    model: type[R],
    query: SelectOfScalar[R],
    name: str,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    """One page of `model` by descending id. The cursor is bound to the caller, the list's name and its filter."""
    bound = f"{name}:{session.context.actor_id}"
    cursors = request.app.state.cursors
    if cursor:
        query = query.where(col(model.id) < UUID(cursors.read(cursor, bound)[0]))
    rows = list((await session.exec(query.order_by(col(model.id).desc()).limit(limit + 1))).all())
    following = cursors.write([str(rows[limit - 1].id)], bound) if len(rows) > limit else None
    return {"items": rows[:limit], "next_cursor": following}
