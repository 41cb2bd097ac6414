"""What is out of reach answers exactly like what does not exist: byte for byte, at the same step, whatever else is sent.

One household lives its whole story in another office, region and organization. Each role then knocks, with the real
ids of that story and with ids that nobody has, at every place of the API where an id goes in.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from casework.authz.guard import gates_of
from casework.authz.policy import Role, reach_of
from casework.demo.world import CLIENT, key
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.programme import Programme
from casework.milestones.reference import MilestoneType, Subject, milestone_types
from casework.placement.run_solving import solve_next
from casework.surface import PUBLIC, routes_of
from tests.builders import a_case, accepted, adults_of, an_offer
from tests.cases.claims import a_claim_status, a_status, an_arrival_told
from tests.lodging.shelters import a_shelter, closing, lodging
from tests.partners.steps import handed_over
from tests.pilots import departures
from tests.privacy import stories
from tests.sponsorship.steps import DUTIES, SHERBROOKE, a_sponsor, an_undertaking, group

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from fastapi import FastAPI

    from tests.conftest import World

pytestmark = pytest.mark.anyio

SLOTS = 267
"""Places where an id goes in; a new one is compared as soon as it is counted here."""

# The name under which an id goes in → what it names.
KINDS = {
    "case_id": "case",
    "case_ids": "case",
    "keep_together": "case",
    "run_id": "run",
    "offer_id": "offer",
    "assignment_id": "assignment",
    "transfer_id": "transfer",
    "milestone_id": "milestone",
    "recommendation_id": "recommendation",
    "observation_id": "observation",
    "person_id": "person",
    "new_principal": "person",
    "principal_id": "person",
    "remaining_principal": "person",
    "people": "person",
    "duplicate_id": "person",
    "other_case_id": "case",
    "link_id": "link",
    "merge_id": "merge",
    "capacity_id": "capacity",
    "review_id": "review",
    "target_id": "target",
    "site_id": "site",
    "successors": "site",
    "lodging_id": "lodging",
    "closure_id": "closure",
    "office_handover_id": "office handover",
    "from_office_id": "office",
    "to_office_id": "office",
    "saved_id": "saved worklist",
    "agreement_handover_id": "agreement handover",
    "successor_id": "agreement",
    "agreement_id": "agreement",
    "organization_id": "organization",
    "organization": "organization",
    "caseworker_id": "user",
    "caseworker": "user",
    "office_id": "office",
    "pilot_id": "pilot",
    "cohort_id": "cohort",
    "enrolment_id": "enrolment",
    "stayed": "enrolment",
    "partners": "organization",
    "client_id": "client",
    "glass_id": "glass",
    "status_id": "claim status",
    "notice_id": "address notice",
    "handover_id": "handover",
    "to_user_id": "user",
    "erasure_id": "erasure",
    "hold_id": "hold",
    "incident_id": "incident",
    "secret_id": "secret",
    "user_id": "user",
    "user": "user",
    "grant_id": "grant",
    "sponsor_id": "sponsor",
    "member_id": "member",
    "undertaking_id": "undertaking",
    "spokesperson_id": "spokesperson",
    "draw_id": "draw",
}
MOVING = {"asked_by": "household", "reason_code": "family", "reason": "Près de sa sœur."}
KNOCKERS = {
    Role.intake_worker: "octave",
    Role.caseworker: "basile",
    Role.coordinator: "coralie",
    Role.programme_manager: "prosper",
    Role.partner: "pelagie",
    Role.sponsor_spokesperson: "sidonie",
    Role.municipal_viewer: "melchior",
    Role.auditor: "aurele",
    Role.administrator: "adele",
}
# Within the reach of every role that may send it, so there is nothing to hide.
OPEN_KINDS = {
    "office": "offices are reference data",
    "incident": "the register is one for the whole body",
    "pilot": "a pilot names no household",
    "cohort": "a departure names no household",
    "draw": "a draw is for everybody to run again",
    "spokesperson": "only the ministry names one: tests/sponsorship/test_sponsors.py",
}
# Within the reach of one role: policy.py says so.
REACHED = {
    (Role.caseworker, "capacity"), (Role.caseworker, "review"), (Role.caseworker, "target"), (Role.caseworker, "site"), (Role.intake_worker, "site"), (Role.coordinator, "site"),
    (Role.caseworker, "agreement handover"), (Role.intake_worker, "agreement handover"), (Role.coordinator, "agreement handover"), (Role.caseworker, "agreement"), (Role.intake_worker, "agreement"),
    (Role.coordinator, "agreement"), (Role.caseworker, "organization"), (Role.intake_worker, "organization"),
    (Role.coordinator, "organization"), (Role.auditor, "organization"), (Role.administrator, "organization"),
    (Role.caseworker, "undertaking"),
    (Role.administrator, "client"), (Role.administrator, "user"), (Role.administrator, "grant"),
}  # fmt: skip
# Any one case may be opened in an emergency: it is told to a supervisor, who reviews it (access.md §3).
EMERGENCIES = ("/v1/break-glass", "case_id")
# A filter is kept as it is sent, and no id in it is looked up: an absent one is saved like any other.
KEPT_AS_SENT = {"/v1/saved-worklists"}
# A coordinator records milestones of households, and is told so before any person is looked for.
NEVER = {(Role.coordinator, path, "person_id") for path in ("/v1/cases/{case_id}/milestones", "/v1/milestone-batches")}
# A refusal may be a fact to be kept: one leaf, and its place in the queue.
LOG_OF_REFUSALS = ("log_leaves", "log_queue")
# A body there is refused before anything is looked for.
# Their last word stands for something with a body elsewhere.
BODILESS_PATHS = {
    "/v1/handovers/{handover_id}/accept",
    "/v1/office-handovers/{office_handover_id}/accept",
    "/v1/transfers/{transfer_id}/accept",
    "/v1/placement-runs/{run_id}/cancel",
}
# Upon the case's own version, which is the first one of the household that waits.
FIRST_VERSION = {"consents", "members", "splits", "joins"}
BODILESS = {
    "acknowledge",
    "approve",
    "complete",
    "disable",
    "erase",
    "freeze",
    "evaluations",
    "one-time-passwords",
    "recommendations",
    "reopen",
    "revoke",
    "run",
    "submit",
}
MEDIA = {
    "POST": "application/json",
    "PUT": "application/json",
    "DELETE": "application/json",
    "PATCH": "application/merge-patch+json",
}


class Slot(NamedTuple):
    method: str
    path: str
    place: str  # path, query or body
    name: str

    @property
    def kind(self) -> str:
        return KINDS[self.name]


class Shape(NamedTuple):
    """What is sent beside the id: the body (whole, empty, broken), If-Match, and whether the request is keyed."""

    body: str = "whole"
    if_match: str | None = '"1"'
    keyed: bool = False


SHAPES = (
    Shape(), Shape(keyed=True), Shape(if_match='"999"'), Shape(if_match=None), Shape(if_match="x", keyed=True),
    Shape("empty"), Shape("broken"), Shape("empty", None, True), Shape("unknown field", '"999"'),
)  # fmt: skip


def slots(app: FastAPI) -> Iterator[Slot]:
    """Every UUID of every route's address, query and body."""
    document = app.openapi()
    for method, path, _ in routes_of(app):
        operation = document["paths"][path][method.lower()]
        for parameter in operation.get("parameters", ()):
            if is_id(parameter["schema"]):
                yield Slot(method, path, parameter["in"], parameter["name"])
        for content in operation.get("requestBody", {}).get("content", {}).values():
            for name in ids_in(document, content["schema"]):
                yield Slot(method, path, "body", name)


def is_id(schema: Any) -> bool:
    return '"format": "uuid"' in json.dumps(schema)


def ids_in(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """Names of the fields that hold ids, however deep the models refer to each other."""
    for name, found in schema.get("properties", {}).items():
        if is_id(found):
            yield name
        yield from ids_in(document, found)
    for part in [schema[name] for name in ("items",) if name in schema] + schema.get("anyOf", []):
        yield from ids_in(document, part)
    if "$ref" in schema:
        yield from ids_in(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])


def test_every_place_where_an_id_goes_in_is_known(application: FastAPI) -> None:
    found = list(slots(application))
    assert len(found) == len(set(found)) == SLOTS
    assert {slot.name for slot in found} == set(KINDS)
    assert not [slot for slot in found if (slot.method, slot.path) in PUBLIC]


# The two stories


async def elsewhere(world: World) -> dict[str, str]:
    """A household of another office, placed in Estrie: what there is to hide, by kind."""
    case = await a_case(world, "ines", size=1)
    enrolment = await an_enrolment(world, case, "ines")
    recommended = (await world.client("prosper").post(f"/v1/cases/{case['id']}/recommendations")).json()
    said = {"person_id": adults_of(case)[0], "channel": "phone", "language": "fr", "text": "Trop loin."}
    observed = await world.client("prosper").post(f"/v1/recommendations/{recommended['id']}/observations", json=said)
    assert observed.status_code == 201, observed.text
    offer = await accepted(world, case, await an_offer(world, case, "racines-d-estrie/43027", "prosper"), "prosper")
    told = milestone_of(adults_of(case)[0])
    elsewhere_yet = {"case_id": case["id"], "capacity_id": str(world.key("maison-des-rives/23027")), **MOVING}
    transfer = await world.client("prosper").post("/v1/transfers", json=elsewhere_yet)
    assert transfer.status_code == 201, transfer.text
    recorded = await world.client("raoul").post(f"/v1/cases/{case['id']}/milestones", json=told)
    assert recorded.status_code == 201, recorded.text
    status = await a_claim_status(world, case, "prosper")
    notice = await an_arrival_told(world, case, offer)
    emergency = {"case_id": case["id"], "reason_code": "danger_to_life", "reason": "Menaces."}
    broken = await world.client("octave").post("/v1/break-glass", json=emergency)
    assert broken.status_code == 201, broken.text
    erasure = await stories.asked(world, adults_of(case)[0], "prosper")
    places = f"/v1/capacities/{world.key('racines-d-estrie/43027')}"
    stands = (await world.client("edmee").get(places)).headers["etag"]
    lost = {"total": 0, "reason": "Bail perdu."}
    review = await world.client("edmee").post(f"{places}/reviews", json=lost, headers={"If-Match": stands})
    assert review.status_code == 201, review.text
    today = clock.today().isoformat()
    meant = {"region_code": "05", "starts_on": today, "ends_on": today, "target": 9, "source": "Plan."}
    target = await world.client("prosper").post("/v1/regional-targets", json=meant)
    opened = {
        "name": "Point de service",
        "geo_code": "43027",
        "languages": [],
        "services": [],
        "opened_on": today,
        "beds": 9,
    }
    site = await world.client("edmee").post(f"/v1/organizations/{world.key('racines-d-estrie')}/sites", json=opened)
    stay = await lodging(world, case, site.json(), "ines", since=0)
    assert stay.status_code == 201, stay.text
    closure = await closing(world, await a_shelter(world, "Refuge fermé", 2, "43027"))
    passed = {"to_office_id": str(key("praida")), "case_ids": [(await a_case(world, size=1))["id"]], "reason": "Ferme."}
    to_office = await world.client("prosper").post("/v1/office-handovers", json=passed)
    kept = await world.client("edmee").post("/v1/saved-worklists", json={"name": "A", "asked": {"status": "open"}})
    assert (to_office.status_code, kept.status_code) == (201, 201), to_office.text
    handover = await handed_over(world, "racines-d-estrie", "05")
    machine = {"name": "Suivi d'Estrie", "organization_id": str(world.key("racines-d-estrie")), "scopes": ["case:read"]}
    client = (await world.client("adele").post("/v1/api-clients", json=machine)).json()
    secret = await world.client("raoul").post(f"/v1/api-clients/{client['id']}/secrets", json={})
    run = await a_run_over(world, case["id"], "prosper")
    kin, merge = await kept_together(world, case)
    sponsor = await a_sponsor(world, "sylvain", region_code="05")
    undertaking = await an_undertaking(world, sponsor, "sylvain", SHERBROOKE)
    return {
        "glass": broken.json()["id"], "claim status": status["id"], "address notice": notice["id"],
        "handover": a_handover_elsewhere(world, case), "agreement handover": handover, "run": run,
        "review": review.json()["id"], "target": target.json()["id"], "site": site.json()["id"],
        "lodging": stay.json()["id"], "closure": closure.json()["id"],
        "office handover": to_office.json()["id"], "saved worklist": kept.json()["id"],
        "link": kin, "merge": merge,
        "enrolment": enrolment["id"],
        "sponsor": sponsor["id"], "member": sponsor["members"][0]["id"], "undertaking": undertaking["id"],
        "erasure": erasure["id"], "hold": (await stories.held(world, case_id=case["id"]))["id"],
        "client": client["id"], "secret": secret.json()["id"], "grant": str(world.key("ines/grant")),
        "case": case["id"], "person": adults_of(case)[0], "recommendation": recommended["id"], "observation": observed.json()["id"], "offer": offer["id"],
        "assignment": offer["assignment_id"], "transfer": transfer.json()["id"], "milestone": recorded.json()["id"], "user": str(world.key("ines")),
        "capacity": str(world.key("racines-d-estrie/43027")), "organization": str(world.key("racines-d-estrie")),
        "agreement": str(world.key("racines-d-estrie/agreement")),
    }  # fmt: skip


async def a_run_over(world: World, case_id: str, by: str) -> str:
    """A run over this one case, solved."""
    run = await world.client(by).post("/v1/placement-runs", json={"case_ids": [case_id]})
    assert run.status_code == 201, run.text
    assert await solve_next(world.app.state.database) is not None
    found: str = run.json()["id"]
    return found


async def kept_together(world: World, case: dict[str, Any]) -> tuple[str, str]:
    """A link of the case, and a merge of two records in it."""
    prosper, path = world.client("prosper"), f"/v1/cases/{case['id']}"
    other = await a_case(world, "ines", size=1)
    stands = {"If-Match": (await prosper.get(path)).headers["etag"]}
    wanted = {"other_case_id": other["id"], "kind": "keep_together"}
    linked = await prosper.post(f"{path}/links", json=wanted, headers=stands)
    same = {"duplicate_id": adults_of(other)[0], "reason": "Vue deux fois."}
    merged = await prosper.post(f"/v1/people/{adults_of(case)[0]}/merges", json=same)
    assert (linked.status_code, merged.status_code) == (201, 201), merged.text
    return linked.json()["items"][0]["id"], merged.json()["id"]


async def here(world: World) -> dict[str, str]:
    """What the knockers reach: a household hosted by the Phare, one with an open offer, one that waits."""
    hosted, asked, free = [await a_case(world, "basile", size=1) for _ in range(3)]
    waiting = await a_case(world, "basile", size=2)
    enrolment = await an_enrolment(world, hosted, "basile")
    recommended = (await world.client("basile").post(f"/v1/cases/{hosted['id']}/recommendations")).json()
    offer = await accepted(world, hosted, await an_offer(world, hosted, by="basile"), "basile")
    open_offer = await an_offer(world, asked, by="basile")
    run = await a_run_over(world, waiting["id"], "basile")
    sponsor = await a_sponsor(world)
    undertaking = await an_undertaking(world, sponsor)
    return {
        "run": run, "recommendation": recommended["id"], "site": (await a_shelter(world, "Refuge", 99))["id"],
        "enrolment": enrolment["id"], "pilot": enrolment["pilot_id"], "cohort": enrolment["cohort_id"],
        "sponsor": sponsor["id"], "member": sponsor["members"][0]["id"], "undertaking": undertaking["id"],
        "case": hosted["id"], "person": adults_of(hosted)[0], "offer": open_offer["id"], "waiting": waiting["id"],
        "free": adults_of(free)[0], "second": waiting["household"]["members"][1]["person_id"],
        "assignment": offer["assignment_id"], "capacity": str(world.key("le-phare/10043")),
        "agreement": str(world.key("le-phare/agreement")), "organization": str(world.key("le-phare")),
        "client": str(world.key(CLIENT)), "secret": str(world.key(f"{CLIENT}/secret")),
    }  # fmt: skip


def a_handover_elsewhere(world: World, case: dict[str, Any]) -> str:
    """Written by the owner: PRAIDA's office has no caseworker to propose a case to."""
    row = new_id()
    with world.owner() as owner:
        owner.execute(
            "INSERT INTO handovers (id, version, created_at, case_id, office_id, region_code, to_user_id, proposed_by, status)"
            " SELECT %s, 1, now(), id, office_id, region_code, %s, %s, 'proposed' FROM cases WHERE id = %s",
            (row, world.key("camille"), world.key("ines"), case["id"]),
        )
    return str(row)


async def an_enrolment(world: World, case: dict[str, Any], by: str) -> dict[str, Any]:
    await departures.say(world, case, adults_of(case)[0], by=by)
    return await departures.enrolled(world, case, await departures.a_cohort(world, await departures.a_pilot(world)), by)


def milestone_of(person_id: str, role: Role = Role.partner) -> dict[str, Any]:
    """One that the role records; a role that records none sends a partner's, and is refused whatever the person."""
    code = next((one.code for one in milestone_types() if is_of(role, one)), "FIRST_VISIT")
    day = {"value": clock.today().isoformat(), "precision": "day"}
    return {"code": code, "person_id": person_id, "outcome": "done", "occurred_on": day}


def is_of(role: Role, kind: MilestoneType) -> bool:
    current = kind.valid_to is None and kind.subject is Subject.person and Programme.asylum in kind.programmes
    return current and str(role) in {str(recorder) for recorder in kind.recorded_by}


def whole_body(slot: Slot, mine: dict[str, str], role: Role) -> dict[str, Any]:
    """What the route accepts, with ids within reach; the one under test replaces its own."""
    last, today = slot.path.rpartition("/")[2], clock.today().isoformat()
    member = {
        "relation": "principal",
        "name": {"full": "Orsane Velquindor"},
        "birth": {"value": "1988", "precision": "year"},
    }
    answer = {"person_id": mine["person"], "channel": "phone", "language": "fr"}
    heard = {"person_id": mine["person"], "purpose": "placement", "given": True, "notice_version": "2026-01",
             "notice_language": "fr", "channel": "in_person", "occurred_on": today}  # fmt: skip
    bodies: dict[str, dict[str, Any]] = {action: {} for action in BODILESS} | {
        "cases": {"programme": "asylum", "members": [member]},
        "offers": {"case_id": mine["waiting"], "capacity_id": mine["capacity"], "reason": "Premier choix."},
        "transfers": {"case_id": mine["case"], "capacity_id": str(key("le-phare/12072")), **MOVING},
        "case-searches": {"limit": 5},
        "placement-runs": {"case_ids": [mine["waiting"]]},
        "confirmations": {"choices": [{"case_id": mine["waiting"]}], "reason": "Premier choix."},
        "accept": answer,
        "decline": {**answer, "reason_code": "other"},
        "milestones": milestone_of(mine["person"], role),
        "milestone-batches": {"case_id": mine["case"], "external_id": "B-1", **milestone_of(mine["person"], role)},
        "correct": {"outcome": "done", "occurred_on": {"value": today, "precision": "day"}, "reason": "Mal lu."},
        "correct-arrival": {"occurred_on": today, "reason_code": "mistyped"},
        "refuse": {"refusal": "archives"}
        if "erasure" in slot.path
        else {"reason": "Non."}
        if "handover" in slot.path
        else {}
        if "merge" in slot.path
        else {"reason_code": "no_staff"},
        "consents": heard,
        "erasures": {"reason": "order"},
        "legal-holds": {"basis": "audit", "reference": "V-1"},
        "release": {"reference": "V-1"},
        "subject-access-exports": {"purpose": "portability", "reference": "V-1"},
        "disclosure-statements": {"purpose": "portability", "reference": "V-1"},
        "claim-statuses": {"person_id": mine["person"], "said": a_status()},
        "void": {"reason": "Motif."},
        "done": {"notified_on": today, "receipt": "Accusé."},
        "notes": {"occurred_on": today, "text": "Note."},
        "observations": {**answer, "text": "Trop loin."},
        "collection-notices": {"person_id": mine["person"], "notice_version": "2026-01", "notice_language": "fr",
                               "channel": "phone", "occurred_on": today},
        "service-languages": {"person_id": mine["person"], "language": "es", "basis": "health", "starts_on": today},
        "office-handovers": {"to_office_id": str(key("praida")), "case_ids": [mine["waiting"]], "reason": "Ferme."},
        "saved-worklists": {"name": "Liste", "asked": {"status": "open"}},
        "lodgings": {"site_id": mine["site"], "starts_on": today},
        "needs": {"said": {"occurred_on": today}},
        "preferences": {"said": {"occurred_on": today}},
        "handovers": {"to_user_id": str(key("camille")), "reason": "Congé."},
        "programme-changes": {"to_programme": "protected_person", "occurred_on": today},
        "depart": {"occurred_on": today},
        "enrolments": {name: mine.get(kind) for name, kind in (("case_id", "case"), ("cohort_id", "cohort"))},
        "arrive": {"occurred_on": today},
        "end": {"occurred_on": today, "reason": "Parti."},
        "capacities": {"agreement_id": mine["agreement"], "geo_code": "10043", "starts_on": today, "ends_on": today, "total": 1},
        "reviews": {"total": 0, "reason": "Bail perdu."},
        "sites": {"name": "Point", "geo_code": "10043", "languages": [], "services": [], "opened_on": today},
        "organizations": {"name": "Havre", "kind": "obnl", "region_code": "01", "languages": [], "services": []},
        "agreements": {"organization_id": mine["organization"], "funding": "PASI", "edition": "1", "stream": "1", "programmes": ["asylum"],
                       "region_code": "01", "volume": 1, "starts_on": today, "ends_on": today, "reason": "Appel."},
        "{organization_id}": {"name": "Autre nom"},
        "{agreement_id}": {"volume": 4, "reason": "Moins."},
        "assignments": {"assignment_id": mine["assignment"], "capacity_id": mine["capacity"]},
        "settle": {"outcome": "restored", "note": "Retrouvées."},
        "capacity-forecasts": {"geo_code": "10043", "starts_on": today, "ends_on": today, "low": 1, "expected": 1, "high": 1, "source": "Plan."},
        "{target_id}": {"target": 5, "source": "Plan."},
        "grants": {"user_id": str(new_id()), "role": "intake_worker", "office_id": str(new_id())},
        "secrets": {"overlap_days": 0},
        "keys": {"keys": [{"kty": "OKP"}]},
        "api-clients": {"name": "Suivi", "organization_id": mine["organization"], "scopes": ["case:read"]},
        "{capacity_id}": {"total": 50, "reason": "Moins."},
        "{case_id}": {"external_id": f"x-{new_id()}"},
    }  # fmt: skip
    said = {
        "purpose": "placement",
        "given": True,
        "notice_version": "2026-01",
        "notice_language": "fr",
        "channel": "in_person",
    }
    home = {"phone": "+1 514 555 0199"}
    unknown = {"value": None, "precision": "unknown"}
    bodies |= {
        "sponsors": group(),
        "members": {"name": "Orsane Velquindor", "joined_on": today},
        "spokesperson": {"spokesperson_id": str(new_id()), "reason": "sponsor_moved"},
        "leave": {"left_on": today, "leave_reason": "withdrew"},
        "undertakings": {"sponsor_id": mine["sponsor"], "geo_code": "10043", "persons": 2},
        "cancel": {"occurred_on": today, "reason": "withdrawn"},
        "steps": {"to": "under_review", "occurred_on": today},
        "household": {"case_id": mine["case"]},
        "transfer": {"sponsor_id": mine["sponsor"], "occurred_on": today, "reason": "sponsor_moved"},
        "moves": {"geo_code": "10043", "occurred_on": today},
        "settlement-reports": {"number": 1, "occurred_on": today, "duties": DUTIES},
        "sealed-address": {"contact": home, "substitute": home},
        "consents": {**said, "person_id": mine["person"], "occurred_on": today},
        "break-glass": {"case_id": mine["case"], "reason_code": "danger_to_life", "reason": "Menaces."},
        "review": {"outcome": "justified", "note": "Vu."},
    }
    of_a_case: dict[str, dict[str, Any]] = {
        "{person_id}": {"reason": "correction"},
        "members": {"how": "birth", "member": {**member, "relation": "child", "birth": unknown}},
        "representatives": {"kind": "tutor", "representative": {"name": "Une voisine"}, "appointed_on": today},
        "splits": {"people": [mine["second"]], "principal_id": mine["second"], "reason": "separation"},
        "joins": {"person_id": mine["free"], "relation": "other"},
        "links": {"other_case_id": mine["waiting"], "kind": "kin"},
        "searches": {"person_id": mine["person"]},
        "merges": {"duplicate_id": mine["free"], "reason": "Vue deux fois."},
        "undo": {"relation": "other"},
        "death": {"occurred": {"value": today[:4], "precision": "year"}},
        "leave": {"reason": "left", "ends_on": today},
    }
    if not slot.path.startswith("/v1/sponsors"):
        bodies |= of_a_case
    if slot.path.startswith("/v1/transfers"):
        bodies["withdraw"] = {"reason_code": "mistaken", "reason": "Motif."}
    if slot.path.startswith("/v1/observations"):
        return {"outcome": "upheld", "reason": "Vu."}
    if slot.path.startswith("/v1/sites"):
        named = {"reason": "Bail perdu.", "successors": [mine["site"]]} if last == "closures" else {}
        return {"closed_on": today, **named}
    if slot.path.startswith("/v1/lodgings"):
        return {"ends_on": today}
    if slot.path.startswith("/v1/agreements") and last == "end":
        return {"reason": "Fin de mandat."}
    if slot.path.startswith("/v1/enrolments"):
        return {"person_id": mine["person"], "channel": "phone"}
    return bodies.get(last, {"reason": "Motif."})


def request_of(slot: Slot, shape: Shape, mine: dict[str, str], identity: str, role: Role) -> dict[str, Any]:
    """httpx's arguments of the request that carries `identity` in its slot."""
    path = slot.path
    for name, kind in KINDS.items():
        # The household that waits still stands at its first version.
        first = kind == "case" and (
            slot.kind == "user" or slot.path.rpartition("/")[2] in FIRST_VERSION or "link" in slot.path
        )
        own = mine["waiting"] if first else mine.get(kind, identity)
        named = identity if (slot.place, slot.name) == ("path", name) else own
        path = path.replace(f"{{{name}}}", named)
    asked: dict[str, Any] = {"method": slot.method, "url": path, "headers": {}}
    if slot.place == "query":
        asked["params"] = {slot.name: identity, **({"total": "true"} if slot.name == "caseworker" else {})}
    if slot.method == "GET":
        return asked
    asked["headers"] |= {"If-Match": shape.if_match} if shape.if_match else {}
    asked["headers"] |= {"X-Purpose-of-Use": "case_management"} if slot.path.endswith("searches") else {}
    asked["headers"] |= {"Idempotency-Key": f"existence-{new_id()}"} if shape.keyed else {}
    if slot.path.rpartition("/")[2] in BODILESS or slot.path in BODILESS_PATHS:
        return asked
    body = whole_body(slot, mine, role)
    held = placed(slot, mine, identity, body) if slot.place == "body" else {}
    body |= held
    broken = {name: ["?"] for name in body if name not in held}
    only = held
    if slot.path.endswith("/milestone-batches"):
        body, only, broken = {"items": [body]}, {}, {"items": ["?"]}
    bodies = {"whole": body, "empty": only, "broken": {**body, **broken}, "unknown field": {**body, "surprise": 1}}
    asked["content"] = json.dumps(bodies[shape.body]).encode()
    asked["headers"]["Content-Type"] = MEDIA[slot.method]
    return asked


def decisive(slot: Slot, answer: httpx.Response) -> int:
    """A batch is always answered: its only line says what became of the id."""
    if slot.path.endswith("/milestone-batches"):
        status: int = answer.json()["items"][0]["status"]
        return status
    return answer.status_code


def placed(slot: Slot, mine: dict[str, str], identity: str, body: dict[str, Any]) -> dict[str, Any]:
    """The id where the body holds it: by itself, or in a list."""
    if slot.path.endswith("/confirmations"):
        return {"choices": [{"case_id": mine["waiting"], slot.name: identity}]}
    if slot.path == "/v1/saved-worklists":
        return {"asked": {slot.name: identity}}
    if slot.name == "keep_together":
        return {slot.name: [[mine["waiting"], identity]]}
    return {slot.name: [identity] if slot.name == "case_ids" or isinstance(body.get(slot.name), list) else identity}


def told(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All that a client sees, but the request's own id."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in {"x-request-id", "date"})
    return answer.status_code, answer.content, headers


def counts(world: World) -> dict[str, int]:
    """Rows of every table; what a refused request left behind would show here."""
    with world.owner() as owner:
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {
            str(name): int(str(owner.execute(f"SELECT count(*) FROM {name}".encode()).fetchall()[0][0]))
            for (name,) in tables
        }


@pytest.mark.parametrize("role", Role)
async def test_out_of_reach_is_told_like_absent(world: World, role: Role) -> None:
    hidden, mine = await elsewhere(world), await here(world)
    client, compared = world.client(KNOCKERS[role]), 0
    gates = {(method, path): gates_of(route.dependant)[0].permission for method, path, route in routes_of(world.app) if (method, path) not in PUBLIC}  # fmt: skip
    for slot in slots(world.app):
        passes = reach_of(role, gates[slot.method, slot.path]) is not None
        if slot.kind in OPEN_KINDS or (passes and (role is Role.programme_manager or (role, slot.kind) in REACHED)):
            continue
        if passes and ((slot.path, slot.name) == EMERGENCIES or slot.path in KEPT_AS_SENT):
            continue
        for shape in SHAPES if passes and slot.method != "GET" else SHAPES[:1]:
            before = counts(world) if passes and shape == SHAPES[0] else {}
            absent, real = [
                await client.request(**request_of(slot, shape, mine, identity, role))
                for identity in (str(new_id()), hidden[slot.kind])
            ]
            assert told(real) == told(absent), (slot, shape, real.text)
            assert ("not-permitted" in real.text) is not passes, (slot, shape, real.text)
            if passes and shape == SHAPES[0] and (role, slot.path, slot.name) not in NEVER:
                # Nothing earlier stood in the way: it was the id that decided.
                decided = 422 if slot.name in {"caseworker_id", "to_user_id", "keep_together"} else 404
                # A filter that names what is not there finds nothing, and is answered.
                filters = slot.place == "query" or slot.path == "/v1/case-searches"
                assert decisive(slot, real) == (200 if filters else decided), (slot, real.text)
            if before:
                after = counts(world)
                grown = {name: after.pop(name) - before.pop(name) for name in ("read_entries", *LOG_OF_REFUSALS)}
                assert after == before, (slot, shape)
                # The log of refusals tells the two apart no more than the answers do.
                assert set(grown.values()) <= {0, 2}, (slot, shape, grown)
            compared += 1
    assert compared >= (7 if role is Role.programme_manager else 30)


async def test_the_hidden_household_is_no_fiction(world: World) -> None:
    """The comparison means something only while each hidden object is really there, for somebody."""
    hidden = await elsewhere(world)
    prosper = world.client("prosper")
    for kind, folder in {"case": "cases", "offer": "offers", "assignment": "assignments", "milestone": "milestones",
                         "recommendation": "recommendations", "capacity": "capacities"}.items():  # fmt: skip
        assert (await prosper.get(f"/v1/{folder}/{hidden[kind]}")).status_code == 200, kind


async def test_the_comparison_bites(world: World) -> None:
    """Weakened on purpose: a caseworker of the hidden office is told apart at once."""
    hidden, mine = await elsewhere(world), await here(world)
    slot = Slot("GET", "/v1/cases/{case_id}", "path", "case_id")
    seen, absent = [
        await world.client("ines").request(**request_of(slot, Shape(), mine, identity, Role.intake_worker))
        for identity in (hidden["case"], str(new_id()))
    ]
    assert (seen.status_code, absent.status_code) == (200, 404)
    assert told(seen) != told(absent)


async def test_a_caseworker_of_another_office_is_refused_like_nobody(world: World) -> None:
    """A foreign key would have accepted any user's id, and so told who exists."""
    with world.owner() as owner:
        owner.execute("UPDATE role_grants SET role = 'caseworker' WHERE user_id = %s", (world.key("ines"),))
    case = await a_case(world, "octave", caseworker_id=str(world.key("camille")))
    octave = world.client("octave", **{"Content-Type": MEDIA["PATCH"], "If-Match": '"1"'})
    for somebody in (str(world.key("ines")), str(world.key("adele")), str(new_id())):
        answer = await octave.patch(f"/v1/cases/{case['id']}", content=json.dumps({"caseworker_id": somebody}).encode())
        [fault] = answer.json()["errors"]
        assert (answer.status_code, fault["code"]) == (422, "not_a_caseworker"), somebody
    moved = json.dumps({"caseworker_id": str(world.key("basile"))}).encode()
    assert (await octave.patch(f"/v1/cases/{case['id']}", content=moved)).json()["caseworker_id"] == str(
        world.key("basile")
    )
    with world.owner() as owner:
        owner.execute("UPDATE role_grants SET revoked_at = now() WHERE user_id = %s", (world.key("camille"),))
    gone = json.dumps({"caseworker_id": str(world.key("camille"))}).encode()
    stands = {"If-Match": '"2"'}
    assert (await octave.patch(f"/v1/cases/{case['id']}", content=gone, headers=stands)).status_code == 422


async def test_an_external_id_is_taken_in_one_office_only(world: World) -> None:
    """Another office's use of it is out of reach, and refuses nothing."""
    first = await a_case(world, "ines", external_id="dossier-0007")
    second = await a_case(world, "camille", external_id="dossier-0007")
    assert first["id"] != second["id"]


async def test_lists_and_totals_say_nothing_of_what_is_out_of_reach(world: World) -> None:
    asked = ("/v1/cases?total=true", "/v1/offers", "/v1/assignments", "/v1/milestones?state=upcoming")
    before = {path: told(await world.client("pelagie").get(path)) for path in asked}
    await elsewhere(world)
    assert {path: told(await world.client("pelagie").get(path)) for path in asked} == before
