"""One versioned row behind its ETag: the one way it is looked up, by readers and before a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from casework.kernel.problems import NotFound, StaleVersion

if TYPE_CHECKING:
    from sqlmodel.sql.expression import SelectOfScalar

    from casework.kernel.database import Session
    from casework.kernel.records import VersionedRecord

V = TypeVar("V", bound="VersionedRecord")


async def single(session: Session, query: SelectOfScalar[V], version: int | None = None, *, lock: bool = False) -> V:
    """`version`: what the caller has read. Raises NotFound or StaleVersion."""
    found = (await session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound
    if version is not None and found.version != version:
        raise StaleVersion
    return found
