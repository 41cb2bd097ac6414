"""What `casework rotate-keys` and `casework reindex-names` do: the rounds of `upkeep`, with their progress."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from casework import embedded_home
from casework.kernel import clock
from casework.parts import database_of
from casework.settings import Settings
from casework.upkeep import reindexing, rotation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from datetime import datetime

    from casework.kernel.database import Database

    Work = Callable[[Database], Coroutine[Any, Any, dict[str, Any]]]


def rotate_keys(*, data_keys: bool, made_before: datetime | None) -> dict[str, Any]:
    """Wrap every data key under the current key; with `data_keys`, also renew those made before the instant."""
    until = made_before or clock.now()

    async def work(database: Database) -> dict[str, Any]:
        wrapped = await _counted("Clés / keys", await rotation.keys_left(database), rotation.wrap_again(database))
        done: dict[str, Any] = {"wrapped": wrapped, "left": await rotation.keys_left(database)}
        if data_keys:
            due = await rotation.keys_left(database, until)
            renewed = await _counted("Personnes / people", due, rotation.renew(database, until))
            done |= {
                "renewed": renewed,
                "made_before": until.isoformat(),
                "to_renew": await rotation.keys_left(database, until),
            }
        return {
            "ok": not done["left"] and not done.get("to_renew"),
            **done,
            "keys_in_use": await rotation.keys_in_use(database),
        }

    return _run(work)


def reindex_names() -> dict[str, Any]:
    async def work(database: Database) -> dict[str, Any]:
        count = await reindexing.people_to_index(database)
        return {"ok": True, "people": await _counted("Personnes / people", count, reindexing.reindex(database))}

    return _run(work)


def _run(work: Work) -> dict[str, Any]:
    settings = Settings()
    if settings.database_url is None:
        settings = embedded_home.existing_settings(embedded_home.folder(settings.data_dir))

    async def run() -> dict[str, Any]:
        database = database_of(settings)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


async def _counted(what: str, total: int, batches: AsyncIterator[int]) -> int:
    """The sum of the batches; a bar on a terminal, nothing elsewhere."""
    console, done = Console(stderr=True), 0
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)
        async for count in batches:
            done += count
            progress.advance(task, count)
    return done
