"""Where households sleep meanwhile, played into the world of `drill access`, and the recipes that knock at it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows
from casework.demo.world import key
from casework.evidence.access_aims import ABSENT, Listed, Recipe, conflict, get
from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.access_aims import Aim
    from casework.evidence.access_oracle import Row
    from casework.evidence.access_world import Author

Json = dict[str, Any]
REFUGE = "Refuge du drill"
BEDS = 200


async def add(author: Author, number: int) -> None:
    """Stays that go on and one that ended; a shelter that closed, its households moved; one that closes in a week."""
    refuge = await _shelter(author, REFUGE)
    for offset, taker in enumerate(("camille", "ines")):
        _, stay = await _lodged(author, refuge, taker, number + offset)
        if taker == "camille":
            await author.say(taker, "POST", f"/v1/lodgings/{stay['id']}/end", {"ends_on": _day()}, stay)
        closing = [await _shelter(author, f"Refuge {taker} {days}") for days in (0, 7)]
        for days, shelter in zip((0, 7), closing, strict=True):
            await _lodged(author, shelter, taker, number + 10 + 2 * offset + days)
            stands = await author.say("prosper", "GET", f"/v1/sites/{shelter['id']}")
            body = {"closed_on": _day(days), "reason": "Bail perdu.", "successors": [refuge["id"]]}
            await author.say("prosper", "POST", f"/v1/sites/{shelter['id']}/closures", body, stands)
    await author.moved()


async def _shelter(author: Author, name: str) -> Json:
    body = {"name": name, "geo_code": "10043", "languages": [], "services": [], "opened_on": _day(-9), "beds": BEDS}
    return await author.say("prosper", "POST", f"/v1/organizations/{key('le-phare')}/sites", body)


async def _lodged(author: Author, shelter: Json, taker: str, number: int) -> tuple[Json, Json]:
    case = await author.taken_in_as("open", taker, number)
    body = {"site_id": shelter["id"], "starts_on": _day(-1)}
    return case, await author.say(taker, "POST", f"/v1/cases/{case['id']}/lodgings", body)


def _day(days: int = 0) -> str:
    return (clock.today() + timedelta(days=days)).isoformat()


# Bodies


def _refuge(aim: Aim) -> str:
    return next((str(site["id"]) for site in aim.facts.rows["sites"] if site["name"] == REFUGE), ABSENT)


def _lodging(aim: Aim) -> Any:
    return {"site_id": _refuge(aim), "starts_on": _day()}


def _leaving(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"ends_on": _day()}


def _closing(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"closed_on": _day(30), "reason": "Bail perdu.", "leave_waiting": True}


# What the object's state makes of it


def _lodged_there(aim: Aim) -> int:
    stays = [row for row in aim.facts.rows["lodgings"] if row["case_id"] == aim.case_id and row["ends_on"] is None]
    members = [m for m in aim.facts.rows["memberships"] if m["case_id"] == aim.case_id and m["ends_on"] is None]
    there = any(row["site_id"] == _refuge(aim) for row in stays)
    return conflict((aim.row or {}).get("status") == "closed" or there or not members, 201)


def _left(aim: Aim) -> int:
    return conflict((aim.row or {}).get("ends_on") is not None)


def _closed(aim: Aim) -> int:
    return conflict((aim.row or {}).get("closed_on") is not None, 201)


def _of_the_case(aim: Aim, row: Row) -> bool:
    return bool(row["case_id"] == aim.case_id)


_SITES = frozenset({"sites"})
LISTS: dict[str, Listed] = {"GET /v1/cases/{case_id}/lodgings": Listed("lodgings", _of_the_case)}
RECIPES: tuple[Recipe, ...] = (
    Recipe("POST", "/v1/cases/{case_id}/lodgings", P.lodging_record, "cases", _lodging, _lodged_there, 0, 1, also=_SITES),
    get("/v1/cases/{case_id}/lodgings", P.lodging_read, "cases"),
    Recipe("POST", "/v1/lodgings/{lodging_id}/end", P.lodging_record, "lodgings", _leaving, _left, 0, 1, also=_SITES),
    Recipe("POST", "/v1/sites/{site_id}/closures", P.site_closure_manage, "sites", _closing, _closed, 1, 1,
           also=_SITES | {"site_closures", "site_closure_moves"}, shows_others=True),
    get("/v1/site-closures/{closure_id}", P.site_closure_read, "site_closures", shows_others=True),
)  # fmt: skip
