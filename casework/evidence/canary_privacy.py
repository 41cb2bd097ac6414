"""The journey's duties of privacy: a consent heard, a file held, asked for, exported, an incident entered and amended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.canary_journey import Planter, Traffic

WORDS = (
    "information", "circumstances", "malicious_uses", "consequences", "deferral_reason", "public_notice_reason",
    "measures",
)  # fmt: skip


def protect(traffic: Traffic, plant: Planter, case: dict[str, Any]) -> None:
    """Nothing is destroyed: what an erasure leaves is the tests' of privacy."""
    person, word = case["household"]["members"][0]["person_id"], plant.field
    _hear(traffic, case["id"], person)
    hold = {"person_id": person, "basis": "litigation", "reference": word("LegalHoldCreate.reference")}
    held = traffic.do("prosper", "POST", "/v1/legal-holds", hold)
    released = {"reference": word("LegalHoldRelease.reference")}
    traffic.do("prosper", "POST", f"/v1/legal-holds/{held['id']}/release", released)
    asking = {"reason": "order", "reference": word("ErasureRequest.reference")}
    asked = traffic.do("camille", "POST", f"/v1/people/{person}/erasures", asking)
    traffic.do("prosper", "POST", f"/v1/erasures/{asked['id']}/refuse", {"refusal": "still_needed"})
    wanted = {"purpose": "access_request", "reference": word("ExportRequest.reference")}
    for export in ("subject-access-exports", "disclosure-statements"):
        traffic.do("prosper", "POST", f"/v1/people/{person}/{export}", wanted, **plant.keyed())
    entered = traffic.do("prosper", "POST", "/v1/incidents", _incident(plant, "IncidentCreate"))
    amended = {**_incident(plant, "IncidentAmend"), "change_reason": word("IncidentAmend.change_reason")}
    path = f"/v1/incidents/{entered['id']}"
    traffic.do("prosper", "POST", f"{path}/amendments", amended, If_Match=f'"{entered["version"]}"')
    traffic.do("aurele", "GET", path)


def _hear(traffic: Traffic, case_id: str, person: str) -> None:
    path = f"/v1/cases/{case_id}"
    said = {
        "person_id": person, "purpose": "partner_sharing", "given": True, "notice_language": "fr",
        "channel": "in_person", "occurred_on": clock.today().isoformat(),
        "notice_version": "2026-01",
    }  # fmt: skip
    stands = traffic.do("camille", "GET", path)
    traffic.do("camille", "POST", f"{path}/consents", said, If_Match=f'"{stands["version"]}"')


def _incident(plant: Planter, model: str) -> dict[str, Any]:
    today = clock.today().isoformat()
    day = {"from": today, "until": today}
    return {
        "information_known": True, "occurred": day, "aware": day, "persons_count": 3, "persons_approximate": True,
        "sensitivity": "high", "likelihood": "low", "serious_risk": False, "persons_notice_deferred": True,
        "public_notice_on": today, **{name: plant.field(f"{model}.{name}") for name in WORDS},
    }  # fmt: skip
