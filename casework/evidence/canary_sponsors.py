"""The journey's sponsorship: a legal person and its representative, an undertaking, a draw with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.canary_journey import Planter, Traffic


def sponsor(traffic: Traffic, plant: Planter) -> None:
    today = clock.today()
    member = {"name": plant.field("SponsorMemberCreate.name"), "joined_on": today.isoformat()}
    named = {"category": "E", "name": plant.field("SponsorCreate.name"), "region_code": "01", "members": [member]}
    made = traffic.do("sidonie", "POST", "/v1/sponsors", named, **plant.keyed())
    wanted = {"sponsor_id": made["id"], "geo_code": "10043", "persons": 3}
    undertaking = traffic.do("sidonie", "POST", "/v1/undertakings", wanted)
    traffic.do("sidonie", "POST", f"/v1/undertakings/{undertaking['id']}/submit", If_Match=_tag(undertaking))
    capped = {"year": today.year, "pool": "organizations", "cap": 5, "cap_source": plant.field("DrawCreate.cap_source")}
    draw = traffic.do("prosper", "POST", "/v1/draws", capped)
    for action in ("freeze", "run"):
        draw = traffic.do("prosper", "POST", f"/v1/draws/{draw['id']}/{action}", If_Match=_tag(draw))
    for path in (f"/v1/sponsors/{made['id']}", f"/v1/draws/{draw['id']}/publication", "/v1/undertakings"):
        traffic.do("prosper", "GET", path)


def _tag(resource: dict[str, Any]) -> str:
    return f'"{resource["version"]}"'
