"""Recipes of what an adult says of a recommendation, and of its review by another person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows
from casework.evidence.access_aims import ABSENT, Listed, Recipe, always, conflict, get
from casework.evidence.access_labels import erased

if TYPE_CHECKING:
    from casework.evidence.access_aims import Aim
    from casework.evidence.access_oracle import Row
    from casework.evidence.access_world import Author, Json

SAID = {"channel": "phone", "language": "fr", "text": "Mot du drill."}


def _adult(aim: Aim) -> str:
    people = (p["id"] for p in aim.facts.rows["persons"] if p["case_id"] == aim.case_id and p["is_adult"])
    return next(people, ABSENT)


def _observation(aim: Aim) -> Any:
    return {**SAID, "person_id": _adult(aim)}


def _observing(aim: Aim) -> int:
    return 410 if erased(aim.facts, _adult(aim)) else 201


def _reviewing(aim: Aim) -> int:
    row = aim.row or {}
    made = {one["id"]: one["created_by"] for one in aim.facts.rows["recommendations"]}
    own = {row.get("recorded_by"), made.get(row.get("recommendation_id"))}
    return conflict(row.get("reviewed_at") is not None or str(aim.who.id) in own)


def _on_it(aim: Aim, row: Row) -> bool:
    return bool(row["recommendation_id"] == aim.id)


async def add(author: Author, case: Json, recommendation: Json) -> None:
    """One that waits; where the office has a caseworker, one that was reviewed."""
    adult = next(one["person_id"] for one in case["household"]["members"] if one["is_adult"])
    path = f"/v1/recommendations/{recommendation['id']}/observations"
    for reviewed in (True, False) if case["taker"] != "ines" else (False,):
        said = await author.say("prosper", "POST", path, {**SAID, "person_id": adult})
        if reviewed:
            upheld = {"outcome": "upheld", "reason": "Vu."}
            await author.say("camille", "POST", f"/v1/observations/{said['id']}/review", upheld, said)


LISTS: dict[str, Listed] = {
    "GET /v1/recommendations/{recommendation_id}/observations": Listed("observations", _on_it),
}
RECIPES: tuple[Recipe, ...] = (
    Recipe("POST", "/v1/recommendations/{recommendation_id}/observations", P.recommendation_create, "recommendations",
           _observation, _observing, 0, 1),
    get("/v1/recommendations/{recommendation_id}/observations", P.recommendation_read, "recommendations"),
    Recipe("POST", "/v1/observations/{observation_id}/review", P.observation_review, "observations",
           always({"outcome": "changed", "reason": "Vu."}), _reviewing, 0, 1),
)  # fmt: skip
