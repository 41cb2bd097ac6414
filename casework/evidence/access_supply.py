"""What there is to place households in, played into the world of `drill access`, and the recipes that knock at it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows
from casework.demo.world import key
from casework.evidence.access_aims import Listed, Recipe, always, conflict, get
from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.access_aims import Aim
    from casework.evidence.access_world import Author

Json = dict[str, Any]
LOST = {"total": 0, "reason": "Bail perdu."}
# Where households stand, and where the walk makes no offer: (capacity, its region's coordinator).
REVIEWED = (("le-phare/ended", "coralie"), ("racines-d-estrie/43027", "edmee"))


async def add(author: Author) -> None:
    """Reviews in each state, forecasts and targets of two regions. Raises WorldNotBuilt."""
    for place, coordinator in REVIEWED:
        path = f"/v1/capacities/{key(place)}"
        for settled in (True, False):
            stands = await author.say(coordinator, "GET", path)
            review = await author.say(coordinator, "POST", f"{path}/reviews", LOST, stands)
            if settled:
                told = {"outcome": "restored", "note": "Retrouvées."}
                await author.say(coordinator, "POST", f"/v1/capacity-reviews/{review['id']}/settle", told, review)
                stands = await author.say(coordinator, "GET", path)
                more = {"total": stands["total"] + 1, "reason": "Une place de plus."}
                await author.say(coordinator, "PATCH", path, more, stands)
    for region, geo_code, coordinator, host in (
        ("01", "10043", "coralie", "le-phare"), ("05", "43027", "edmee", "racines-d-estrie"),
    ):  # fmt: skip
        forecast = {**_forecast(geo_code), "organization_id": str(key(host))}
        await author.say(coordinator, "POST", "/v1/capacity-forecasts", forecast)
        await author.say(coordinator, "POST", "/v1/regional-needs", _need(region))
        await author.say("prosper", "POST", "/v1/regional-targets", _target(region))
        for closed in (True, False):
            site = await author.say(coordinator, "POST", f"/v1/organizations/{key(host)}/sites", _site(geo_code))
            if closed:
                day = {"closed_on": clock.today().isoformat()}
                await author.say(coordinator, "POST", f"/v1/sites/{site['id']}/close", day, site)
        for completed in (True, False):
            agreement = await author.say("prosper", "POST", "/v1/agreements", _terms(key(host), region))
            end = {"reason": "Fin de mandat."}
            handover = await author.say("prosper", "POST", f"/v1/agreements/{agreement['id']}/end", end, agreement)
            if completed:
                await author.say(
                    "prosper", "POST", f"/v1/agreement-handovers/{handover['id']}/complete", None, handover
                )


def _forecast(geo_code: str) -> Json:
    day = clock.today().isoformat()
    return {
        "geo_code": geo_code,
        "starts_on": day,
        "ends_on": day,
        "low": 1,
        "expected": 2,
        "high": 3,
        "source": "Plan.",
    }


def _site(geo_code: str) -> Json:
    day = clock.today().isoformat()
    return {"name": "Point de service", "geo_code": geo_code, "languages": ["fr"], "services": [], "opened_on": day}


def _terms(organization_id: object, region: str) -> Json:
    day = clock.today().isoformat()
    return {
        "organization_id": str(organization_id), "funding": "PASI", "edition": "2025-2028", "stream": "4",
        "programmes": ["asylum"], "region_code": region, "volume": 10, "starts_on": day, "ends_on": day,
        "reason": "Appel de projets.",
    }  # fmt: skip


def _target(region: str, days: int = 0) -> Json:
    day = (clock.today() + timedelta(days=days)).isoformat()
    return {"region_code": region, "starts_on": day, "ends_on": day, "target": 9_000, "source": "Plan."}


# Bodies


def _places(aim: Aim) -> Any:
    region = aim.row["region_code"] if aim.row else "01"
    geo = next(c["geo_code"] for c in aim.facts.rows["capacities"] if c["region_code"] == region)
    day = (clock.today() + timedelta(days=1)).isoformat()
    return {"agreement_id": aim.id, "geo_code": geo, "resource": "school", "starts_on": day, "ends_on": day, "total": 3}


def _need(region: str, occupation: str = "31301") -> Json:
    month = clock.today().strftime("%Y-%m")
    return {"region_code": region, "month": month, "occupation": occupation, "openings": 3, "source": "Enquête."}


def _need_here(aim: Aim) -> Any:
    return _need(aim.who.region_code or "17", "65200")


def _sheet_here(aim: Aim) -> Any:
    need = _need(aim.who.region_code or "17", "75110")
    return {"csv": f"{','.join(need)}\n{','.join(str(value) for value in need.values())}\n"}


def _site_here(aim: Aim) -> Any:
    return _site("43027" if aim.who.region_code == "05" else "10043")


def _organization(aim: Aim) -> Any:
    region = aim.who.region_code or "01"
    return {"name": "Havre", "kind": "obnl", "region_code": region, "languages": ["fr"], "services": []}


def _agreement(aim: Aim) -> Any:
    return _terms(aim.id, "01")


def _household_over(aim: Aim) -> Any:
    """Of no hand-over: what passes is the tests' of partners."""
    return {"assignment_id": aim.facts.rows["assignments"][0]["id"], "capacity_id": str(key("le-phare/12072"))}


def _forecast_here(aim: Aim) -> Any:
    return _forecast("43027" if aim.who.region_code == "05" else "10043")


# What the object's state makes of it


def _opening_places(aim: Aim) -> int:
    agreement = aim.row or {}
    return 201 if agreement.get("ended_at") is None else 404


def _reviewed(aim: Aim) -> bool:
    return aim.row is not None and aim.row["shrinks_to"] is not None


def _changing(aim: Aim) -> int:
    return conflict(_reviewed(aim))


def _reviewing(aim: Aim) -> int:
    row = aim.row or {"held": 0, "used": 0}
    return conflict(_reviewed(aim) or row["held"] + row["used"] == 0, 201)


def _of_agreement(aim: Aim) -> int:
    return conflict(aim.row is not None and aim.row["ended_at"] is not None)


def _closing_site(aim: Aim) -> int:
    row = aim.row or {"closed_on": None, "lodged": 0, "promised": 0}
    return conflict(row["closed_on"] is not None or row["lodged"] + row["promised"] > 0)


def _completing(aim: Aim) -> int:
    return conflict(aim.row is not None and aim.row["status"] == "completed")


def _settling(aim: Aim) -> int:
    return conflict(aim.row is not None and aim.row["status"] == "settled")


LISTS: dict[str, Listed] = {
    "GET /v1/organizations": Listed("organizations"),
    "GET /v1/agreements": Listed("agreements"),
    "GET /v1/organizations/{organization_id}/sites": Listed("sites", lambda aim, row: row["organization_id"] == aim.id),
    "GET /v1/agreements/{agreement_id}/changes": Listed(
        "agreement_changes", lambda aim, row: row["agreement_id"] == aim.id
    ),
    "GET /v1/agreement-handovers": Listed("agreement_handovers"),
    "GET /v1/capacities": Listed("capacities"),
    "GET /v1/capacities/{capacity_id}/changes": Listed(
        "capacity_changes", lambda aim, row: row["capacity_id"] == aim.id
    ),
    "GET /v1/regional-needs": Listed("regional_needs"),
    "GET /v1/capacity-reviews": Listed("capacity_reviews"),
    "GET /v1/capacity-forecasts": Listed("capacity_forecasts"),
    "GET /v1/regional-targets": Listed("regional_targets"),
}
_PLACES = frozenset({"capacities"})

RECIPES: tuple[Recipe, ...] = (
    get("/v1/regions", P.territory_read, reads=0),
    get("/v1/municipalities", P.territory_read, reads=0),
    get("/v1/resources", P.territory_read, reads=0),
    get("/v1/organizations", P.organization_read, reads=0),
    get("/v1/agreements", P.organization_read, reads=0),
    Recipe("POST", "/v1/organizations", P.organization_write, "", _organization, always(201), 0, 1),
    get("/v1/organizations/{organization_id}", P.organization_read, "organizations", reads=0),
    get("/v1/organizations/{organization_id}/completeness", P.organization_read, "organizations"),
    Recipe("PATCH", "/v1/organizations/{organization_id}", P.organization_write, "organizations",
           always({"name": "Autre nom"}), reads=0, leaves=1),
    get("/v1/organizations/{organization_id}/sites", P.organization_read, "organizations", reads=0),
    Recipe("POST", "/v1/organizations/{organization_id}/sites", P.organization_write, "organizations", _site_here,
           always(201), 0, 1),
    get("/v1/sites/{site_id}", P.organization_read, "sites", reads=0),
    Recipe("POST", "/v1/sites/{site_id}/close", P.organization_write, "sites",
           always({"closed_on": "2099-01-01"}), _closing_site, 0, 1),
    Recipe("POST", "/v1/agreements", P.agreement_write, "organizations", _agreement, always(201), 0, 1, in_body=True),
    get("/v1/agreements/{agreement_id}", P.organization_read, "agreements", reads=0),
    Recipe("PATCH", "/v1/agreements/{agreement_id}", P.agreement_write, "agreements",
           always({"volume": 7, "reason": "Budget."}), _of_agreement, 0, 1),
    Recipe("POST", "/v1/agreements/{agreement_id}/end", P.agreement_write, "agreements",
           always({"reason": "Fin de mandat."}), _of_agreement, 0, 1),
    get("/v1/agreements/{agreement_id}/changes", P.organization_read, "agreements", reads=0),
    get("/v1/agreement-handovers", P.organization_read, reads=0),
    get("/v1/agreement-handovers/{agreement_handover_id}", P.organization_read, "agreement_handovers", reads=0),
    Recipe("POST", "/v1/agreement-handovers/{agreement_handover_id}/assignments", P.assignment_hand_over, "agreement_handovers", _household_over,
           always(409), 0, 1),
    Recipe("POST", "/v1/agreement-handovers/{agreement_handover_id}/complete", P.assignment_hand_over, "agreement_handovers", None, _completing, 0, 1),
    # Places
    get("/v1/capacities", P.capacity_read, reads=0),
    get("/v1/capacities/{capacity_id}", P.capacity_read, "capacities", reads=0),
    Recipe("POST", "/v1/capacities", P.capacity_write, "agreements", _places, _opening_places, 0, 1, _PLACES, in_body=True),
    Recipe("PATCH", "/v1/capacities/{capacity_id}", P.capacity_write, "capacities",
           always({"total": 900, "reason": "Plus de place."}), _changing, 0, 1, _PLACES),
    get("/v1/capacities/{capacity_id}/changes", P.capacity_read, "capacities", reads=0),
    Recipe("POST", "/v1/capacities/{capacity_id}/reviews", P.capacity_write, "capacities", always(LOST), _reviewing, 0, 1,
           _PLACES),
    get("/v1/capacity-reviews", P.capacity_read, reads=0),
    get("/v1/capacity-reviews/{review_id}", P.capacity_read, "capacity_reviews", reads=0),
    Recipe("POST", "/v1/capacity-reviews/{review_id}/settle", P.capacity_write, "capacity_reviews",
           always({"outcome": "restored", "note": "Retrouvées."}), _settling, 0, 1, _PLACES),
    get("/v1/regional-needs", P.regional_need_read, reads=0),
    Recipe("POST", "/v1/regional-needs", P.regional_need_write, "", _need_here, always(201), 0, 1),
    Recipe("POST", "/v1/regional-need-imports", P.regional_need_write, "", _sheet_here, always(200), 0, 1),
    # What is expected and what is meant
    Recipe("POST", "/v1/capacity-forecasts", P.capacity_write, "", _forecast_here, always(201), 0, 1),
    get("/v1/capacity-forecasts", P.capacity_read, reads=0),
    Recipe("POST", "/v1/regional-targets", P.target_set, "", always(_target("17", 9)), always(201), 0, 1),
    get("/v1/regional-targets", P.target_read, reads=0),
    get("/v1/regional-targets/{target_id}", P.target_read, "regional_targets", reads=0),
    Recipe("PATCH", "/v1/regional-targets/{target_id}", P.target_set, "regional_targets",
           always({"target": 8_000, "source": "Révisé."}), reads=0, leaves=1),
)  # fmt: skip
