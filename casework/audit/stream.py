"""The whole log in one answer: page after page, the next ones made while one is on its way."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from casework.audit import export

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from casework.audit.schemas import Pull
    from casework.authz.caller import Caller
    from casework.kernel.database import Database

AHEAD = 2
"""Pages made before they are asked for: memory is theirs, whatever the log's length, and so are the connections held."""


async def pages(
    database: Database, caller: Caller, wanted: export.Export, pull: Pull, first: export.Page
) -> AsyncIterator[bytes]:
    """The bodies of `first` and of every page after it, up to its checkpoint.

    Each page is a transaction of its own, accounted for and committed before its first byte leaves. What stops one,
    an ended grant or a database away, cuts the answer short of its last chunk; what came is whole pages, and the
    next pull goes on `after` the last of them.
    """
    afters = iter(range(first.next_after or first.size, first.size - 1, pull.limit))

    async def made(after: int) -> bytes:
        async with database.transaction(caller.context()) as session:
            return (await export.page(session, caller, wanted, replace(pull, after=after, size=first.size))).body

    ahead = deque(asyncio.create_task(made(after)) for after in islice(afters, AHEAD))
    try:
        yield first.body
        while ahead:
            body = await ahead.popleft()
            ahead.extend(asyncio.create_task(made(after)) for after in islice(afters, 1))
            yield body
    finally:
        for task in ahead:
            task.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)
