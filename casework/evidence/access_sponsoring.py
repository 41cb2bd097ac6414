"""Recipes of collective sponsorship, and the sponsors, undertakings and draws that they are asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- recipes are read by rows
from casework.authz.policy import Role
from casework.demo.world import key
from casework.evidence.access_aims import Listed, Recipe, always, conflict, get
from casework.evidence.access_labels import members
from casework.kernel import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.evidence.access_aims import Aim
    from casework.evidence.access_oracle import Row
    from casework.evidence.access_world import Author

Json = dict[str, Any]
RIMOUSKI, SHERBROOKE = "10043", "43027"


def _today() -> str:
    return clock.today().isoformat()


def group(count: int = 3) -> Json:
    people = [{"name": f"Membre inventé {number}", "joined_on": _today()} for number in range(count)]
    return {"category": "group", "region_code": "01", "members": people}


async def add(author: Author) -> None:
    """Two spokespersons' sponsors, whole and not; undertakings in every state before a household; draws in each."""
    today = clock.today()
    for who in ("sidonie", "sylvain"):
        await author.say(who, "POST", "/v1/sponsors", group(5))
        sponsor = await author.say(who, "POST", "/v1/sponsors", group())
        await _left(author, who, sponsor)
        for place in (RIMOUSKI, SHERBROOKE):
            await _prepared(author, who, sponsor, place)
            await _given_up(author, who, await _prepared(author, who, sponsor, place))
            for _ in range(4):
                await _submitted(author, who, await _prepared(author, who, sponsor, place))
    drawn = await _committed(author, today.year, 12)
    for action in ("freeze", "run"):
        drawn = await author.say("prosper", "POST", f"/v1/draws/{drawn['id']}/{action}", None, drawn)
    await _decided(author)
    await _settling(author)
    frozen = await _committed(author, today.year + 1, 5)
    await author.say("prosper", "POST", f"/v1/draws/{frozen['id']}/freeze", None, frozen)
    await _committed(author, today.year + 2, 5)


async def _left(author: Author, who: str, sponsor: Json) -> None:
    """The first member left and was erased, the second left."""
    for place, member in enumerate(sponsor["members"][:2]):
        path = f"/v1/sponsors/{sponsor['id']}/members/{member['id']}"
        newcomer = {"name": "Membre venu ensuite", "joined_on": _today()}
        sponsor = await author.say(who, "POST", f"/v1/sponsors/{sponsor['id']}/members", newcomer, sponsor)
        sponsor = await author.say(who, "POST", f"{path}/leave", _LEAVING(), sponsor)
        if not place:
            sponsor = await author.say("prosper", "POST", f"{path}/erase", None, sponsor)


async def _prepared(author: Author, who: str, sponsor: Json, place: str) -> Json:
    body = {"sponsor_id": sponsor["id"], "geo_code": place, "persons": 3}
    return await author.say(who, "POST", "/v1/undertakings", body)


async def _submitted(author: Author, who: str, undertaking: Json) -> Json:
    return await author.say(who, "POST", f"/v1/undertakings/{undertaking['id']}/submit", None, undertaking)


async def _given_up(author: Author, who: str, undertaking: Json) -> None:
    await author.say(who, "POST", f"/v1/undertakings/{undertaking['id']}/cancel", _GIVING_UP(), undertaking)


async def _committed(author: Author, year: int, cap: int) -> Json:
    body = {"year": year, "pool": "groups", "cap": cap, "cap_source": "Plafond du drill.", "reserve": 2}
    return await author.say("prosper", "POST", "/v1/draws", body)


async def _decided(author: Author) -> None:
    """Of those drawn: one waits, the others are examined, refused, accepted, with a CSQ, and so on in turn."""
    page = await author.say("prosper", "GET", "/v1/undertakings?state=drawn&limit=200")
    roads = ((), ("under_review",), ("under_review", "refused"), ("under_review", "accepted"),
             ("under_review", "accepted", "csq_issued"))  # fmt: skip
    for place, undertaking in enumerate(page["items"]):
        stands = undertaking
        for to in roads[place % len(roads)]:
            body = {"to": to, "occurred_on": _today()} | ({"reason": "means"} if to == "refused" else {})
            stands = await author.say("prosper", "POST", f"/v1/undertakings/{stands['id']}/steps", body, stands)


async def _settling(author: Author) -> None:
    """Households of undertakings with a CSQ: one waits, the others arrived, settled, reported once, twice, broken."""
    page = await author.say("prosper", "GET", "/v1/undertakings?state=csq_issued&limit=200")
    roads = (("arrived", "report1_due", "1", "2"), ("arrived", "report1_due", "1"), ("arrived",),
             ("arrived", "report1_due"), ("arrived", "breakdown"), ())  # fmt: skip
    for place, undertaking in enumerate(page["items"]):
        case = await author.taken_in_as("sponsored_by_undertaking", ("camille", "ines")[place % 2], 9_000 + place)
        path = f"/v1/undertakings/{undertaking['id']}"
        stands = await author.say("prosper", "POST", f"{path}/household", {"case_id": case["id"]}, undertaking)
        for to in roads[place % len(roads)]:
            if to in {"1", "2"}:
                body: Json = {"number": int(to), "occurred_on": _today(), "duties": DUTIES}
                await author.say("prosper", "POST", f"/v1/cases/{case['id']}/settlement-reports", body)
                stands = await author.say("prosper", "GET", path)
            else:
                body = {"to": to, "occurred_on": _today()} | ({"reason": "means"} if to == "breakdown" else {})
                stands = await author.say("prosper", "POST", f"{path}/steps", body, stands)
    # Some cases of the programme wait for an undertaking.
    await author.taken_in_as("sponsored_by_undertaking", "camille", 9_900)


# Bodies

DUTIES = dict.fromkeys(
    ("housing", "furniture", "food", "clothing", "transport", "health_costs", "job_search", "school", "services"), "met"
)


def _LEAVING() -> Json:  # noqa: N802 -- one constant a day
    return {"left_on": _today(), "leave_reason": "withdrew"}


def _GIVING_UP() -> Json:  # noqa: N802 -- one constant a day
    return {"occurred_on": _today(), "reason": "withdrawn"}


def _registered(aim: Aim) -> Json:
    spoken = {"spokesperson_id": str(key("sylvain"))} if aim.who.role is not Role.sponsor_spokesperson else {}
    return group() | spoken


def _spoken_for(aim: Aim) -> Json:
    other = "sidonie" if (aim.row or {}).get("spokesperson_id") == str(key("sylvain")) else "sylvain"
    return {"spokesperson_id": str(key(other)), "reason": "sponsor_moved"}


def _undertaken(aim: Aim) -> Json:
    return {"sponsor_id": aim.id, "geo_code": RIMOUSKI, "persons": 2}


def _household(aim: Aim) -> Json:
    """A case of the programme that no undertaking carries yet."""
    taken = {row["household_case_id"] for row in aim.facts.rows["undertakings"]}
    free = [row["id"] for row in aim.facts.rows["cases"]
            if row["programme"] == "collective_sponsorship" and row["status"] == "open" and row["id"] not in taken]  # fmt: skip
    return {"case_id": free[0]}


def _other_sponsor(aim: Aim) -> Json:
    own = (aim.row or {}).get("sponsor_id")
    whole = [row["id"] for row in aim.facts.rows["sponsors"]
             if row["id"] != own and sum(one["left_on"] is None for one in members(aim.facts, row["id"])) > 1]  # fmt: skip
    return {"sponsor_id": whole[0], "occurred_on": _today(), "reason": "sponsor_moved"}


def _report(aim: Aim) -> Json:  # noqa: ARG001 -- the table's signature
    return {"number": 1, "occurred_on": _today(), "duties": DUTIES}


# What the object's state makes of it


def _linking(aim: Aim) -> int:
    row = aim.row or {}
    return conflict(row.get("state") not in {"accepted", "csq_issued"} or row.get("household_case_id") is not None)


def _transferring(aim: Aim) -> int:
    return conflict((aim.row or {}).get("state") not in SETTLING, 201)


def _reporting(aim: Aim) -> int:
    carried = [row["state"] for row in aim.facts.rows["undertakings"] if row["household_case_id"] == aim.case_id]
    return conflict("report1_due" not in carried, 201)


def _state(*states: str) -> Callable[[Aim], int]:
    """Success from these states alone."""
    return lambda aim: conflict((aim.row or {}).get("state") not in states)


def _submitting(aim: Aim) -> int:
    """This year's list is closed: nobody enters it any more."""
    return 409 if aim.row else 404


def _adding(aim: Aim) -> int:
    standing = [row for row in members(aim.facts, aim.id) if row["left_on"] is None]
    return conflict(len(standing) > 4, 201)


def _leaving(aim: Aim) -> int:
    return conflict(aim.row is not None and aim.row["left_on"] is not None)


def _erasing(aim: Aim) -> int:
    """Nobody of the drill left after an acceptance, so whoever left answers for nothing."""
    return conflict(aim.row is not None and aim.row["left_on"] is None)


def _sponsor_version(aim: Aim) -> int:
    sponsors: list[Row] = aim.facts.rows["sponsors"]
    named = (aim.row or {}).get("sponsor_id")
    return next((int(row["version"]) for row in sponsors if row["id"] == named), 1)


def _status(*statuses: str) -> Callable[[Aim], int]:
    return lambda aim: conflict((aim.row or {}).get("status") not in statuses)


LISTS: dict[str, Listed] = {
    "GET /v1/sponsors": Listed("sponsors"),
    "GET /v1/undertakings": Listed("undertakings"),
    "GET /v1/draws": Listed("draws"),
}
_KEPT = frozenset({"undertakings", "undertaking_events"})
_MEMBERS = frozenset({"sponsors", "sponsor_members"})
_MEMBER = "/v1/sponsors/{sponsor_id}/members/{member_id}"
SETTLING = ("arrived", "report1_due", "report2_due")
_GIVABLE = ("draft", "submitted", "drawn", "under_review", "accepted", "csq_issued")

RECIPES: tuple[Recipe, ...] = (
    Recipe("POST", "/v1/sponsors", P.sponsor_write, "", _registered, always(201), 1, 1),
    get("/v1/sponsors", P.sponsor_read),
    get("/v1/sponsors/{sponsor_id}", P.sponsor_read, "sponsors"),
    # Everything of the sponsor's passes on with it, down to the views of the households' cases.
    Recipe("POST", "/v1/sponsors/{sponsor_id}/spokesperson", P.undertaking_decide, "sponsors", _spoken_for, always(200), 1, 1,
           frozenset({"*"})),
    Recipe("POST", "/v1/sponsors/{sponsor_id}/members", P.sponsor_write, "sponsors",
           lambda aim: {"name": "Membre du drill", "joined_on": _today()},  # noqa: ARG005
           _adding, 1, 1, _MEMBERS),
    Recipe("POST", f"{_MEMBER}/leave", P.sponsor_write, "sponsor_members", lambda aim: _LEAVING(),  # noqa: ARG005
           _leaving, 1, 1, _MEMBERS, version=_sponsor_version),
    Recipe("POST", f"{_MEMBER}/erase", P.sponsor_erase, "sponsor_members", None, _erasing, 1, 1, _MEMBERS,
           version=_sponsor_version, idle=lambda aim: aim.row is not None and aim.row["erased_at"] is not None),
    Recipe("POST", "/v1/undertakings", P.undertaking_write, "sponsors", _undertaken, always(201), 0, 1, _KEPT,
           in_body=True),
    get("/v1/undertakings", P.undertaking_read),
    get("/v1/undertakings/{undertaking_id}", P.undertaking_read, "undertakings"),
    get("/v1/undertakings/{undertaking_id}/history", P.undertaking_read, "undertakings"),
    Recipe("POST", "/v1/undertakings/{undertaking_id}/submit", P.undertaking_write, "undertakings", None, _submitting,
           0, 1, _KEPT),
    Recipe("POST", "/v1/undertakings/{undertaking_id}/cancel", P.undertaking_write, "undertakings",
           lambda aim: _GIVING_UP(), _state(*_GIVABLE), 0, 1, frozenset({"*"})),  # noqa: ARG005
    Recipe("POST", "/v1/undertakings/{undertaking_id}/steps", P.undertaking_decide, "undertakings",
           lambda aim: {"to": "under_review", "occurred_on": _today()}, _state("drawn"), 0, 1, _KEPT),  # noqa: ARG005
    # The household's case is no child of the undertaking: rows of both change.
    Recipe("POST", "/v1/undertakings/{undertaking_id}/household", P.undertaking_decide, "undertakings", _household,
           _linking, 0, 1, frozenset({"*"})),
    Recipe("POST", "/v1/undertakings/{undertaking_id}/transfer", P.undertaking_decide, "undertakings", _other_sponsor,
           _transferring, 0, 1, frozenset({"*"})),
    Recipe("POST", "/v1/undertakings/{undertaking_id}/moves", P.undertaking_decide, "undertakings",
           lambda aim: {"geo_code": RIMOUSKI, "occurred_on": _today()}, _state(*SETTLING), 0, 1, _KEPT),  # noqa: ARG005
    get("/v1/cases/{case_id}/settlement-reports", P.settlement_report_read, "cases"),
    Recipe("POST", "/v1/cases/{case_id}/settlement-reports", P.settlement_report_record, "cases", _report, _reporting,
           0, 2, _KEPT),
    # Draws
    get("/v1/sponsorship-caps", P.draw_read, reads=0),
    Recipe("POST", "/v1/draws", P.draw_manage, "", always({"year": 2099, "pool": "groups", "cap": 1, "cap_source": "Drill."}),
           always(201), 0, 1),
    get("/v1/draws", P.draw_read, reads=0),
    get("/v1/draws/{draw_id}", P.draw_read, "draws", reads=0),
    Recipe("POST", "/v1/draws/{draw_id}/freeze", P.draw_manage, "draws", None, _status("committed"), 0, 1,
           frozenset({"draws", "draw_entries"})),
    Recipe("POST", "/v1/draws/{draw_id}/run", P.draw_manage, "draws", None, _status("frozen"), 0, 1,
           frozenset({"draws", "draw_entries"}) | _KEPT),
    get("/v1/draws/{draw_id}/publication", P.draw_read, "draws", reads=0, outcome=_status("frozen", "drawn")),
    get("/v1/draws/{draw_id}/verification", P.draw_read, "draws", reads=0, outcome=_status("drawn")),
)  # fmt: skip
