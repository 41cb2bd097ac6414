"""The main job with a marked value in every field that admits words, over HTTP, by the people whose work it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from casework.demo import world
from casework.evidence.canary_claim import follow, follow_claim, move, observe, pass_on, tell_authorities
from casework.evidence.canary_fields import IN_ROWS, SEALED
from casework.evidence.canary_people import keep
from casework.evidence.canary_privacy import protect
from casework.evidence.canary_sponsors import sponsor
from casework.evidence.canary_supply import PLACE, supply
from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.canary_marks import Marks
    from casework.identity.tokens import Issuer

WAIT_SECONDS = 40


class NotAsked(Exception):
    """A step of the journey was refused: what follows would plant nothing."""


@dataclass(slots=True)
class Traffic:
    """Requests to one server, and everything that came back but the answers of people who may read them."""

    port: int
    issuer: Issuer
    marks: Marks
    heads: list[bytes] = field(default_factory=list)
    problems: list[bytes] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def send(self, who: str | None, method: str, path: str, **request: Any) -> httpx.Response:
        """One request under marked headers; raises httpx.TransportError when the server dies under it."""
        headers = {**self._marked_headers(), **request.pop("headers", {})}
        if who is not None:
            headers.setdefault("Authorization", f"Bearer {self.issuer.issue(world.key(who), 'casework-drill')}")
        url = f"http://127.0.0.1:{self.port}{path}"
        answer = httpx.request(method, url, headers=headers, timeout=WAIT_SECONDS, **request)
        self.statuses.append(answer.status_code)
        self.heads.append(b"\n".join(b": ".join(pair) for pair in answer.headers.raw) + b"\n")
        if answer.status_code >= 400:
            self.problems.append(answer.content)
        return answer

    def do(self, who: str | None, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """A step that must succeed; raises NotAsked."""
        media = "application/merge-patch+json" if method == "PATCH" else "application/json"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.send(who, method, path, json=body, headers={"Content-Type": media, **named})
        if answer.status_code >= 400:
            raise NotAsked(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        told: dict[str, Any] = answer.json()
        return told

    def _marked_headers(self) -> dict[str, str]:
        """What nobody should write names into, and somebody will."""
        mark = self.marks.value("sealed", "header of any client")
        named = ("User-Agent", "Referer", "X-Request-Id", "X-Correlation-Id", "X-Forwarded-For", "Cookie", "From", "Baggage", "Tracestate", "Accept-Language")  # fmt: skip
        return {**dict.fromkeys(named, mark), "traceparent": f"00-{mark}-{mark}-01"}


class Planter:
    """The bodies of the journey; `field` gives the marked value of a field, or fails on one that has no line."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks

    def field(self, name: str, again: object = "") -> str:
        if name not in SEALED | IN_ROWS:
            raise KeyError(name)
        return self.marks.value("sealed" if name in SEALED else "rows", f"{name}{again}")

    def key(self, action: str = "") -> str:
        """A person's key serves one action."""
        return self.field("header Idempotency-Key", action)

    def planted(self) -> set[str]:
        return {name for name in SEALED | IN_ROWS if any(label.startswith(name) for label in self.marks.given)}

    def intake(self, number: int, **changes: Any) -> dict[str, Any]:
        day = (clock.today() - timedelta(days=40)).isoformat()
        word = self.field
        consent = {"member": 0, "given": True, "notice_version": "2026-01",
                   "notice_language": "fr", "channel": "in_person", "occurred_on": day}  # fmt: skip
        return {
            "programme": "asylum", "claimed_on": day, "external_id": word("CaseCreate.external_id", number),
            "caseworker_id": str(world.key("camille")), "members": [self._member(number)],
            "consents": [{**consent, "purpose": purpose} for purpose in ("placement", "partner_sharing")],
            "claim_statuses": [{"status": "acknowledged", "occurred_on": day, "source": word("ClaimStatusCreate.source")}],
            **changes,
        }  # fmt: skip

    def _member(self, number: int) -> dict[str, Any]:
        word = self.field
        self.marks.given.setdefault("PartialDate.value", self.marks.birth())
        return {
            "relation": "principal", "external_id": word("MemberCreate.external_id", number), "is_adult": True,
            "name": {"full": f"Aïssatou {word('Name.full')}", "given": [word("Name.given")],
                     "family": [word("Name.family")], "aliases": [word("Name.aliases")],
                     "original_script": f"نور {word('Name.original_script')}"},
            "birth": {"value": self.marks.birth(), "precision": "day"},
            "contact": {"phone": f"+1 514 {word('Contact.phone')}", "email": f"{word('Contact.email')}@exemple.test",
                        "address": f"12, rue {word('Contact.address')}"},
            "identifiers": [{"type": "uci", "value": word("IdentifierCreate.value")}],
            "languages": [{"code": "es", "needs_interpreter": False}],
        }  # fmt: skip

    def keyed(self) -> dict[str, str]:
        """A key belongs to one request, so each has its own."""
        return {"Idempotency_Key": self.field("header Idempotency-Key", len(self.marks.given))}

    def needs(self) -> dict[str, list[str]]:
        return {
            "services": [self.field("Needs.services")],
            "interpreter_languages": [self.field("Needs.interpreter_languages")],
        }


def live(traffic: Traffic, plant: Planter) -> dict[str, str]:
    """From intake to a closed case; returns the ids of what was made."""
    # What asks for a service that nobody offers is never placed: those needs stand on a draft of their own.
    traffic.do("octave", "POST", "/v1/cases", plant.intake(1, draft=True, needs=plant.needs()))
    case = traffic.do("camille", "POST", "/v1/cases", plant.intake(2), **plant.keyed())
    path = f"/v1/cases/{case['id']}"
    changed = {"external_id": plant.field("CasePatch.external_id")}
    case = traffic.do("camille", "PATCH", path, changed, If_Match=_tag(case))
    keep(traffic, plant, case)
    offer = traffic.do("camille", "POST", "/v1/offers", _offered(case, plant), **plant.keyed())
    supply(traffic, plant)
    taken_back = {"reason": plant.field("Withdrawal.reason")}
    traffic.do("camille", "POST", f"/v1/offers/{offer['id']}/withdraw", taken_back, If_Match=_tag(offer))
    _confirm_a_run(traffic, plant, case)
    made = _settle(traffic, plant, case)
    protect(traffic, plant, case)
    sponsor(traffic, plant)
    _administer(traffic, plant)
    _read(traffic, {**made, "case": case["id"]})
    return {**made, "case": case["id"]}


def _confirm_a_run(traffic: Traffic, plant: Planter, case: dict[str, Any]) -> None:
    """A run over the household, solved by the server's own hand, confirmed, and the offer taken back."""
    run = traffic.do("camille", "POST", "/v1/placement-runs", {"case_ids": [case["id"]]})
    path, until = f"/v1/placement-runs/{run['id']}", time.monotonic() + WAIT_SECONDS
    while run["status"] in {"queued", "running"} and time.monotonic() < until:
        time.sleep(0.5)
        run = traffic.do("camille", "GET", path)
    confirmed = {"choices": [{"case_id": case["id"]}], "reason": f"Relue : {plant.field('RunConfirm.reason')}."}
    run = traffic.do("camille", "POST", f"{path}/confirmations", confirmed)
    taken_back = {"reason": plant.field("Withdrawal.reason")}
    traffic.do("camille", "POST", f"/v1/offers/{run['proposals'][0]['offer_id']}/withdraw", taken_back, If_Match='"1"')


def _settle(traffic: Traffic, plant: Planter, case: dict[str, Any]) -> dict[str, str]:
    """Placed, arrived, a milestone recorded, corrected and voided, the assignment ended, the case closed."""
    path = f"/v1/cases/{case['id']}"
    follow_claim(traffic, plant, path)
    recommended = traffic.do("camille", "POST", f"{path}/recommendations", **plant.keyed())
    observe(traffic, plant, case, recommended)
    pass_on(traffic, plant, case)
    offer = traffic.do("camille", "POST", "/v1/offers", _offered(case, plant))
    person = case["household"]["members"][0]["person_id"]
    said = {"person_id": person, "channel": "phone", "language": "fr"}
    offer = traffic.do("camille", "POST", f"/v1/offers/{offer['id']}/accept", said, If_Match=_tag(offer))
    steps = f"/v1/assignments/{offer['assignment_id']}"
    assignment = traffic.do("pelagie", "POST", f"{steps}/acknowledge", If_Match='"1"')
    day = {"occurred_on": clock.today().isoformat()}
    for who, step in (("camille", "depart"), ("pelagie", "arrive")):
        assignment = traffic.do(who, "POST", f"{steps}/{step}", day, If_Match=_tag(assignment))
    tell_authorities(traffic, plant, path)
    move(traffic, plant, case)
    milestone = traffic.do("pelagie", "POST", f"{path}/milestones", _milestone(person, plant), **plant.keyed())
    corrected = f"/v1/milestones/{milestone['id']}/correct"
    milestone = traffic.do("pelagie", "POST", corrected, _correction(plant), If_Match=_tag(milestone))
    traffic.do("pelagie", "POST", "/v1/milestone-batches", {"items": [_line(case, person, plant)]}, **plant.keyed())
    words = {"reason": plant.field("MilestoneVoid.reason")}
    traffic.do("pelagie", "POST", f"/v1/milestones/{milestone['id']}/void", words, If_Match=_tag(milestone))
    ended = {**day, "reason": plant.field("AssignmentEnd.reason")}
    traffic.do("camille", "POST", f"{steps}/end", ended, If_Match=_tag(assignment))
    follow(traffic, plant, path)
    _protect(traffic, plant, case)
    again = {"person_id": person, "purpose": "placement", "given": True, "notice_language": "fr", **day,
             "channel": "in_person", "notice_version": "2026-01"}  # fmt: skip
    traffic.do("camille", "POST", f"{path}/consents", again, If_Match=_tag(traffic.do("camille", "GET", path)))
    closed = {"reason": plant.field("CaseClose.reason")}
    traffic.do("camille", "POST", f"{path}/close", closed, If_Match=_tag(traffic.do("camille", "GET", path)))
    return {"offer": offer["id"], "assignment": assignment["id"], "milestone": milestone["id"],
            "recommendation": recommended["id"]}  # fmt: skip


def _protect(traffic: Traffic, plant: Planter, case: dict[str, Any]) -> None:
    """Searched for, hidden from whoever threatens, seen in an emergency, and that reviewed."""
    path, person = f"/v1/cases/{case['id']}", case["household"]["members"][0]["person_id"]
    contact = {"address": f"3, rang {plant.field('Contact.address')}", "phone": plant.field("Contact.phone")}
    hidden = {"contact": contact, "substitute": {"phone": plant.field("Contact.phone")}}
    address = f"{path}/people/{person}/sealed-address"
    traffic.do("camille", "PUT", address, hidden, If_Match='"0"')
    traffic.do("camille", "GET", address)
    for asked in (
        {"name": f"Aïssatou {plant.field('CaseSearchCreate.name')}"},
        {"identifier": {"type": "uci", "value": plant.field("IdentifierAsked.value")}},
    ):
        traffic.do("camille", "POST", "/v1/case-searches", asked, X_Purpose_of_Use="case_management")
    words = {"case_id": case["id"], "reason_code": "danger_to_life", "reason": plant.field("BreakGlassCreate.reason")}
    glass = traffic.do("octave", "POST", "/v1/break-glass", words)
    traffic.do("octave", "GET", path, X_Purpose_of_Use="emergency")
    seen = {"outcome": "justified", "note": plant.field("BreakGlassReview.note")}
    traffic.do("prosper", "POST", f"/v1/break-glass/{glass['id']}/review", seen, If_Match='"1"')
    traffic.do("prosper", "GET", "/v1/break-glass")


def _administer(traffic: Traffic, plant: Planter) -> None:
    machine = {"name": plant.field("ApiClientCreate.name"), "organization_id": str(world.key("le-phare")),
               "scopes": ["case:read"]}  # fmt: skip
    client = traffic.do("adele", "POST", "/v1/api-clients", machine)
    traffic.do("pelagie", "POST", f"/v1/api-clients/{client['id']}/secrets", {})
    _account(traffic, plant)


def _account(traffic: Traffic, plant: Planter) -> None:
    """Somebody new, from the account to the password of their own; and somebody whom a provider knows."""
    shown, username = {"display_name": plant.field("UserCreate.display_name")}, plant.field("UserCreate.username")
    user = traffic.do("adele", "POST", "/v1/users", {**shown, "username": username})
    role = {"user_id": user["id"], "role": "municipal_viewer", "region_code": "01"}
    grant = traffic.do("adele", "POST", "/v1/grants", role)
    traffic.do("prosper", "POST", f"/v1/grants/{grant['id']}/approve")
    once = traffic.do("prosper", "POST", f"/v1/users/{user['id']}/one-time-passwords")
    chosen = plant.field("SessionCreate.new_password")
    for told in ({"password": once["password"], "new_password": chosen}, {"password": chosen}):
        traffic.do(None, "POST", "/v1/sessions", {"username": username, **told})
    # The same two values under the names they go in by here.
    plant.marks.given |= {"SessionCreate.username": username, "SessionCreate.password": chosen}
    known = {"issuer": "https://identite.example", "subject": plant.field("UserCreate.subject")}
    traffic.do("adele", "POST", "/v1/users", {**shown, "username": "venu-d-ailleurs", **known})


def _read(traffic: Traffic, made: dict[str, str]) -> None:
    for who, path in (
        ("coralie", f"/v1/cases/{made['case']}"), ("prosper", f"/v1/cases/{made['case']}/milestones"),
        ("camille", f"/v1/offers/{made['offer']}"), ("camille", "/v1/offers"), ("prosper", "/v1/cases?total=true"),
        ("camille", f"/v1/assignments/{made['assignment']}"), ("camille", "/v1/milestones?state=upcoming"),
        ("camille", f"/v1/recommendations/{made['recommendation']}/explanation"),
        ("coralie", f"/v1/milestones/{made['milestone']}"),
    ):  # fmt: skip
        traffic.do(who, "GET", path)


def _tag(resource: dict[str, Any]) -> str:
    return f'"{resource["version"]}"'


def _offered(case: dict[str, Any], plant: Planter) -> dict[str, str]:
    words = plant.field("OfferCreate.reason")
    return {"case_id": case["id"], "capacity_id": str(world.key(PLACE)), "reason": f"Près de sa sœur {words}."}


def _milestone(person: str, plant: Planter) -> dict[str, Any]:
    return {
        "code": "FIRST_VISIT", "person_id": person, "outcome": "done",
        "occurred_on": {"value": clock.today().isoformat(), "precision": "day"},
        "evidence": {"kind": "letter", "reference": plant.field("EvidenceCreate.reference")},
        "note": f"Rencontre : {plant.field('MilestoneCreate.note')}.",
        "external_id": plant.field("MilestoneCreate.external_id"),
    }  # fmt: skip


def _correction(plant: Planter) -> dict[str, Any]:
    return {
        "outcome": "done", "occurred_on": {"value": clock.today().isoformat(), "precision": "day"},
        "evidence": {"kind": "letter", "reference": plant.field("EvidenceCreate.reference", "again")},
        "note": f"Plutôt : {plant.field('MilestoneCorrect.note')}.", "reason": plant.field("MilestoneCorrect.reason"),
        "external_id": plant.field("MilestoneCorrect.external_id"),
    }  # fmt: skip


def _line(case: dict[str, Any], person: str, plant: Planter) -> dict[str, Any]:
    return {
        **_milestone(person, plant), "case_id": case["id"], "code": "INTERP",
        "note": f"Hors ligne : {plant.field('MilestoneLine.note')}.",
        "external_id": plant.field("MilestoneLine.external_id"),
    }  # fmt: skip
