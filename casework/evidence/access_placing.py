"""Recipes of taking in, placing and following: cases, offers, assignments, milestones."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows
from casework.authz.policy import Role
from casework.demo.families import family
from casework.demo.world import key
from casework.evidence.access_aims import ABSENT, Listed, Recipe, always, conflict, get
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.milestones.reference import milestone_types

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.evidence.access_aims import Aim
    from casework.evidence.access_oracle import Row


# Bodies


def _household(aim: Aim) -> Any:
    wanted = family(7, size=2, consent=False).body | {"external_id": f"drill-{new_id()}"}
    return wanted | ({} if aim.who.office_id else {"office_id": str(key("praida"))})


def _sheet(aim: Aim) -> bytes:  # noqa: ARG001 -- the table's signature
    return f"household,programme,relation,full_name\ndrill-{new_id()},asylum,principal,Orsane Velquindor\n".encode()


def _importing(aim: Aim) -> int:
    return 200 if aim.who.office_id else 422


def _offer(aim: Aim) -> Any:
    return {"case_id": aim.case_id, "capacity_id": str(key("le-phare/10043")), "reason": "Place libre."}


def _answer(aim: Aim) -> Any:
    answered = {a["person_id"] for a in aim.facts.rows["offer_answers"] if a["offer_id"] == aim.id}
    people = [p["id"] for p in aim.facts.rows["persons"] if p["case_id"] == aim.case_id and p["is_adult"]]
    waiting = [person for person in people if person not in answered]
    return {"person_id": (waiting or people or [ABSENT])[0], "channel": "phone", "language": "fr"}


def _decline(aim: Aim) -> Any:
    return {**_answer(aim), "reason_code": "distance"}


def _step(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"occurred_on": clock.today().isoformat()}


def _end(aim: Aim) -> Any:
    return {**_step(aim), "reason": "Déménagement."}


def _person(aim: Aim) -> str:
    return next((p["id"] for p in aim.facts.rows["persons"] if p["case_id"] == aim.case_id), ABSENT)


def _batch(aim: Aim) -> Any:
    """A line for every case there is: those out of the caller's reach must come to nothing."""
    lines = [
        {**_milestone(aim), "case_id": case["id"], "person_id": person["id"], "external_id": f"drill-{new_id()}"}
        for case in list(aim.facts.cases.values())[:40]
        for person in [p for p in aim.facts.rows["persons"] if p["case_id"] == case["id"]][:1]
    ]
    return {"items": lines}


def _correction(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    day = {"value": clock.today().isoformat(), "precision": "day"}
    return {"outcome": "done", "occurred_on": day, "reason": "Mal lu."}


def _milestone(aim: Aim) -> Any:
    return {
        "code": _code(aim), "person_id": _person(aim), "outcome": "done", "note": "Mot du drill.",
        "occurred_on": {"value": clock.today().isoformat(), "precision": "day"},
    }  # fmt: skip


def _code(aim: Aim) -> str:
    return "CLAIM_DOC" if aim.who.role is Role.intake_worker else "SKILLS_DECLARED"


def _consent(aim: Aim) -> Any:
    adults = [p["id"] for p in aim.facts.rows["persons"] if p["case_id"] == aim.case_id and p["is_adult"]]
    return {
        "person_id": (adults or [ABSENT])[0], "purpose": "pilot", "given": True, "notice_version": "2026-01",
        "notice_language": "fr", "channel": "phone", "occurred_on": clock.today().isoformat(),
    }  # fmt: skip


def _proposal_of(aim: Aim) -> dict[str, Any]:
    """The first proposal of the run aimed at that has a place."""
    mine = [row for row in aim.facts.rows["placement_proposals"] if row["run_id"] == aim.id and row["label"]]
    return mine[0] if mine else {"case_id": ABSENT, "offer_id": None}


def _confirmation(aim: Aim) -> Any:
    return {"choices": [{"case_id": _proposal_of(aim)["case_id"]}], "reason": "Relue avec le ménage."}


# What the object's state makes of it


def _closing(aim: Aim) -> int:
    under_way = aim.statuses("offers") & {"held"} or aim.statuses("assignments") & {
        "proposed", "acknowledged", "departed",
    } or aim.statuses("transfers") & {"proposed", "accepted"}  # fmt: skip
    return conflict(aim.row is not None and (aim.row["status"] == "closed" or bool(under_way)))


def _reopening(aim: Aim) -> int:
    return conflict(aim.row is None or aim.row["status"] != "closed")


def _recommending(aim: Aim) -> int:
    return _offering(aim)


def _offering(aim: Aim) -> int:
    assigned = aim.statuses("assignments") & {"proposed", "acknowledged", "departed", "arrived"}
    return conflict(_unplaceable(aim) or "held" in aim.statuses("offers") or bool(assigned), 201)


def _confirming(aim: Aim) -> int:
    """As an offer for the proposal's case: by whoever follows it, and once."""
    run, proposal = aim.row or {}, _proposal_of(aim)
    if run.get("status") != "done" or proposal["offer_id"] is not None:
        return 409
    case = aim.facts.cases[proposal["case_id"]]
    if aim.who.role is Role.caseworker and case["caseworker_id"] != str(aim.who.id):
        return 404
    offered = [o["status"] for o in aim.facts.rows["offers"] if o["case_id"] == case["id"]]
    return conflict(case["status"] != "open" or "held" in offered, 201)


def _status_not_in(*found: str) -> Callable[[Aim], int]:
    return lambda aim: conflict(aim.row is None or aim.row["status"] not in found)


def _unplaceable(aim: Aim) -> bool:
    return aim.row is None or aim.row["status"] != "open"


def _answering(aim: Aim) -> int:
    return conflict(aim.row is None or aim.row["status"] != "held")


def _stepping(*before: str) -> Callable[[Aim], int]:
    return lambda aim: conflict(aim.row is None or aim.row["status"] not in before)


def _recording(aim: Aim) -> int:
    programme = aim.row["programme"] if aim.row else ""
    if aim.who.role is Role.intake_worker and programme != "asylum":
        return 422
    recorders = {Role.intake_worker, Role.caseworker, Role.partner, Role.sponsor_spokesperson}
    if aim.who.role not in recorders:
        return 403
    return conflict((aim.row or {}).get("status") == "closed", 201)


def _voiding(aim: Aim) -> int:
    row = aim.row or {}
    if aim.who.role is Role.partner and row.get("organization_id") != str(aim.who.organization_id):
        return 403
    return conflict(row.get("voided_at") is not None or row.get("code") in OF_THE_JOURNEY)


def _correcting(aim: Aim) -> int:
    """The journey's own are corrected where they were told, and a type is recorded by its recorders."""
    row, found = aim.row or {}, _voiding(aim)
    if found != 200:
        return found
    case = aim.facts.cases[row["case_id"]]
    if str(aim.who.role) not in _RECORDERS[row["code"]]:
        return 403
    return conflict(case["status"] == "closed", 201)


def _redating(aim: Aim) -> int:
    row = aim.row or {}
    closed = row.get("case_id") in aim.facts.cases and aim.facts.cases[row["case_id"]]["status"] == "closed"
    return conflict(row.get("arrived_on") is None or closed)


def _overdue(aim: Aim, row: Row) -> bool:
    late = row["due_on"] < clock.today().isoformat()
    asked = row["fulfilled_by"] is None and row["lapsed_at"] is None
    return late and asked and aim.facts.cases[row["case_id"]]["status"] != "closed"


def _reminded(aim: Aim, row: Row) -> bool:
    ahead = (date.fromisoformat(row["due_on"]) - clock.today()).days
    falls = ahead in {7, 0, -1} or (ahead < -1 and (ahead + 1) % 14 == 0 and ahead > -366)
    asked = row["fulfilled_by"] is None and row["lapsed_at"] is None
    return falls and asked and aim.facts.cases[row["case_id"]]["status"] != "closed"


def _of_the_case(aim: Aim, row: Row) -> bool:
    return bool(row["case_id"] == aim.case_id)


LISTS: dict[str, Listed] = {
    "GET /v1/cases": Listed("cases"),
    "GET /v1/cases/{case_id}/milestones": Listed("milestones", _of_the_case),
    "GET /v1/offers": Listed("offers"),
    "GET /v1/assignments": Listed("assignments"),
    "GET /v1/milestones": Listed("milestone_expectations", _overdue),
    "GET /v1/milestone-reminders": Listed("milestone_expectations", _reminded),
}
# Written by the journey itself, and the roles that record each type (domain.md §2), told here once more.
OF_THE_JOURNEY = frozenset({"OFFER_ANSWER", "REG_ARRIVAL"})
_RECORDERS = {kind.code: {str(role) for role in kind.recorded_by} for kind in milestone_types()}

_PLACES = frozenset({"capacities"})

RECIPES: tuple[Recipe, ...] = (
    get("/v1/me", P.me_read, reads=0),
    get("/v1/milestone-types", P.territory_read, reads=0),
    # Cases
    Recipe("POST", "/v1/cases", P.case_create, "", _household, always(201), leaves=1, also=frozenset({"*"})),
    Recipe("POST", "/v1/household-imports", P.case_create, "", _sheet, _importing, 0, 1, frozenset({"*"})),
    get("/v1/cases", P.case_read),
    get("/v1/cases/{case_id}", P.case_read, "cases"),
    get("/v1/cases/{case_id}/access", P.access_read, "cases"),
    Recipe("PATCH", "/v1/cases/{case_id}", P.case_update, "cases", always({"external_id": f"drill-{new_id()}"}), leaves=1),
    Recipe("POST", "/v1/cases/{case_id}/close", P.case_close, "cases", always({"reason": "Parti."}), _closing,
           leaves=1),
    Recipe("POST", "/v1/cases/{case_id}/reopen", P.case_close, "cases", None, _reopening, leaves=1),
    Recipe("POST", "/v1/cases/{case_id}/consents", P.consent_record, "cases", _consent, always(201), 0, 1),
    Recipe("POST", "/v1/cases/{case_id}/recommendations", P.recommendation_create, "cases", None, _recommending, 0, 1),
    Recipe("POST", "/v1/cases/{case_id}/milestones", P.milestone_record, "cases", _milestone, _recording, 0, 1),
    get("/v1/cases/{case_id}/milestones", P.milestone_read, "cases"),
    # Placement
    get("/v1/recommendations/{recommendation_id}", P.recommendation_read, "recommendations"),
    get("/v1/recommendations/{recommendation_id}/explanation", P.recommendation_read, "recommendations"),
    Recipe("POST", "/v1/placement-runs", P.placement_run_create, "cases", lambda aim: {"case_ids": [aim.case_id]},
           lambda aim: conflict(_unplaceable(aim), 201), 0, 1, frozenset({"placement_runs"}), in_body=True),
    get("/v1/placement-runs/{run_id}", P.placement_run_read, "placement_runs"),
    get("/v1/placement-runs/{run_id}/certificate", P.placement_run_read, "placement_runs", outcome=_status_not_in("done")),
    Recipe("POST", "/v1/placement-runs/{run_id}/cancel", P.placement_run_create, "placement_runs", None,
           _status_not_in("queued", "running"), 0, 1, frozenset({"placement_runs"})),
    Recipe("POST", "/v1/placement-runs/{run_id}/confirmations", P.placement_run_confirm, "placement_runs",
           _confirmation, _confirming, 0, 2, frozenset({"*"})),
    Recipe("POST", "/v1/offers", P.offer_create, "cases", _offer, _offering, 0, 1, _PLACES, in_body=True),
    get("/v1/offers", P.offer_read),
    get("/v1/offers/{offer_id}", P.offer_read, "offers"),
    # The last adult's yes proposes an assignment and records the household's answer: one to three leaves.
    Recipe("POST", "/v1/offers/{offer_id}/accept", P.offer_answer, "offers", _answer, _answering, 0, 1, _PLACES),
    Recipe("POST", "/v1/offers/{offer_id}/decline", P.offer_answer, "offers", _decline, _answering, 0, 1, _PLACES),
    Recipe("POST", "/v1/offers/{offer_id}/withdraw", P.offer_withdraw, "offers", always({"reason": "Perdue."}),
           _answering, 0, 1, _PLACES),
    get("/v1/assignments", P.assignment_read),
    get("/v1/assignments/{assignment_id}", P.assignment_read, "assignments"),
    Recipe("POST", "/v1/assignments/{assignment_id}/acknowledge", P.assignment_answer, "assignments", None,
           _stepping("proposed"), 0, 1),
    Recipe("POST", "/v1/assignments/{assignment_id}/refuse", P.assignment_answer, "assignments",
           always({"reason_code": "no_staff"}), _stepping("proposed"), 0, 1, _PLACES),
    Recipe("POST", "/v1/assignments/{assignment_id}/depart", P.assignment_depart, "assignments", _step,
           _stepping("acknowledged"), 0, 1),
    Recipe("POST", "/v1/assignments/{assignment_id}/arrive", P.assignment_arrive, "assignments", _step,
           _stepping("departed"), 0, 1, moves=True),
    Recipe("POST", "/v1/assignments/{assignment_id}/correct-arrival", P.assignment_arrive, "assignments",
           always({"occurred_on": clock.today().isoformat(), "reason_code": "mistyped"}), _redating, 0, 1),
    Recipe("POST", "/v1/assignments/{assignment_id}/end", P.assignment_end, "assignments", _end,
           _stepping("proposed", "acknowledged", "departed", "arrived"), 0, 1, _PLACES),
    # Milestones
    get("/v1/milestones", P.milestone_read),
    get("/v1/milestones/{milestone_id}", P.milestone_read, "milestones"),
    Recipe("POST", "/v1/milestones/{milestone_id}/void", P.milestone_void, "milestones",
           always({"reason": "Erreur."}), _voiding, 0, 1),
    Recipe("POST", "/v1/milestones/{milestone_id}/correct", P.milestone_void, "milestones", _correction, _correcting, 0, 2),
    Recipe("POST", "/v1/milestone-recomputations", P.case_update, "", None, reads=0, leaves=1),
    get("/v1/milestone-reminders", P.milestone_read),
    # Whatever is out of reach is a line refused: the batch itself is always answered, and its leaf counts the lines.
    Recipe("POST", "/v1/milestone-batches", P.milestone_record, "", _batch, reads=None, leaves=1, also=frozenset({"*"})),
)  # fmt: skip
