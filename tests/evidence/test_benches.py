"""The programs behind the README's figures: their short forms run, their JSON keeps its shape, their guards bite."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from casework.demo.families import family
from casework.evidence import benches, drills
from casework.evidence.comparison import Measured, judged
from casework.evidence.measuring import Meter, NotMeasurable, Spent
from casework.evidence.report import Run
from casework.evidence.spellings import SPELLINGS
from casework.evidence.written import rows_with

if TYPE_CHECKING:
    from tests.conftest import World

SEED = 7


@cache
def outcome_of(kind: str, name: str) -> dict[str, Any]:
    """One short run of each program for all the tests here, as a reader of its JSON gets it."""
    programs = {"bench": benches, "drill": drills}[kind]()
    found: dict[str, Any] = json.loads(json.dumps(programs[name](short=True, seed=SEED)))
    return found


def test_every_program_is_registered() -> None:
    assert (sorted(benches()), sorted(drills())) == (
        [
            "export",
            "import",
            "intake",
            "log-cost",
            "online",
            "placement",
            "read-case",
            "recommend",
            "search",
            "worklist",
        ],
        [
            "access",
            "auditor",
            "canary",
            "draw",
            "erasure",
            "existence",
            "hostile",
            "households",
            "names",
            "oversell",
            "reads",
            "slow",
            "tamper",
        ],
    )


@pytest.mark.parametrize(("kind", "name"), [("bench", "read-case"), ("bench", "intake"), ("bench", "online"), ("bench", "placement"), ("bench", "recommend"), ("bench", "import"), ("bench", "search"), ("bench", "worklist"), ("drill", "oversell"), ("drill", "hostile"), ("drill", "names"), ("drill", "draw"), ("drill", "slow")]
)  # fmt: skip
def test_an_outcome_says_what_a_reader_needs_to_judge_it(kind: str, name: str) -> None:
    outcome = outcome_of(kind, name)
    assert set(outcome) == {
        "name", "ok", "short", "seed", "figures", "control", "commit", "machine", "load_average", "started_at",
        "ended_at",
    }  # fmt: skip
    assert (outcome["name"], outcome["short"], outcome["seed"]) == (name, True, SEED)
    assert outcome["control"]["failed"] is True, outcome["control"]
    assert set(outcome["machine"]) == {"system", "processor", "cores", "memory_gib", "python"}
    assert set(outcome["load_average"]) == {"before", "after"}


@pytest.mark.parametrize(("name", "target"), [("read-case", 2.0), ("intake", 3.0)])
def test_a_bench_reports_cpu_and_ratios_round_by_round(name: str, target: float) -> None:
    figures = outcome_of("bench", name)["figures"]
    assert len(figures["per_round"]) >= 3
    assert all(set(values) == {"server", "floor", "control"} for values in figures["per_round"])
    assert figures["ratio_to_floor_min"] <= figures["ratio_to_floor"] <= figures["ratio_to_floor_max"]
    assert 0 < figures["cpu_ms_server_postgres"] < figures["cpu_ms_server"]
    assert 0 < figures["cpu_ms_floor_postgres"] < figures["cpu_ms_floor"]
    assert (figures["cases"], figures["target"]) == (500, target)


@pytest.mark.parametrize("name", ["read-case", "intake"])
def test_the_naive_variant_fails_beside_the_product(name: str) -> None:
    assert outcome_of("bench", name)["control"]["failed"] is True


def test_the_floor_of_reading_answers_the_same_bytes() -> None:
    assert outcome_of("bench", "read-case")["figures"]["identical_answers"] == 40


def test_the_floor_of_intake_writes_the_same_rows() -> None:
    written = outcome_of("bench", "intake")["figures"]["rows_written"]
    expected = {"cases": 1, "persons": 4, "subject_keys": 5, "log_leaves": 1, "log_queue": 1, "read_entries": 1}
    assert {table: written[table] for table in expected} == expected


def test_people_are_found_under_the_spellings_of_others_and_not_by_their_letters_alone() -> None:
    outcome = outcome_of("drill", "names")
    assert outcome["ok"] is True, outcome
    assert outcome["figures"]["asked"] == sum(1 + len(others) for _, _, others in SPELLINGS)
    assert outcome["control"]["recall_at_10"] < outcome["figures"]["recall_at_10"]


def test_nothing_is_oversold_and_the_naive_variant_oversells() -> None:
    outcome = outcome_of("drill", "oversell")
    assert outcome["ok"] is True
    figures = outcome["figures"]
    assert (figures["oversold"], figures["lost_holds"], figures["counters_wrong"]) == (0, 0, 0)
    for level in ("http", "service"):
        assert figures[level]["fullest"] == figures["room_of_each"], level
        assert {"granted", "withdrawn", "lapsed", "not-enough-places"} <= set(figures[level]["answers"]), level
    assert figures["attempts"] == figures["http"]["attempts"] + figures["service"]["attempts"]
    assert outcome["control"]["oversold"] > 0


def measured(server: float, floor: float, control: float) -> Measured:
    """Three equal rounds, in milliseconds a request."""
    found = Measured()
    for name, spent in {"server": server, "floor": floor, "control": control}.items():
        for _ in range(3):
            found.add(name, Spent(0, 0), Spent(spent / 1000, 0), 1)
    return found


def test_a_bench_passes_only_within_its_target_and_with_a_control_that_fails() -> None:
    within, figures, _ = judged(measured(server=2, floor=1, control=6), 3.0)
    assert (within, figures["ratio_to_floor"]) == (True, 2.0)
    too_dear, _, _ = judged(measured(server=4, floor=1, control=12), 3.0)
    assert too_dear is False
    proves_nothing, _, control = judged(measured(server=2, floor=1, control=2.4), 3.0)
    assert (proves_nothing, control["failed"]) == (False, False)


def read_until_refused(meter: Meter) -> None:
    for _ in range(10_000):
        meter.read()


@pytest.mark.anyio
async def test_a_back_end_that_ends_spoils_the_measure(world: World) -> None:
    """Its CPU time is lost with it: the bench must stop rather than report too little."""
    with world.owner() as owner:
        meter = Meter(owner, os.getpid(), "casework-test-meter")
        with psycopg.connect(world.server_url, application_name="casework-test-meter"):
            first, second = meter.read(), meter.read()
            assert 0 < first.postgres <= second.postgres
            assert 0 < first.server <= second.server
        # The back end leaves pg_stat_activity a moment after its client.
        with pytest.raises(NotMeasurable):
            read_until_refused(meter)


@pytest.mark.anyio
async def test_one_row_less_is_a_different_work(world: World) -> None:
    body = family(SEED, size=4).body

    async def taken_in(external_id: str, **changes: Any) -> dict[str, list[str]]:
        answer = await world.client("camille").post("/v1/cases", json=body | {"external_id": external_id} | changes)
        with world.owner() as owner:
            return rows_with(owner, UUID(answer.json()["id"]))

    first = await taken_in("first")
    assert await taken_in("second") == first
    without = await taken_in("third", consents=body["consents"][1:])
    assert {table for table in first if first[table] != without.get(table)} == {"consents"}


def test_an_import_is_exact_flat_and_idempotent() -> None:
    outcome = outcome_of("bench", "import")
    figures = outcome["figures"]
    assert outcome["ok"] is True, outcome
    assert figures["faults_reported"] == figures["faults_planted"] > 0
    assert figures["stored"] + figures["refused"] == figures["households"]
    assert (figures["second"]["stored"], figures["second"]["rows_changed"]) == (0, {})
    assert figures["bytes_per_household"] < outcome["control"]["bytes_per_household"]
    assert outcome["control"]["failed"] is True


def test_nothing_is_ok_beside_a_control_that_held_or_was_not_there() -> None:
    done = Run("anything", short=True, seed=SEED)
    assert done.outcome(ok=True, figures={}, control={"failed": True})["ok"] is True
    assert done.outcome(ok=True, figures={}, control={"failed": False})["ok"] is False
    with pytest.raises(KeyError, match="failed"):
        done.outcome(ok=True, figures={}, control={})
