"""The crowd of `drill oversell` over HTTP: each attempt is a whole `POST /v1/offers`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from casework.evidence.driving import Line, line_to, post
from casework.evidence.oversell_crowd import LAPSING, Crowd, Promise

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.evidence.stage import Stage

MANAGER = "prosper"
REASON = "Épreuve de charge."
# Time is what an offer runs out of; the drill lets it pass for one offer.
RUN_OUT = "UPDATE offers SET expires_at = now() - interval '1 second' WHERE id = %s AND status = 'held'"


async def besiege(found: Stage, crowd: Crowd, step: Callable[[], object]) -> None:
    port, token = found.contestants["server"].port, found.token(MANAGER)

    async def client(number: int) -> None:
        await _client(port, token, crowd, number, found)

    await crowd.watched(found.owner, client, step)


async def _client(port: int, token: str, crowd: Crowd, number: int, found: Stage) -> None:
    rng, cases = crowd.client(number)
    mine: Promise | None = None
    async with line_to(port) as line:
        while crowd.started < crowd.attempts:
            crowd.started += 1
            case, place = rng.choice(cases), rng.choice(crowd.places)
            wanted = {"case_id": str(case), "capacity_id": str(place), "reason": REASON}
            status, body = await line.ask(post("/v1/offers", token, wanted))
            answer = json.loads(body)
            if status == 201:
                new = Promise(UUID(answer["id"]), place, answer["persons"], answer["version"])
                crowd.granted(new)
                if mine is not None:
                    await _withdraw(line, token, crowd, mine)
                mine = new
                if rng.random() < LAPSING:
                    crowd.lapsing(mine)
                    found.owner.execute(RUN_OUT, (mine.offer_id,))
                    crowd.answers["lapsed"] += 1
                    mine = None
                continue
            crowd.answers[_named(status, answer)] += 1
            if mine is not None and rng.random() < 0.5:
                await _withdraw(line, token, crowd, mine)
                mine = None


async def _withdraw(line: Line, token: str, crowd: Crowd, offer: Promise) -> None:
    crowd.given_up(offer)
    path, version = f"/v1/offers/{offer.offer_id}/withdraw", f'"{offer.version}-programme_manager"'
    status, body = await line.ask(post(path, token, {"reason": REASON}, if_match=version))
    crowd.answers["withdrawn" if status == 200 else f"withdrawal:{_named(status, json.loads(body))}"] += 1


def _named(status: int, answer: dict[str, Any]) -> str:
    kind = str(answer.get("type", "")).rpartition("/")[2]
    return kind if 400 <= status < 500 and kind else str(status)
