"""The batch engine: whole placements within every pool, a bound anyone can check, the same bytes every time."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from casework.evidence.placement_baselines import by_lot, greedy
from casework.evidence.placement_world import Shape, world
from casework.placement.engine import check as checker
from casework.placement.engine import prices
from casework.placement.engine.batch import canonical, instance_from, place
from casework.placement.engine.check import check
from casework.placement.engine.instance import EXCLUDED, NOWHERE, ImpossibleInstance, Instance, Pool
from casework.placement.engine.online import Forecast, prices_for, ranked, this_week
from casework.placement.engine.prices import SCALE, bound
from casework.placement.engine.rounding import Effort

QUICK = Effort(pieces=2, cases=20)


@st.composite
def worlds(draw: st.DrawFn) -> Instance:
    shape = Shape(draw(st.integers(1, 25)), draw(st.integers(1, 6)), shortage=draw(st.sampled_from([-0.5, 0.05, 0.6])))
    found = world(shape, draw(st.integers(0, 10_000)))
    if draw(st.booleans()):
        ceiling = Pool(0, tuple(range(shape.places)), draw(st.integers(0, 40)))
        found = replace(found, pools=(*found.pools, ceiling))
    return replace(found, worth=found.demand[:, 0] * draw(st.sampled_from([0, 10_000])))


@settings(max_examples=15, deadline=None)
@given(worlds())
def test_a_placement_is_within_every_pool_rule_and_bound(instance: Instance) -> None:
    placed = place(instance, QUICK)
    there = placed.chosen != NOWHERE
    assert (instance.used(placed.chosen) <= instance.capacity).all()
    assert (instance.scores[there, placed.chosen[there]] != EXCLUDED).all()
    ceiling = bound(instance, placed.prices)
    for other in (placed.chosen, greedy(instance), by_lot(instance, 3)):
        assert instance.value(other) * SCALE <= ceiling


def nobody_could_still_be_placed(instance: Instance) -> None:
    placed = place(instance, QUICK)
    room = instance.capacity - instance.used(placed.chosen)
    for i in np.flatnonzero(placed.chosen == NOWHERE):
        assert ranked(instance, int(i), placed.prices, room) == ()


@pytest.mark.parametrize("seed", range(12))
def test_cases_settled_outside_the_program_cost_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many cases only the undecided stand in the program: its bound must be that of the whole one."""
    found = world(Shape(160, 8, shortage=(-0.3, 0.05, 0.5)[seed % 3]), seed)
    whole = bound(found, prices.relax(found).prices)
    monkeypatch.setattr(prices, "SAMPLES", (20, 60))
    monkeypatch.setattr(prices, "UNDECIDED", 10)
    placed = place(found, QUICK)
    # Sifting stops when no case would gain a point by moving.
    assert abs(bound(found, placed.prices) - whole) <= len(found.cases) * SCALE
    assert (found.used(placed.chosen) <= found.capacity).all()
    assert placed.value >= found.value(greedy(found))


@pytest.mark.parametrize("of", ["nobody", "nowhere"])
def test_a_run_of_nobody_or_to_nowhere_places_nobody(of: str) -> None:
    found = world(Shape(3, 2), 1)
    if of == "nobody":
        placed = place(found.part(np.zeros(0, dtype=np.int64)))
    else:
        none = replace(found, places=(), pools=(), scores=found.scores[:, :0])
        placed = place(none)
    assert (placed.chosen == NOWHERE).all()
    assert placed.gap == 0.0


@settings(max_examples=15, deadline=None)
@given(worlds())
def test_nobody_waits_beside_a_place_that_would_take_them(instance: Instance) -> None:
    nobody_could_still_be_placed(instance)


@pytest.mark.parametrize(
    ("shape", "seed"), [(Shape(21, 6), 1645), (Shape(10, 2), 818), (Shape(8, 3, shortage=0.6), 3943)]
)
def test_nobody_waits_because_their_place_is_worth_no_points(shape: Shape, seed: int) -> None:
    found = world(shape, seed)
    nobody_could_still_be_placed(replace(found, worth=0 * found.worth))


@settings(max_examples=8, deadline=None)
@given(worlds())
def test_the_same_inputs_give_the_same_bytes(instance: Instance) -> None:
    first = place(instance, QUICK).certificate()
    again = instance_from(json.loads(canonical(first)))
    assert canonical(place(again, QUICK).certificate()) == canonical(first)


def test_the_independent_checker_is_short_and_leans_on_the_standard_library() -> None:
    text = Path(checker.__file__).read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.strip()]) <= 30
    assert "casework" not in text
    certificate = json.dumps(place(world(Shape(12, 4), 5), QUICK).certificate())
    isolated = [sys.executable, "-I", "-S", checker.__file__]
    done = subprocess.run(isolated, input=certificate, capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 0


@settings(max_examples=15, deadline=None)
@given(worlds())
def test_the_checker_accepts_every_run_and_agrees_on_the_gap(instance: Instance) -> None:
    placed = place(instance, QUICK)
    certificate = json.loads(canonical(placed.certificate()))
    assert check(certificate) == bound(instance, placed.prices) - SCALE * placed.value
    assert check(certificate, certificate["sha256"]) >= 0


def resealed(certificate: dict[str, Any]) -> dict[str, Any]:
    """A forger who also makes the hash anew."""
    from hashlib import sha256

    body = {name: value for name, value in certificate.items() if name != "sha256"}
    return {**body, "sha256": sha256(canonical(body)).hexdigest()}


@settings(max_examples=20, deadline=None)
@given(worlds(), st.data())
def test_the_checker_rejects_an_edited_certificate(instance: Instance, data: st.DataObject) -> None:
    placed = place(instance, QUICK)
    assume(len(instance.pools) > 0)
    honest = json.loads(canonical(placed.certificate()))
    edits = {
        "a better value": lambda c: c.update(value=c["value"] + 1),
        "a lower bound": lambda c: c.update(bound=c["bound"] - 1),
        "a negative price": lambda c: c["pools"][0].update(price=-1),
        "another price": lambda c: c["pools"][0].update(price=c["pools"][0]["price"] + 1),
        "more room": lambda c: c["pools"][0].update(capacity=c["pools"][0]["capacity"] + 1),
        "a case unknown": lambda c: c["placed"].update(nobody=0),
        "a place unknown": lambda c: c["placed"].update({c["cases"][0]["id"]: 99}),
        "another demand": lambda c: c["cases"][0].update(demand=[n + 1 for n in c["cases"][0]["demand"]]),
        "a false hash": lambda c: c.update(sha256="0" * 64),
    }
    forged = copy.deepcopy(honest)
    edits[data.draw(st.sampled_from(sorted(edits)))](forged)
    for each, kept in ((forged, ""), (resealed(forged), honest["sha256"])):
        if each == honest:
            continue  # a false hash, made anew, is the true one
        with pytest.raises(ValueError, match="does not hold"):
            check(each, kept)


@pytest.mark.parametrize("claim", ["value", "bound", "placed", "price"])
def test_a_forged_claim_is_refused_even_under_a_new_hash(claim: str) -> None:
    """These four are wrong by arithmetic alone: no kept hash is needed to see it."""
    certificate = place(world(Shape(30, 3, shortage=0.6), 11), QUICK).certificate()
    waiting = next(case["id"] for case in certificate["cases"] if case["id"] not in certificate["placed"])
    if claim == "placed":
        open_to = next(c for c in certificate["cases"] if c["id"] == waiting)["scores"]
        certificate["placed"][waiting] = next(j for j, score in enumerate(open_to) if score >= 0)
        certificate["value"] += max(open_to)
    elif claim == "price":
        certificate["pools"][0]["price"] = -5
    else:
        certificate[claim] += 1 if claim == "value" else -1
    with pytest.raises(ValueError, match="does not hold"):
        check(resealed(certificate))


def test_a_ceiling_above_several_places_binds() -> None:
    free = world(Shape(20, 3, shortage=-1.0), 4)
    closed = replace(free, pools=(*free.pools, Pool(0, (0, 1, 2), 10)))
    assert closed.used(place(closed, QUICK).chosen)[-1] <= 10 < closed.used(place(free, QUICK).chosen)[-1]


def test_persons_placed_come_before_points() -> None:
    """Four places: a family of four, or four single persons with better scores at two of them only."""
    scores = np.array([[100], [9_000], [9_000]], dtype=np.int64)
    demand = np.array([[4], [1], [1]], dtype=np.int64)
    one = Instance(("family", "anna", "bruno"), ("port-bleu",), ("persons",), demand, scores,
                   demand[:, 0] * 10_000, (Pool(0, (0,), 4),))  # fmt: skip
    assert place(one, QUICK).chosen.tolist() == [0, NOWHERE, NOWHERE]
    assert place(replace(one, worth=np.zeros(3, dtype=np.int64)), QUICK).chosen.tolist() == [NOWHERE, 0, 0]


@pytest.mark.parametrize("fault", ["negative capacity", "negative demand", "score", "unknown place", "twice"])
def test_an_instance_that_contradicts_itself_is_refused(fault: str) -> None:
    good = world(Shape(3, 2), 1)
    wrong: dict[str, dict[str, Any]] = {
        "negative capacity": {"pools": (Pool(0, (0,), -1),)},
        "negative demand": {"demand": good.demand - 20},
        "score": {"scores": good.scores - 20_000},
        "unknown place": {"pools": (Pool(0, (7,), 1),)},
        "twice": {"cases": ("a", "a", "b")},
    }
    with pytest.raises(ImpossibleInstance):
        replace(good, **wrong[fault])


def test_prices_keep_the_last_large_home_for_those_who_need_it() -> None:
    """One place has room for four. A single person comes first; families are expected: greedy would take it."""
    here = Instance(("single",), ("wide", "small"), ("persons",), np.array([[1]]), np.array([[6_000, 5_900]]),
                    np.array([0]), (Pool(0, (0,), 4), Pool(0, (1,), 2)))  # fmt: skip
    families = replace(here, cases=("past",), demand=np.array([[4]]), scores=np.array([[9_000, EXCLUDED]]))
    prices = prices_for(here, here.capacity, Forecast(families, 3, 2, 1))
    assert ranked(here, 0, prices, here.capacity.copy())[0].place == 1
    assert greedy(here).tolist() == [0]


def test_a_case_waits_when_every_place_is_worth_less_than_waiting_and_never_in_the_last_week() -> None:
    here = Instance(("single",), ("wide",), ("persons",), np.array([[1]]), np.array([[500]]), np.array([0]),
                    (Pool(0, (0,), 4),))  # fmt: skip
    dear, room = np.array([501 * SCALE]), here.capacity.copy()
    alone = np.array([0])
    assert this_week(here, alone, dear, room, may_wait=True).tolist() == [NOWHERE]
    assert this_week(here, alone, dear, room, may_wait=False).tolist() == [0]
    assert room.tolist() == [3]


def test_importing_the_application_loads_neither_solver_nor_numbers() -> None:
    asked = "import sys, casework.main; print(sorted({'highspy', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
