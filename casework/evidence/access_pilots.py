"""Pilots in the world of `drill access`: a pilot open and one ended, departures in every state, enrolments in each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows
from casework.demo.world import key
from casework.evidence.access_aims import ABSENT, Listed, Recipe, always, conflict, get
from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.access_aims import Aim
    from casework.evidence.access_oracle import Row
    from casework.evidence.access_world import Author, Json

OFFICE, FOLLOWER = "mifi-montreal", "basile"


def _day(offset: int = 0) -> str:
    return (clock.today() + timedelta(days=offset)).isoformat()


def _pilot(aim: Aim | None = None) -> Any:  # noqa: ARG001 -- the table's signature
    return {
        "name": "Cap sur le Fleuve", "starts_on": _day(-30), "ends_on": _day(300), "regions": ["01", "05"],
        "partners": [str(key("le-phare"))],
    }  # fmt: skip


# The world


async def add(author: Author, number: int) -> None:
    """Raises WorldNotBuilt. `number`: the first household's."""
    pilot = await author.say("prosper", "POST", "/v1/pilots", _pilot())
    over = await author.say("prosper", "POST", "/v1/pilots", _pilot())
    planned, gone, off = [await _cohort(author, one) for one in (pilot, pilot, over)]
    for offset, taker in enumerate(("camille", "basile", "ines", "octave")):
        first = number + 3 * offset
        standing = await _enrolled(author, planned, taker, first)
        if taker == "camille":
            await _placed(author, standing)
        left = await _enrolled(author, planned, taker, first + 1)
        word = {"person_id": left["adult"], "channel": "phone"}
        await author.say(taker, "POST", f"/v1/enrolments/{left['id']}/withdraw", word, left)
        await _enrolled(author, off if taker in {"camille", "octave"} else gone, taker, first + 2)
    await _consenting(author, "camille", number + 12)
    await _target(author, pilot)
    await author.say("prosper", "POST", f"/v1/pilots/{pilot['id']}/evaluations")
    current = await author.say("prosper", "GET", f"/v1/cohorts/{gone['id']}")
    await author.say("prosper", "POST", f"/v1/cohorts/{gone['id']}/depart", {"occurred_on": _day()}, current)
    await author.say("prosper", "POST", f"/v1/pilots/{over['id']}/end", _ending(None), over)


async def _cohort(author: Author, pilot: Json) -> Json:
    body = {"region_code": "01", "departs_on": _day(7), "seats": 200}
    return await author.say("prosper", "POST", f"/v1/pilots/{pilot['id']}/cohorts", body)


async def _target(author: Author, pilot: Json) -> None:
    body = {"measure": "departed", "persons": 540, "valid_from": _day(), "reason": "Annonce"}
    await author.say("prosper", "POST", f"/v1/pilots/{pilot['id']}/targets", body, pilot)


async def _consenting(author: Author, taker: str, number: int) -> Json:
    case = await author.taken_in_as("open", taker, number)
    for person in (member["person_id"] for member in case["household"]["members"] if member["is_adult"]):
        current = await author.say(taker, "GET", f"/v1/cases/{case['id']}")
        await author.say(taker, "POST", f"/v1/cases/{case['id']}/consents", _yes(person), current)
    return case


def _yes(person: str) -> Json:
    return {
        "person_id": person, "purpose": "pilot", "given": True, "notice_version": "2026-01", "notice_language": "fr",
        "channel": "phone", "occurred_on": _day(),
    }  # fmt: skip


async def _enrolled(author: Author, cohort: Json, taker: str, number: int) -> Json:
    case = await _consenting(author, taker, number)
    body = {"case_id": case["id"], "cohort_id": cohort["id"]}
    enrolment = await author.say(taker, "POST", f"/v1/pilots/{cohort['pilot_id']}/enrolments", body)
    return {**enrolment, "adult": next(m["person_id"] for m in case["household"]["members"] if m["is_adult"])}


async def _placed(author: Author, enrolment: Json) -> None:
    """The region's coordinator sees the household, and its enrolment with it."""
    body = {"case_id": enrolment["case_id"], "capacity_id": str(key("le-phare/10043")), "reason": "Place libre."}
    await author.say("prosper", "POST", "/v1/offers", body)


# The recipes


def _open_cohort(aim: Aim) -> Row:
    return next(row for row in aim.facts.rows["cohorts"] if row["status"] == "planned")


def _into(aim: Aim, parameter: str) -> str:
    """The path's pilot is the open departure's, whatever household is aimed at."""
    return str(_open_cohort(aim)[parameter])


def _enrolment(aim: Aim) -> Any:
    return {"case_id": aim.case_id, "cohort_id": _open_cohort(aim)["id"]}


def _enrolling(aim: Aim) -> int:
    row = aim.row or {}
    people = [p for p in aim.facts.rows["persons"] if p["case_id"] == aim.case_id and p["is_adult"] is not False]
    words = [
        word for word in aim.facts.rows["consents"] if word["case_id"] == aim.case_id and word["purpose"] == "pilot"
    ]
    last = {
        word["person_id"]: word for word in sorted(words, key=lambda word: (word["occurred_on"], word["recorded_at"]))
    }
    agreed = bool(people) and all(p["id"] in last and last[p["id"]]["given"] for p in people)
    already = any(
        one["case_id"] == aim.case_id and one["pilot_id"] == _open_cohort(aim)["pilot_id"]
        and one["status"] in {"enrolled", "departed"} for one in aim.facts.rows["enrolments"]
    )  # fmt: skip
    ready = row.get("status") == "open" and row.get("programme") == "asylum" and agreed and not already
    return conflict(not ready, 201)


def _withdrawal(aim: Aim) -> Any:
    adults = [p["id"] for p in aim.facts.rows["persons"] if p["case_id"] == aim.case_id and p["is_adult"]]
    return {"person_id": (adults or [ABSENT])[0], "channel": "phone"}


def _live(aim: Aim) -> bool:
    return aim.row is not None and aim.row["status"] in {"enrolled", "departed"}


def _over(aim: Aim) -> bool:
    return aim.row is None or aim.row["ended_on"] is not None


def _ending(aim: Aim | None) -> Any:  # noqa: ARG001 -- the table's signature
    return {"reason": "cost", "handovers": [{"office_id": str(key(OFFICE)), "caseworker_id": str(key(FOLLOWER))}]}


def _ends(aim: Aim) -> int:
    """Nobody follows the households of an office that has no caseworker, and no successor is named for it."""
    live = {e["case_id"] for e in aim.facts.rows["enrolments"] if e["pilot_id"] == aim.id and e["ended_at"] is None}
    cases = [aim.facts.cases[case] for case in live]
    alone = any(case["caseworker_id"] is None and case["office_id"] != str(key(OFFICE)) for case in cases)
    return conflict(_over(aim) or alone)


def _evaluated(aim: Aim) -> int:
    return 200 if any(row["pilot_id"] == aim.id for row in aim.facts.rows["pilot_evaluations"]) else 404


def _departing(aim: Aim) -> int:
    return conflict(aim.row is None or aim.row["status"] != "planned")


def _of_the_pilot(aim: Aim, row: Row) -> bool:
    return bool(row["pilot_id"] == aim.id)


def _of_the_open_one(aim: Aim, row: Row) -> bool:
    return bool(row["pilot_id"] == _open_cohort(aim)["pilot_id"])


_TARGET = always({"measure": "arrived", "persons": 10, "valid_from": _day(), "reason": "Drill"})
_COHORT = always({"region_code": "01", "departs_on": _day(3), "seats": 10})
_LEFT = frozenset({"enrolments", "cohorts"})
_ANYWHERE = frozenset({"*"})

LISTS: dict[str, Listed] = {
    "GET /v1/pilots": Listed("pilots"),
    "GET /v1/pilots/{pilot_id}/cohorts": Listed("cohorts", _of_the_pilot),
    "GET /v1/pilots/{pilot_id}/enrolments": Listed("enrolments", _of_the_open_one),
}
RECIPES: tuple[Recipe, ...] = (
    get("/v1/pilots", P.pilot_read, reads=0),
    Recipe("POST", "/v1/pilots", P.pilot_manage, "", _pilot, always(201), 0, 1),
    get("/v1/pilots/{pilot_id}", P.pilot_read, "pilots", reads=0),
    Recipe("POST", "/v1/pilots/{pilot_id}/targets", P.pilot_manage, "pilots", _TARGET,
           lambda aim: conflict(_over(aim), 201), 0, 1),
    Recipe("POST", "/v1/pilots/{pilot_id}/end", P.pilot_manage, "pilots", _ending, _ends, 0, 1, _ANYWHERE),
    Recipe("POST", "/v1/pilots/{pilot_id}/cohorts", P.pilot_manage, "pilots", _COHORT,
           lambda aim: conflict(_over(aim), 201), 0, 1),
    get("/v1/pilots/{pilot_id}/cohorts", P.pilot_read, "pilots", reads=0),
    Recipe("POST", "/v1/pilots/{pilot_id}/evaluations", P.pilot_manage, "pilots", None, always(201), 0, 1),
    get("/v1/pilots/{pilot_id}/evaluation", P.pilot_read, "pilots", outcome=_evaluated, reads=0),
    get("/v1/cohorts/{cohort_id}", P.pilot_read, "cohorts", reads=0),
    Recipe("POST", "/v1/cohorts/{cohort_id}/depart", P.pilot_manage, "cohorts", always({"occurred_on": _day()}),
           _departing, 0, 1, _ANYWHERE),
    Recipe("POST", "/v1/pilots/{pilot_id}/enrolments", P.enrolment_create, "cases", _enrolment, _enrolling, 0, 1, _LEFT,
           in_body=True, fill=_into),
    get("/v1/pilots/{pilot_id}/enrolments", P.enrolment_read, fill=_into),
    get("/v1/enrolments/{enrolment_id}", P.enrolment_read, "enrolments"),
    Recipe("POST", "/v1/enrolments/{enrolment_id}/withdraw", P.enrolment_withdraw, "enrolments", _withdrawal,
           lambda aim: conflict(not _live(aim)), 0, 1, _LEFT),
)  # fmt: skip
