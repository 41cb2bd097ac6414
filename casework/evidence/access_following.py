"""Recipes of following a case: its claim's history, the notices of a move; and what the drill's world holds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows
from casework.demo.world import key
from casework.evidence.access_aims import ABSENT, Listed, Recipe, always, conflict, get
from casework.evidence.access_labels import erased
from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.access_aims import Aim
    from casework.evidence.access_oracle import Row
    from casework.evidence.access_world import Author, Json


def _status(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    said = {"status": "unknown", "occurred_on": clock.today().isoformat(), "source": "Mot du drill."}
    return {"said": said}


def _reason(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"reason": "Erreur."}


def _receipt(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"notified_on": clock.today().isoformat(), "receipt": "Accusé 7"}


def _claiming(aim: Aim) -> int:
    row = aim.row or {}
    return conflict(row.get("status") == "closed" or row.get("programme") != "asylum", 201)


def _voiding(aim: Aim) -> int:
    return conflict((aim.row or {}).get("voided_at") is not None)


def _notifying(aim: Aim) -> int:
    return conflict((aim.row or {}).get("notified_on") is not None)


def _someone(aim: Aim) -> str:
    return next((p["id"] for p in aim.facts.rows["persons"] if p["case_id"] == aim.case_id), ABSENT)


def _given(aim: Aim) -> Any:
    return {
        "person_id": _someone(aim), "notice_version": "2026-01", "notice_language": "fr", "channel": "phone",
        "occurred_on": clock.today().isoformat(),
    }  # fmt: skip


def _served(aim: Aim) -> Any:
    return {"person_id": _someone(aim), "language": "es", "basis": "health", "starts_on": clock.today().isoformat()}


def _to_person(aim: Aim) -> int:
    return 410 if erased(aim.facts, _someone(aim)) else 201


def _note(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"occurred_on": clock.today().isoformat(), "text": "Mot du drill."}


def _needs(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"said": {"occurred_on": clock.today().isoformat(), "services": ["employment"]}}


def _wishes(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"said": {"occurred_on": clock.today().isoformat()}}


def _while_open(aim: Aim) -> int:
    return conflict((aim.row or {}).get("status") == "closed", 201)


def _colleague(case: Row | None) -> str:
    followed = (case or {}).get("caseworker_id")
    return str(key("camille") if followed == str(key("basile")) else key("basile"))


def _handover(aim: Aim) -> Any:
    return {"to_user_id": _colleague(aim.row), "reason": "Congé."}


def _proposing(aim: Aim) -> int:
    case = aim.row or {}
    waiting = any(one["case_id"] == aim.case_id and one["status"] == "proposed" for one in aim.facts.rows["handovers"])
    if case.get("status") == "closed":
        return 409
    if case.get("office_id") != str(key("mifi-montreal")):
        return 422
    return conflict(waiting, 201)


def _accepting(aim: Aim) -> int:
    row = aim.row or {}
    if row.get("status") != "proposed":
        return 409
    return 200 if row["to_user_id"] == str(aim.who.id) else 403


def _refusing(aim: Aim) -> int:
    row = aim.row or {}
    if row.get("status") != "proposed":
        return 409
    return 200 if str(aim.who.id) in {row["to_user_id"], row["proposed_by"]} else 403


def _CHANGE() -> Any:  # noqa: N802 -- one constant a day
    return {"to_programme": "protected_person", "occurred_on": clock.today().isoformat()}


def _change(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return _CHANGE()


def _changing(aim: Aim) -> int:
    granted = any(
        one["case_id"] == aim.case_id and one["voided_at"] is None and one["status"] == "accepted"
        for one in aim.facts.rows["claim_statuses"]
    )
    case = aim.row or {}
    return conflict(case.get("status") == "closed" or case.get("programme") != "asylum" or not granted, 201)


def _of_the_case(aim: Aim, row: Row) -> bool:
    return bool(row["case_id"] == aim.case_id)


async def add(author: Author, case: Json, *, arrived: bool) -> None:
    """A status that stands, one that was voided; after an arrival, one authority told and one still to be."""
    path = f"/v1/cases/{case['id']}"
    for status in ("referred", "abandoned"):
        said = {"status": status, "occurred_on": clock.today().isoformat(), "source": "Document vu."}
        told = await author.say("prosper", "POST", f"{path}/claim-statuses", {"said": said})
    for entry in told["items"]:
        await author.say("prosper", "POST", f"/v1/claim-statuses/{entry['id']}/void", {"reason": "Erreur."}, entry)
    await _noted(author, case)
    if case["taker"] != "ines":
        await _proposed(author, case)
    if arrived:
        accepted = {"status": "accepted", "occurred_on": clock.today().isoformat(), "source": "Décision."}
        await author.say("prosper", "POST", f"{path}/claim-statuses", {"said": accepted})
        notices = await author.say("prosper", "GET", f"{path}/address-notices")
        first = notices["items"][0]
        body = {"notified_on": clock.today().isoformat(), "receipt": "Accusé 1"}
        await author.say(_follower(case), "POST", f"/v1/address-notices/{first['id']}/done", body, first)
        if case["taker"] == "ines":
            await _go_on(author, path)


async def change(author: Author, number: int) -> None:
    """A household of another office whose status was granted, and its programme changed with it."""
    case = await author.taken_in_as("open", "ines", number)
    path = f"/v1/cases/{case['id']}"
    for status in ("referred", "accepted"):
        said = {"status": status, "occurred_on": clock.today().isoformat(), "source": "Décision."}
        await author.say("prosper", "POST", f"{path}/claim-statuses", {"said": said})
    await _go_on(author, path)


async def _go_on(author: Author, path: str) -> None:
    """The case goes on under another programme."""
    current = await author.say("prosper", "GET", path)
    await author.say("prosper", "POST", f"{path}/programme-changes", _CHANGE(), current)


async def _noted(author: Author, case: Json) -> None:
    """What the staff keeps, and what it shares."""
    person = case["household"]["members"][0]["person_id"]
    today = clock.today().isoformat()
    given = {
        "person_id": person,
        "notice_version": "2026-01",
        "notice_language": "es",
        "channel": "phone",
        "occurred_on": today,
    }
    served = {"person_id": person, "language": "es", "basis": "health", "starts_on": today}
    await author.say(_follower(case), "POST", f"/v1/cases/{case['id']}/collection-notices", given)
    await author.say(_follower(case), "POST", f"/v1/cases/{case['id']}/service-languages", served)
    for visibility in ("staff", "shared"):
        note = {"occurred_on": clock.today().isoformat(), "text": "Mot du drill.", "visibility": visibility}
        await author.say("prosper", "POST", f"/v1/cases/{case['id']}/notes", note)


async def _proposed(author: Author, case: Json) -> None:
    """A hand-over refused, and one that waits."""
    other = "basile" if case["taker"] == "camille" else "camille"
    body = {"to_user_id": str(key(other)), "reason": "Congé."}
    for refused in (True, False):
        handover = await author.say("prosper", "POST", f"/v1/cases/{case['id']}/handovers", body)
        if refused:
            no = {"reason": "Trop de dossiers."}
            await author.say(other, "POST", f"/v1/handovers/{handover['id']}/refuse", no, handover)


def _follower(case: Json) -> str:
    return "ines" if case["taker"] == "ines" else "camille"


LISTS: dict[str, Listed] = {
    "GET /v1/cases/{case_id}/notes": Listed("case_notes", _of_the_case),
    "GET /v1/cases/{case_id}/collection-notices": Listed("collection_notices", _of_the_case),
    "GET /v1/cases/{case_id}/service-languages": Listed("service_languages", _of_the_case),
    "GET /v1/cases/{case_id}/needs": Listed("needs", _of_the_case),
    "GET /v1/cases/{case_id}/preferences": Listed("preferences", _of_the_case),
    "GET /v1/cases/{case_id}/handovers": Listed("handovers", _of_the_case),
    "GET /v1/cases/{case_id}/claim-statuses": Listed("claim_statuses", _of_the_case),
    "GET /v1/cases/{case_id}/address-notices": Listed("address_notices", _of_the_case),
}
RECIPES: tuple[Recipe, ...] = (
    Recipe("POST", "/v1/cases/{case_id}/notes", P.note_write, "cases", _note, always(201), 0, 1),
    get("/v1/cases/{case_id}/notes", P.note_read, "cases"),
    Recipe("POST", "/v1/cases/{case_id}/needs", P.needs_record, "cases", _needs, _while_open, 0, 1),
    get("/v1/cases/{case_id}/needs", P.needs_read, "cases"),
    Recipe("POST", "/v1/cases/{case_id}/preferences", P.needs_record, "cases", _wishes, _while_open, 0, 1),
    get("/v1/cases/{case_id}/preferences", P.preferences_read, "cases"),
    get("/v1/cases/{case_id}/responsibility", P.responsibility_read, "cases"),
    Recipe("POST", "/v1/cases/{case_id}/handovers", P.handover_propose, "cases", _handover, _proposing, 0, 1),
    get("/v1/cases/{case_id}/handovers", P.handover_read, "cases"),
    Recipe("POST", "/v1/handovers/{handover_id}/accept", P.handover_answer, "handovers", None, _accepting, 0, 1,
           also=frozenset({"case_responsibilities"})),
    Recipe("POST", "/v1/handovers/{handover_id}/refuse", P.handover_answer, "handovers", _reason, _refusing, 0, 1),
    Recipe("POST", "/v1/cases/{case_id}/programme-changes", P.programme_change, "cases", _change, _changing, 0, 1,
           destroys=frozenset({"milestone_expectations"})),
    Recipe("POST", "/v1/cases/{case_id}/collection-notices", P.collection_notice_record, "cases", _given, _to_person, 0, 1),
    get("/v1/cases/{case_id}/collection-notices", P.collection_notice_read, "cases"),
    Recipe("POST", "/v1/cases/{case_id}/service-languages", P.service_language_record, "cases", _served, _to_person, 0, 1),
    get("/v1/cases/{case_id}/service-languages", P.service_language_read, "cases"),
    get("/v1/consent-notices", P.territory_read, reads=0),
    get("/v1/eligibility?status=referred", P.territory_read, reads=0),
    get("/v1/worklists?name=overdue", P.worklist_read),
    get("/v1/cases/{case_id}/timeline", P.timeline_read, "cases"),
    get("/v1/cases/{case_id}/claim-statuses", P.claim_status_read, "cases"),
    Recipe("POST", "/v1/cases/{case_id}/claim-statuses", P.claim_status_record, "cases", _status, _claiming, 0, 1),
    Recipe("POST", "/v1/claim-statuses/{status_id}/void", P.claim_status_void, "claim_statuses", _reason, _voiding, 0, 1),
    get("/v1/cases/{case_id}/address-notices", P.address_notice_read, "cases"),
    Recipe("POST", "/v1/address-notices/{notice_id}/done", P.address_notice_record, "address_notices", _receipt,
           _notifying, 0, 1),
)  # fmt: skip
