"""Families led from intake to their milestones by hypothesis, with hostile turns among the honest ones.

Depth is what the crossed corpus lacks: an offer answered twice, a departure of yesterday's version, a close in between.
"""

from __future__ import annotations

import asyncio
import json
import logging
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from casework.demo.families import family
from casework.demo.world import key
from casework.evidence.hostile_corpus import HEADERS, VALUES
from casework.evidence.hostile_walk import HERE, Sent, pointers, replaced
from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.hostile_judge import Court
    from casework.evidence.stage import Stage

PLACES = ("le-phare/10043", "le-phare/12072", "la-boussole/94068")
USERS = ("camille", "prosper", "pelagie", "raoul", "coralie", "aurele", "adele", "sidonie")
STALE = (b'"0"', b'"1"', b'"2"', b'"99"', b"*", b'"1-auditor"', b"")
CODES = ("FIRST_VISIT", "HOUSING_PERMANENT", "MEDICAL_EXAM", "NOT_A_CODE")
EVENTS = ("acknowledge", "refuse", "depart", "arrive", "end")


def lives(found: Stage, court: Court, count: int, turns: int, seed: int) -> int:
    """Play `count` lives of at most `turns` turns each; returns how many requests that was."""
    logging.getLogger("hypothesis").setLevel(logging.ERROR)
    before = court.tally.inputs
    with asyncio.Runner() as runner, warnings.catch_warnings():
        # The hostile values are long on purpose; hypothesis warns when it writes them out.
        warnings.simplefilter("ignore", hypothesis.errors.HypothesisWarning)
        Lives.turns = Turns(found, court, runner)
        run_state_machine_as_test(
            hypothesis.seed(seed)(Lives),
            settings=hypothesis.settings(
                max_examples=count, stateful_step_count=turns, database=None, deadline=None,
                phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck),
            ),
        )  # fmt: skip
    return court.tally.inputs - before


class Turns:
    """How one turn is sent: `twist` says what is wrong with it, None that it is honest."""

    def __init__(self, found: Stage, court: Court, runner: asyncio.Runner) -> None:
        self._found, self._court, self._runner = found, court, runner
        self.taken = 0

    def take(self, path: str, user: str, body: Any, version: int | None, twist: tuple[str, Any] | None) -> Any:
        """The answer's document when it was accepted, else None."""
        self.taken += 1
        headers = {"Content-Type": b"application/json", "Accept-Language": b"fr"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'.encode()
        kind: str
        value: Any
        kind, value = twist or ("none", None)
        content = json.dumps(body).encode()
        if kind == "version":
            headers["If-Match"] = value
        elif kind == "user":
            user = value
        elif kind == "header":
            headers[value[0]] = value[1]
        elif kind == "field" and isinstance(body, dict):
            where, raw = value
            among = list(pointers(body))
            if among:
                whole = json.dumps(replaced(body, among[where % len(among)], HERE))
                content = whole.replace(f'"{HERE}"', raw).encode()
        head = {"Host": b"x", "Authorization": b"Bearer " + self._found.token(user).encode()} | headers
        head["Content-Length"] = str(len(content)).encode()
        lines = b"".join(name.encode() + b": " + one + b"\r\n" for name, one in head.items())
        raw_request = f"POST {path} HTTP/1.1\r\n".encode() + lines + b"\r\n" + content
        spoken = None if kind == "header" else "fr"
        sent = Sent(raw_request, "POST", f"stateful {kind} {path} {str(value)[:60]}", language=spoken)
        [answers] = self._runner.run(self._court.hear([sent]))
        return json.loads(answers[0].body) if answers and answers[0].status < 300 else None


WRONG = st.one_of(
    st.tuples(st.just("version"), st.sampled_from(STALE)),
    st.tuples(st.just("user"), st.sampled_from(USERS)),
    st.tuples(st.just("header"), st.sampled_from([(name, value) for name, some in HEADERS for value in some])),
    st.tuples(st.just("field"), st.tuples(st.integers(0, 60), st.sampled_from(VALUES))),
)
TWISTS = st.one_of(st.none(), WRONG)
PICKS = st.integers(0, 10**6)


class Lives(RuleBasedStateMachine):
    """One caseworker's day: what stands so far, and one rule for each thing that may be tried with it.

    No rule has a precondition: what the server accepts depends on all lives before, and hypothesis wants to see the
    same choices each time. A rule that finds nothing to work on is over at once.
    """

    turns: ClassVar[Turns]

    def __init__(self) -> None:
        super().__init__()
        self.cases: list[dict[str, Any]] = []
        self.offers: list[dict[str, Any]] = []
        self.assignments: list[dict[str, Any]] = []
        self.milestones: list[dict[str, Any]] = []

    def moved(self, things: list[dict[str, Any]], place: int, answer: Any) -> None:
        if answer is not None:
            things[place] = {**things[place], **answer}
            if answer.get("assignment_id"):
                self.assignments.append({"id": answer["assignment_id"], "version": 1})

    @initialize(seed=st.integers(0, 10**9))
    def begin(self, seed: int) -> None:
        """Each day begins with a family honestly taken in, so that the other rules have something to work on."""
        self.take_in(seed, 2, None)

    @rule(seed=st.integers(0, 10**9), size=st.integers(1, 4), twist=TWISTS)
    def take_in(self, seed: int, size: int, twist: Any) -> None:
        body = family(seed, size=size).body | {"external_id": f"life-{self.turns.taken}"}
        case = self.turns.take("/v1/cases", "camille", body, None, twist)
        if case is not None:
            self.cases.append(case)

    @rule(pick=PICKS, place=st.sampled_from(PLACES), twist=TWISTS)
    def offer(self, pick: int, place: str, twist: Any) -> None:
        if not self.cases:
            return
        case = self.cases[pick % len(self.cases)]
        body = {"case_id": case["id"], "capacity_id": str(key(place)), "reason": "Épreuve."}
        offer = self.turns.take("/v1/offers", "prosper", body, None, twist)
        if offer is not None:
            people = [one["person_id"] for one in case["household"]["members"] if one["is_adult"]]
            self.offers.append({**offer, "people": people or [case["id"]]})

    @rule(pick=PICKS, says=st.sampled_from(("accept", "accept", "accept", "decline", "withdraw")), twist=TWISTS)
    def answer(self, pick: int, says: str, twist: Any) -> None:
        if not self.offers:
            return
        place = pick % len(self.offers)
        offer = self.offers[place]
        body: dict[str, Any] = {
            "person_id": offer["people"][pick % len(offer["people"])], "channel": "phone", "language": "fr",
        }  # fmt: skip
        if says == "decline":
            body["reason_code"] = "health_care"
        if says == "withdraw":
            body = {"reason": "Épreuve."}
        path = f"/v1/offers/{offer['id']}/{says}"
        self.moved(self.offers, place, self.turns.take(path, "prosper", body, offer["version"], twist))

    @rule(pick=PICKS, event=st.sampled_from(EVENTS), user=st.sampled_from(("pelagie", "prosper")), twist=TWISTS)
    def step(self, pick: int, event: str, user: str, twist: Any) -> None:
        if not self.assignments:
            return
        place = pick % len(self.assignments)
        one = self.assignments[place]
        body: dict[str, Any] = {"occurred_on": clock.today().isoformat()}
        body = {"refuse": {"reason_code": "no_staff"}, "acknowledge": {}}.get(event, body)
        if event == "end":
            body["reason"] = "Épreuve."
        path = f"/v1/assignments/{one['id']}/{event}"
        self.moved(self.assignments, place, self.turns.take(path, user, body, one["version"], twist))

    @rule(pick=PICKS, code=st.sampled_from(CODES), user=st.sampled_from(("pelagie", "camille")), twist=TWISTS)
    def record(self, pick: int, code: str, user: str, twist: Any) -> None:
        if not self.cases:
            return
        case = self.cases[pick % len(self.cases)]
        person = case["household"]["members"][0]["person_id"]
        on = {"value": clock.today().isoformat(), "precision": "day"}
        body = {"code": code, "person_id": person, "outcome": "done", "occurred_on": on}
        made = self.turns.take(f"/v1/cases/{case['id']}/milestones", user, body, None, twist)
        if made is not None:
            self.milestones.append(made)

    @rule(pick=PICKS, twist=TWISTS)
    def void(self, pick: int, twist: Any) -> None:
        if not self.milestones:
            return
        place = pick % len(self.milestones)
        one = self.milestones[place]
        path = f"/v1/milestones/{one['id']}/void"
        answer = self.turns.take(path, "camille", {"reason": "Épreuve."}, one.get("version", 1), twist)
        self.moved(self.milestones, place, answer)

    @rule(pick=PICKS, verb=st.sampled_from(("close", "reopen", "recommendations")), twist=TWISTS)
    def turn_a_page(self, pick: int, verb: str, twist: Any) -> None:
        if not self.cases:
            return
        place = pick % len(self.cases)
        case = self.cases[place]
        body = {"reason": "Épreuve."} if verb == "close" else {}
        version = None if verb == "recommendations" else case["version"]
        answer = self.turns.take(f"/v1/cases/{case['id']}/{verb}", "camille", body, version, twist)
        if verb != "recommendations":
            self.moved(self.cases, place, answer)
