"""The journey's claim and its following: a status told, one voided, both authorities told of the move; notes, needs, a
hand-over refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.demo import world
from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.canary_journey import Planter, Traffic


def follow_claim(traffic: Traffic, plant: Planter, path: str) -> None:
    said = {
        "status": "referred", "occurred_on": clock.today().isoformat(), "source": plant.field("ClaimStatusSaid.source"),
    }  # fmt: skip
    told = traffic.do("camille", "POST", f"{path}/claim-statuses", {"said": said}, **plant.keyed())
    words = {"reason": plant.field("ClaimStatusVoid.reason")}
    status = f"/v1/claim-statuses/{told['items'][0]['id']}"
    traffic.do("camille", "POST", f"{status}/void", words, If_Match='"1"')
    traffic.do("camille", "GET", f"{path}/claim-statuses")


def follow(traffic: Traffic, plant: Planter, path: str) -> None:
    """Notes, needs told again, the case proposed to a colleague who refuses it."""
    today = clock.today().isoformat()
    note = {"occurred_on": today, "text": plant.field("NoteCreate.text")}
    traffic.do("camille", "POST", f"{path}/notes", note, **plant.keyed())
    said = {
        "occurred_on": today, "services": [plant.field("NeedsSaid.services")],
        "interpreter_languages": [plant.field("NeedsSaid.interpreter_languages")],
    }  # fmt: skip
    traffic.do("camille", "POST", f"{path}/needs", {"said": said})
    proposed = {"to_user_id": str(world.key("basile")), "reason": plant.field("HandoverCreate.reason")}
    handover = traffic.do("camille", "POST", f"{path}/handovers", proposed)
    refused = {"reason": plant.field("HandoverRefuse.reason")}
    traffic.do("basile", "POST", f"/v1/handovers/{handover['id']}/refuse", refused, If_Match='"1"')
    person = traffic.do("camille", "GET", path)["household"]["members"][0]["person_id"]
    given = {"person_id": person, "notice_version": "2026-01", "notice_language": "es", "channel": "in_person",
             "occurred_on": today}  # fmt: skip
    traffic.do("camille", "POST", f"{path}/collection-notices", given)
    served = {"person_id": person, "language": "es", "basis": "health", "starts_on": today}
    traffic.do("camille", "POST", f"{path}/service-languages", served)
    for read in (
        "collection-notices",
        "service-languages",
        "notes",
        "needs",
        "preferences",
        "handovers",
        "responsibility",
        "timeline",
    ):
        traffic.do("camille", "GET", f"{path}/{read}")


def observe(traffic: Traffic, plant: Planter, case: dict[str, Any], recommended: dict[str, Any]) -> None:
    """An adult's word about what was recommended, reviewed by another caseworker."""
    path = f"/v1/recommendations/{recommended['id']}/observations"
    said = {"person_id": case["household"]["members"][0]["person_id"], "channel": "phone", "language": "fr",
            "text": plant.field("ObservationCreate.text")}  # fmt: skip
    told = traffic.do("camille", "POST", path, said, **plant.keyed())
    words = {"outcome": "upheld", "reason": plant.field("ObservationReview.reason")}
    traffic.do("basile", "POST", f"/v1/observations/{told['id']}/review", words, If_Match='"1"')
    traffic.do("basile", "GET", path)


def pass_on(traffic: Traffic, plant: Planter, case: dict[str, Any]) -> None:
    """Proposed to another office and taken back; a worklist saved and run."""
    body = {"to_office_id": str(world.key("praida")), "case_ids": [case["id"]]}
    body["reason"] = plant.field("OfficeHandoverCreate.reason")
    proposed = traffic.do("prosper", "POST", "/v1/office-handovers", body)
    back = {"reason": plant.field("OfficeHandoverRefuse.reason")}
    traffic.do("prosper", "POST", f"/v1/office-handovers/{proposed['id']}/refuse", back, If_Match='"1"')
    asked = {"name": plant.field("SavedWorklistCreate.name"), "asked": {"status": "open"}}
    saved = traffic.do("camille", "POST", "/v1/saved-worklists", asked)
    traffic.do("camille", "GET", f"/v1/saved-worklists/{saved['id']}/cases")


def move(traffic: Traffic, plant: Planter, case: dict[str, Any]) -> None:
    """Another town is proposed to a household that has arrived, and the proposal taken back."""
    wanted = {"case_id": case["id"], "capacity_id": str(world.key("le-phare/12072")), "asked_by": "household",
              "reason_code": "family", "reason": plant.field("TransferCreate.reason")}  # fmt: skip
    made = traffic.do("camille", "POST", "/v1/transfers", wanted, **plant.keyed())
    path = f"/v1/transfers/{made['id']}"
    traffic.do("pelagie", "GET", path)
    words = {"reason_code": "other", "reason": plant.field("TransferWithdraw.reason")}
    traffic.do("camille", "POST", f"{path}/withdraw", words, If_Match='"1"')


def tell_authorities(traffic: Traffic, plant: Planter, path: str) -> None:
    for notice in traffic.do("pelagie", "GET", f"{path}/address-notices")["items"]:
        done = {"notified_on": clock.today().isoformat(), "receipt": plant.field("AddressNoticeDone.receipt")}
        traffic.do("pelagie", "POST", f"/v1/address-notices/{notice['id']}/done", done, If_Match='"1"')
