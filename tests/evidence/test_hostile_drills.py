"""The two drills of hostile input: their short forms hold, their judges see what they must."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from casework.evidence import hostile_corpus
from casework.evidence.hostile_corpus import MARK
from casework.evidence.hostile_judge import Answer, Tally, fingerprint, is_problem
from casework.evidence.hostile_walk import Sent, Walk, pointers, replaced
from casework.evidence.hostile_wire import SHAPES
from casework.kernel.problems import NotFound
from casework.surface import routes_of
from tests.builders import a_case
from tests.evidence.test_benches import outcome_of

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.conftest import World

MEDIA = {"content-type": "application/problem+json"}


def test_nothing_hostile_is_answered_5xx_stored_or_repeated() -> None:
    figures = outcome_of("drill", "hostile")["figures"]
    names = ("server_errors", "stored", "echoed", "not_a_problem", "unanswered", "unaccounted_reads")
    assert {name: figures[name] for name in names} == dict.fromkeys(names, 0), figures["examples"]
    assert figures["inputs"] >= 1_800
    assert min(figures["from_corpus"], figures["from_schemathesis"], figures["from_stateful"]) > 100
    assert figures["ready_afterwards"] is True


def test_a_plain_application_falls_to_the_same_inputs() -> None:
    assert outcome_of("drill", "hostile")["control"]["server_errors"] >= 20


def test_every_slow_client_is_closed_and_uvicorn_alone_keeps_them() -> None:
    outcome = outcome_of("drill", "slow")
    assert outcome["figures"]["closed"] == outcome["figures"]["slow_clients"] == 60
    assert outcome["control"]["still_open"] > 0


def test_the_corpus_is_as_large_as_promised_and_crossed_over_every_route(application: FastAPI) -> None:
    walk = Walk(application.openapi(), lambda _: "token", {}, random.Random(1))
    places = list(walk.places())
    routes = {(method, path) for method, path, _ in routes_of(application)}
    assert hostile_corpus.size() >= 300
    assert len(places) >= 100_000
    assert {(place.method, place.path) for place in places if place.kind == "body"} == routes
    crossed = {(p.path, p.method, p.name) for p in places if p.kind in {"path", "query", "header"}}
    for method, path, operation in walk.operations():
        for parameter in operation.get("parameters", ()):
            assert (path, method, parameter["name"]) in crossed
    assert {place.name for place in places if place.kind == "wire"} == set(SHAPES)


def test_a_place_in_a_body_is_replaced_and_the_rest_stands() -> None:
    body = {"a": [{"b": 1}, {"b": 2}], "c": {"d": 3}}
    assert list(pointers(body)) == ["/a", "/a/0", "/a/0/b", "/c", "/c/d"]
    assert replaced(body, "/a/0/b", "x") == {"a": [{"b": "x"}, {"b": 2}], "c": {"d": 3}}
    assert replaced(body, "/c", None) == {"a": [{"b": 1}, {"b": 2}], "c": None}
    assert replaced(body, "/nowhere/b", 9) == body


def answer(status: int, document: Any, headers: dict[str, str] = MEDIA) -> Answer:
    return Answer(status, headers, json.dumps(document).encode())


def test_the_judge_takes_nothing_for_a_problem_that_is_none() -> None:
    good = NotFound().document("fr")
    assert is_problem(answer(404, good), "fr")
    assert not is_problem(answer(404, good), "en")
    assert is_problem(answer(404, good), None)
    assert not is_problem(answer(400, good), "fr")
    assert not is_problem(answer(404, good, {"content-type": "application/json"}), "fr")
    assert not is_problem(answer(404, {**good, "type": "about:blank"}), "fr")
    assert not is_problem(answer(404, "Not found"), "fr")
    assert not is_problem(Answer(400, MEDIA, b"Invalid HTTP request received."), None)


def test_the_judge_counts_errors_and_echoes() -> None:
    tally = Tally()
    sent = Sent(b"", "GET", "here", MARK, "fr")
    tally.judge(sent, answer(500, {}))
    tally.judge(sent, answer(404, {**NotFound().document("fr"), "seen": f"<{MARK}>"}))
    tally.judge(sent, answer(200, {"seen": MARK}))
    assert (len(tally.server_errors), tally.echoed, len(tally.no_problem)) == (1, ["here"], 1)


@pytest.mark.anyio
async def test_the_fingerprint_sees_every_kind_of_change(world: World) -> None:
    case = await a_case(world)
    with world.owner() as owner:
        before = fingerprint(owner)
        assert fingerprint(owner) == before
        owner.execute("UPDATE cases SET external_id = external_id WHERE id = %s", (case["id"],))
        assert {name for name, seen in fingerprint(owner).items() if seen != before[name]} == {"cases"}
