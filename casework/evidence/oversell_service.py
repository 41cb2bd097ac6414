"""The crowd of `drill oversell` at the service level: the product's reservation, withdrawal and expiry, without HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.authz.caller import Caller
from casework.authz.policy import Role
from casework.demo.world import key
from casework.evidence.oversell_crowd import LAPSING, Crowd, Promise
from casework.evidence.population import OFFICE
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import Problem
from casework.main import create_app
from casework.placement import holds, offers
from casework.placement.expiry import expire_due

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from uuid import UUID

    from casework.evidence.stage import Stage
    from casework.kernel.database import Database

MANAGER = Caller(key("prosper"), Role.programme_manager, "prosper", grant_id=key("prosper/grant"))
LARGEST = 6
SOON = timedelta(milliseconds=200)
LATER = timedelta(hours=72)


async def besiege(found: Stage, crowd: Crowd, step: Callable[[], object]) -> None:
    database: Database = create_app(found.settings).state.database

    async def client(number: int) -> None:
        await _client(database, crowd, number)

    try:
        await crowd.watched(found.owner, client, step)
    finally:
        await database.close()


async def _client(database: Database, crowd: Crowd, number: int) -> None:
    rng, cases = crowd.client(number)
    mine: Promise | None = None
    while crowd.started < crowd.attempts:
        crowd.started += 1
        place = rng.choice(crowd.places)
        wanted = _wanted(rng, rng.choice(cases), place)
        new = Promise(wanted["id"], place, wanted["persons"], lapses=wanted["expires"] - wanted["now"] == SOON)
        try:
            async with database.transaction(MANAGER.context()) as session:
                await holds.hold(session, wanted)
        except Problem as refused:
            crowd.answers[refused.slug] += 1
        else:
            crowd.granted(new)
            if mine is not None:
                await _withdraw(database, crowd, mine)
            mine = None if new.lapses else new
        if mine is not None and rng.random() < 0.3:
            await _withdraw(database, crowd, mine)
            mine = None
        if rng.random() < 0.1:
            crowd.answers["lapsed"] += await expire_due(database, place)


def _wanted(rng: random.Random, case_id: UUID, place: UUID) -> dict[str, Any]:
    now = clock.now()
    return {
        "persons": rng.randint(1, LARGEST), "capacity": place, "on": clock.today(), "id": new_id(), "now": now,
        "case": case_id, "office": key(OFFICE), "region": None, "recommendation": None, "reason": b"drill",
        "by": MANAGER.actor_id, "ref": "drill", "expires": now + (SOON if rng.random() < LAPSING else LATER),
    }  # fmt: skip


async def _withdraw(database: Database, crowd: Crowd, offer: Promise) -> None:
    crowd.given_up(offer)
    async with database.transaction(MANAGER.context()) as session:
        await offers.withdraw_offer(session, MANAGER, offer.offer_id, offer.version, "Épreuve de charge.")
    crowd.answers["withdrawn"] += 1
