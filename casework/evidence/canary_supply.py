"""The journey's words about places: why one changed, what was lost, what is expected and meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.demo import world
from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.canary_journey import Planter, Traffic

PLACE = "le-phare/10043"


def partners(traffic: Traffic, plant: Planter) -> None:
    """An organization entered and renamed, its site, and an agreement made, amended and ended."""
    word, day = plant.field, clock.today().isoformat()
    told = {"kind": "obnl", "region_code": "01", "languages": ["fr"], "services": []}
    body = {**told, "name": word("OrganizationCreate.name")}
    organization = traffic.do("coralie", "POST", "/v1/organizations", body)
    path = f"/v1/organizations/{organization['id']}"
    traffic.do("coralie", "PATCH", path, {"name": word("OrganizationPatch.name")}, If_Match='"1"')
    site = {"name": word("SiteCreate.name"), "geo_code": "10043", "languages": [], "services": [], "opened_on": day}
    opened = traffic.do("coralie", "POST", f"{path}/sites", site | {"beds": 5})
    closing = {"closed_on": day, "reason": word("SiteClosureCreate.reason")}
    traffic.do("prosper", "POST", f"/v1/sites/{opened['id']}/closures", closing, If_Match='"1"')
    terms = {
        "organization_id": organization["id"], "funding": "PASI", "edition": "2025-2028", "stream": "4",
        "programmes": ["asylum"], "region_code": "01", "volume": 5, "starts_on": day, "ends_on": day,
        "reason": word("AgreementCreate.reason"),
    }  # fmt: skip
    agreement = f"/v1/agreements/{traffic.do('prosper', 'POST', '/v1/agreements', terms)['id']}"
    amended = {"volume": 4, "reason": word("AgreementPatch.reason")}
    traffic.do("prosper", "PATCH", agreement, amended, If_Match='"1"')
    traffic.do("prosper", "POST", f"{agreement}/end", {"reason": word("AgreementEnd.reason")}, If_Match='"2"')


def supply(traffic: Traffic, plant: Planter) -> None:
    """While a household holds places there."""
    partners(traffic, plant)
    word, place, day = plant.field, f"/v1/capacities/{world.key(PLACE)}", clock.today().isoformat()
    stands = traffic.do("coralie", "GET", place)
    body = {"total": stands["total"], "reason": word("CapacityPatch.reason")}
    stands = traffic.do("coralie", "PATCH", place, body, If_Match=f'"{stands["version"]}"')
    lost = {"total": 0, "reason": word("CapacityReviewCreate.reason")}
    review = traffic.do("coralie", "POST", f"{place}/reviews", lost, If_Match=f'"{stands["version"]}"')
    told = {"outcome": "restored", "note": word("ReviewSettle.note")}
    traffic.do("coralie", "POST", f"/v1/capacity-reviews/{review['id']}/settle", told, If_Match='"1"')
    need = {"region_code": "01", "month": day[:7], "occupation": "31301", "openings": 3}
    traffic.do("coralie", "POST", "/v1/regional-needs", {**need, "source": word("NeedCreate.source")})
    sheet = f"region_code,month,occupation,openings,source\n01,{word('NeedCreate.source', 'sheet')},31301,3,x\n"
    traffic.do("coralie", "POST", "/v1/regional-need-imports", {"csv": sheet})
    period = {"starts_on": day, "ends_on": day}
    expected = {"geo_code": "10043", **period, "low": 1, "expected": 2, "high": 3}
    traffic.do("coralie", "POST", "/v1/capacity-forecasts", {**expected, "source": word("ForecastCreate.source")})
    meant = {"region_code": "01", **period, "target": 500, "source": word("TargetCreate.source")}
    target = traffic.do("prosper", "POST", "/v1/regional-targets", meant)
    again = {"target": 600, "source": word("TargetPatch.source")}
    traffic.do("prosper", "PATCH", f"/v1/regional-targets/{target['id']}", again, If_Match='"1"')
