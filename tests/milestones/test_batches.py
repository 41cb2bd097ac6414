"""A partner was offline for days and tells everything at once: in order, once, whatever one bad line says."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.kernel import clock
from casework.kernel.database import Session
from casework.milestones import batches
from casework.milestones.schemas import LINES_LIMIT
from tests.milestones.steps import (
    ABSENT,
    a_granted_case,
    child,
    days_ago,
    leaves,
    listed,
    on,
    person,
    record,
    slug,
    the_velquindors,
    void,
)

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


def line(case: dict[str, Any], code: str, number: object, **changes: Any) -> dict[str, Any]:
    told = {"case_id": case["id"], "person_id": person(case), "code": code, "outcome": "done",
            "occurred_on": on(days_ago(3)), "external_id": f"carnet-{number}"}  # fmt: skip
    return {**told, **changes}


def jsonl(*lines: dict[str, Any] | str) -> bytes:
    return "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines).encode()


async def sent(
    client: httpx.AsyncClient, *lines: dict[str, Any] | str, query: str = "", **headers: str
) -> httpx.Response:
    return await client.post(
        f"/v1/milestone-batches{query}", content=jsonl(*lines), headers={"Content-Type": "application/jsonl", **headers}
    )


async def told(client: httpx.AsyncClient, *lines: dict[str, Any] | str, query: str = "") -> dict[str, Any]:
    answer = await sent(client, *lines, query=query)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    assert [item["line"] for item in report["items"]] == list(range(1, len(lines) + 1))
    return report


def results(report: dict[str, Any]) -> list[str]:
    return [item["result"] for item in report["items"]]


def stored(world: World) -> list[tuple[Any, ...]]:
    with world.owner() as connection:
        return connection.execute("SELECT external_id, code, occurred_on FROM milestones ORDER BY id").fetchall()


async def test_days_offline_are_told_at_once_and_keep_their_order(world: World) -> None:
    case = await a_granted_case(world, child(9))
    days = {"FIRST_VISIT": 19, "INTERP": 18, "AID": 10, "LEGAL": 6, "BANK": 0}
    lines = [line(case, code, code, occurred_on=on(days_ago(day)), note=f"Le {day}.") for code, day in days.items()]
    lines.append(line(case, "SCHOOL", "SCHOOL", person_id=person(case, 1), evidence={"kind": "letter"}))
    report = await told(world.client("pelagie"), *lines)
    assert results(report) == ["recorded"] * 6
    assert (report["lines"], report["recorded"], report["refused"]) == (6, 6, 0)
    assert [row[0] for row in stored(world)] == [one["external_id"] for one in lines]
    shown = await listed(world.client("pelagie"), case)
    assert {item["id"] for item in shown["items"]} == {item["id"] for item in report["items"]}
    await world.sequence()
    with world.owner() as connection:
        indexed: list[Any] = connection.execute(
            "SELECT l.body::jsonb ->> 'code' FROM log_entries e JOIN log_leaves l ON l.id = e.leaf_id"
            " WHERE e.log = 'milestones' ORDER BY e.index"
        ).fetchall()
    assert [code for (code,) in indexed] == [one["code"] for one in lines]


async def test_one_bad_line_loses_none_of_the_others_and_says_why_in_both_languages(world: World) -> None:
    case, foreign = await a_granted_case(world), await the_velquindors(world)
    tomorrow = on(days_ago(-1))
    lines: list[dict[str, Any] | str] = [
        line(case, "FIRST_VISIT", 1),
        '{"case_id": ',
        line(case, "NO_SUCH", 3),
        line(case, "AID", 4, occurred_on=tomorrow),
        line(foreign, "AID", 5),
        line({**case, "id": ABSENT}, "AID", 6),
        line(case, "MED_EXAM", 7),
        {**line(case, "AID", 8), "surprise": "Zabelline"},
        {name: value for name, value in line(case, "AID", 9).items() if name != "external_id"},
        '{"code": "AID", "code": "AID"}',
        "[]",
        line(case, "FIRST_VISIT", 12),
        line(case, "LEGAL", 13),
    ]
    answer = await sent(world.client("pelagie"), *lines)
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [201, 400, 422, 422, 404, 404, 403, 422, 422, 400, 422, 409, 201]
    assert [row[:2] for row in stored(world)] == [("carnet-1", "FIRST_VISIT"), ("carnet-13", "LEGAL")]
    refused = [item["problem"] for item in items if item["result"] == "refused"]
    for problem in refused:
        assert all(problem[name] for name in ("title_fr", "title_en", "detail_fr", "detail_en"))
        assert problem["title_fr"] != problem["title_en"]
    # A case out of reach and one that is not: the same words.
    assert items[4] == {**items[5], "line": 5}
    assert items[3]["problem"]["errors"][0]["pointer"] == "/occurred_on"
    assert items[3]["problem"]["facts"] == {"today": clock.today().isoformat()}
    assert "Zabelline" not in answer.text
    assert len([leaf for leaf in leaves(world) if leaf["type"] == "milestone.recorded"]) == 2


async def test_a_batch_sent_again_is_stored_once(world: World) -> None:
    case = await a_granted_case(world)
    pelagie = world.client("pelagie")
    lines = [
        line(case, "FIRST_VISIT", 1, note="Chez eux."),
        line(case, "AID", 2, evidence={"kind": "decision", "reference": "D-4"}),
    ]
    first, again = await told(pelagie, *lines), await told(pelagie, *lines)
    assert results(again) == ["already_recorded"] * 2
    assert [item["id"] for item in again["items"]] == [item["id"] for item in first["items"]]
    assert (again["recorded"], again["already_recorded"], len(leaves(world))) == (0, 2, 2)
    # The same client id for other words is another milestone, which cannot be.
    for change in ({"note": "Au bureau."}, {"occurred_on": on(days_ago(2))}, {"code": "LEGAL"}):
        other = await told(pelagie, {**lines[0], **change})
        assert [(item["status"], item["problem"]["type"]) for item in other["items"]] == [
            (409, "/v1/problems/already-exists")
        ]
    # Voided since, it stays told: sending it again brings nothing back.
    milestone = (await pelagie.get(f"/v1/milestones/{first['items'][1]['id']}")).json()
    assert (await void(pelagie, milestone, "partner")).status_code == 200
    assert results(await told(pelagie, lines[1])) == ["already_recorded"]


async def test_the_same_batch_twice_at_once_is_stored_once(world: World) -> None:
    case = await a_granted_case(world, child(9))
    lines = [line(case, "INTERP", number, occurred_on=on(days_ago(number % 15))) for number in range(25)]
    both = await asyncio.gather(*(told(world.client("pelagie"), *lines) for _ in range(3)))
    assert sorted(report["recorded"] for report in both) == [0, 0, 25]
    assert len({tuple(item["id"] for item in report["items"]) for report in both}) == 1
    assert [row[0] for row in stored(world)] == [one["external_id"] for one in lines]
    assert len(leaves(world)) == 25


async def test_a_line_twice_in_one_batch_is_stored_once(world: World) -> None:
    case = await a_granted_case(world)
    report = await told(world.client("pelagie"), *[line(case, "INTERP", 1)] * 3)
    assert results(report) == ["recorded", "already_recorded", "already_recorded"]
    assert len(stored(world)) == 1


async def test_a_rehearsal_says_the_same_and_writes_nothing(world: World) -> None:
    case = await a_granted_case(world)
    pelagie = world.client("pelagie")
    lines = [line(case, "FIRST_VISIT", 1), line(case, "NO_SUCH", 2), line(case, "FIRST_VISIT", 3)]
    with world.owner() as connection:
        before = connection.execute("SELECT count(*) FROM log_leaves").fetchone()
        rehearsed = await told(pelagie, *lines, query="?dry_run=true")
        assert (stored(world), connection.execute("SELECT count(*) FROM log_leaves").fetchone()) == ([], before)
    assert [(item["id"], item["result"]) for item in rehearsed["items"]] == [
        (None, "recorded"), (None, "refused"), (None, "refused"),
    ]  # fmt: skip
    assert (rehearsed["recorded"], rehearsed["dry_run"]) == (0, True)
    real = await told(pelagie, *lines)
    assert [{**item, "id": None} for item in real["items"]] == rehearsed["items"]


async def test_all_or_nothing_is_a_choice(world: World) -> None:
    case = await a_granted_case(world)
    pelagie, bad = world.client("pelagie"), line(case, "NO_SUCH", 2)
    report = await told(pelagie, line(case, "FIRST_VISIT", 1), bad, query="?mode=all_or_nothing")
    assert (stored(world), report["recorded"], results(report)) == ([], 0, ["recorded", "refused"])
    assert leaves(world) == []
    whole = await told(pelagie, line(case, "FIRST_VISIT", 1), query="?mode=all_or_nothing")
    assert (whole["recorded"], len(stored(world))) == (1, 1)


async def test_a_crash_between_lines_loses_nothing_that_was_acknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await a_granted_case(world)
    pelagie, lines = world.client("pelagie"), [line(case, "INTERP", number) for number in range(6)]
    assert (await told(pelagie, *lines[:2]))["recorded"] == 2
    real, seen = batches._recorded, list[int]()

    async def dies_at_the_fourth(session: Session, caller: Any, number: int, one: Any) -> Any:
        if number == 4 and not seen:
            seen.append(number)
            driver = await session.driver()
            with psycopg.connect(world.server.url("superuser", world.database), autocommit=True) as superuser:
                superuser.execute("SELECT pg_terminate_backend(%s)", (driver.info.backend_pid,))
        return await real(session, caller, number, one)

    monkeypatch.setattr(batches, "_recorded", dies_at_the_fourth)
    cut = await sent(pelagie, *lines)
    assert (cut.status_code, slug(cut)) == (503, "database-away")
    assert len(stored(world)) == 2  # what was acknowledged, and not half of what was not
    again = await told(pelagie, *lines)
    assert results(again) == ["already_recorded"] * 2 + ["recorded"] * 4
    assert [row[0] for row in stored(world)] == [one["external_id"] for one in lines]
    assert len(leaves(world)) == 6


async def test_a_line_that_the_database_refuses_is_one_line(world: World) -> None:
    case = await a_granted_case(world)
    with world.owner() as owner:
        owner.execute("ALTER TABLE milestones ADD CONSTRAINT no_bank CHECK (code <> 'BANK')")
    report = await told(world.client("pelagie"), line(case, "AID", 1), line(case, "BANK", 2), line(case, "LEGAL", 3))
    assert [item["status"] for item in report["items"]] == [201, 422, 201]
    assert [row[1] for row in stored(world)] == ["AID", "LEGAL"]


async def test_the_same_key_is_one_batch(world: World) -> None:
    case = await a_granted_case(world)
    pelagie, key = world.client("pelagie"), {"Idempotency-Key": "carnet-0001"}
    first = await sent(pelagie, line(case, "AID", 1), **key)
    again = await sent(pelagie, line(case, "AID", 1), **key)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")


async def test_a_document_of_items_is_read_alike(world: World) -> None:
    case = await a_granted_case(world)
    answer = await world.client("pelagie").post(
        "/v1/milestone-batches", json={"items": [line(case, "AID", 1), {"code": 1}, None]}
    )
    assert [item["status"] for item in answer.json()["items"]] == [201, 422, 422]


async def test_the_limits_of_a_batch(world: World) -> None:
    case = await a_granted_case(world)
    pelagie = world.client("pelagie")
    over = await sent(pelagie, *["{}"] * (LINES_LIMIT + 1))
    assert (over.status_code, over.json()["errors"][0]["pointer"]) == (422, "/items")
    assert (await sent(pelagie, *["{}"] * LINES_LIMIT)).json()["refused"] == LINES_LIMIT
    assert (await pelagie.post("/v1/milestone-batches", json={"items": []})).status_code == 422
    large = await sent(pelagie, line(case, "AID", 1, note="x" * 600_000))
    assert (large.status_code, slug(large)) == (413, "body-too-large")
    plain = await pelagie.post("/v1/milestone-batches", content=b"x", headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415
    for username in ("aurele", "melchior", "adele"):
        assert (await sent(world.client(username), line(case, "AID", 1))).status_code == 403
    assert stored(world) == []


async def test_a_clock_an_hour_fast_costs_a_day_s_wait_and_nothing_else(world: World) -> None:
    """23:30 in Québec; the partner's device says it is already tomorrow."""
    case = await a_granted_case(world)
    pelagie = world.client("pelagie")
    late = datetime.combine(clock.today(), datetime.min.time(), clock.QUEBEC) + timedelta(hours=23, minutes=30)
    lines = [line(case, "FIRST_VISIT", 1), line(case, "AID", 2, occurred_on=on(days_ago(-1))), line(case, "LEGAL", 3)]
    with clock.frozen(late):
        report = await told(pelagie, *lines)
    assert results(report) == ["recorded", "refused", "recorded"]
    assert report["items"][1]["problem"]["facts"] == {"today": days_ago(0).isoformat()}
    with clock.frozen(late + timedelta(hours=1)):
        report = await told(pelagie, *lines)
    assert results(report) == ["already_recorded", "recorded", "already_recorded"]
    assert [row[0] for row in stored(world)] == ["carnet-1", "carnet-3", "carnet-2"]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(picks=st.lists(st.integers(0, 5), min_size=1, max_size=8), cut=st.integers(0, 8))
async def test_however_a_batch_is_cut_and_repeated_the_rows_are_the_same(
    world: World, picks: list[int], cut: int
) -> None:
    case = await a_granted_case(world)
    pelagie, tag = world.client("pelagie"), case["id"]
    lines = [line(case, "INTERP", f"{tag}-{pick}", occurred_on=on(days_ago(pick))) for pick in picks]
    for part in (lines[:cut], lines, lines[cut:]):
        if part:
            assert "refused" not in results(await told(pelagie, *part))
    with world.owner() as connection:
        rows = connection.execute("SELECT external_id FROM milestones WHERE case_id = %s", (tag,)).fetchall()
    assert sorted(row[0] for row in rows) == sorted({one["external_id"] for one in lines})


async def test_a_single_call_and_a_line_know_each_other(world: World) -> None:
    case = await a_granted_case(world)
    pelagie = world.client("pelagie")
    single = await record(pelagie, case, "AID", person(case), occurred_on=on(days_ago(3)), external_id="carnet-1")
    assert results(await told(pelagie, line(case, "AID", 1))) == ["already_recorded"]
    assert single.status_code == 201
