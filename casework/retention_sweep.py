"""`casework retention`: the schedule applied to this installation, with a progress bar on a terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from casework.embedded_home import installed
from casework.parts import database_of
from casework.privacy.retention import sweep

if TYPE_CHECKING:
    from casework.settings import Settings


def run(*, apply: bool, batch: int) -> dict[str, Any]:
    """`{"applied", "rules": [...]}`: one line a rule, ids only. Raises BootRefused without an installation."""
    return asyncio.run(swept(installed(), apply=apply, batch=batch))


async def swept(settings: Settings, *, apply: bool, batch: int) -> dict[str, Any]:
    database = database_of(settings)
    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            tasks: dict[str, Any] = {}

            def progress(rule: str, seen: int) -> None:
                if rule not in tasks:
                    tasks[rule] = bar.add_task(rule, total=None)
                bar.update(tasks[rule], completed=seen)

            found = await sweep(database, apply=apply, batch=batch, progress=progress)
    finally:
        await database.close()
    return {"applied": apply, "rules": [one.told(apply) for one in found]}
