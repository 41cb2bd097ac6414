"""What the security log says, read in the tables by the owner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import World


def events(world: World, *kinds: str) -> list[dict[str, Any]]:
    """The leaves of the security tree, oldest first; only those of `kinds` when any is named."""
    with world.owner() as owner:
        rows = owner.execute("SELECT body FROM log_leaves WHERE log = 'security' ORDER BY recorded_at, id").fetchall()
    found = [json.loads(body) for (body,) in rows]
    return [leaf for leaf in found if not kinds or leaf["type"] in kinds]


def reasons(world: World, kind: str) -> list[str | None]:
    return [leaf["facts"].get("reason") for leaf in events(world, kind)]
