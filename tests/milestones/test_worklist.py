"""What is expected, by when, and of whom: the rows behind the worklist, and the list itself."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel.database import Session
from tests.milestones.steps import (
    ORSANE,
    anchor,
    child,
    days_ago,
    expected,
    grant,
    person,
    recorded,
    refresh,
    the_velquindors,
)

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio
CLAIM_TYPES = {"CLAIM_DOC", "PFSI_ACTIVE", "SHELTER_IN", "NEEDS", "MED_EXAM"}


def in_days(days: int) -> date:
    return days_ago(-days)


async def listed(client: httpx.AsyncClient, state: str = "overdue", **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/milestones", params={"state": state, **query})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def an_arrived_case(world: World, *children: dict[str, Any], days: int = 20) -> dict[str, Any]:
    """Living in the Bas-Saint-Laurent for `days`, followed there by Le Phare."""
    case = await the_velquindors(world, *children)
    grant(world, case, to="le-phare")
    anchor(world, case, arrived_on=days_ago(days), region_code="01")
    await refresh(world, case, by="pelagie")
    return case


# What becomes expected


async def test_a_claim_makes_the_first_milestones_expected(world: World) -> None:
    case = await the_velquindors(world)
    await refresh(world, case)
    due = expected(world, case)
    assert {code for code, _ in due} == CLAIM_TYPES
    assert due["MED_EXAM", person(case)] == days_ago(10)
    assert due["NEEDS", person(case)] == days_ago(33)


async def test_asking_again_adds_nothing_and_a_milestone_already_told_answers_at_once(world: World) -> None:
    case = await the_velquindors(world)
    exam = await recorded(world.client("octave"), case, "MED_EXAM", person(case))
    for _ in range(2):
        await refresh(world, case)
    assert len(expected(world, case)) == len(CLAIM_TYPES)
    done = (await world.client("camille").get(f"/v1/cases/{case['id']}/milestones?state=done")).json()["expected"]
    assert [(one["code"], one["fulfilled_by"]) for one in done] == [("MED_EXAM", exam["id"])]


async def test_an_undertaking_has_its_own_milestones(world: World) -> None:
    case = await the_velquindors(
        world, programme="collective_sponsorship", claimed_on=None, claim_statuses=[],
        undertaking_on=days_ago(30).isoformat(),
    )  # fmt: skip
    await refresh(world, case)
    assert expected(world, case) == {
        ("UNDERTAKING_ACCEPTED", None): days_ago(30),
        ("SPONSOR_BRIEFED", None): in_days(30),
        ("RECEPTION_PLAN", None): in_days(60),
    }


async def test_a_partner_adds_what_counts_from_the_arrival_and_nothing_else(world: World) -> None:
    case = await an_arrived_case(world, child(9))
    with world.owner() as connection:
        connection.execute("DELETE FROM milestone_expectations WHERE anchor <> 'arrival'")
    await refresh(world, case, by="pelagie")
    due = expected(world, case)
    codes = {code for code, _ in due}
    assert codes.isdisjoint(CLAIM_TYPES)
    assert {"REG_ARRIVAL", "SCHOOL", "RETENTION_365"} <= codes
    # The child's school, the mother's last-resort aid: birth dates decide, and the partner reads them.
    assert ("SCHOOL", person(case, 1)) in due
    assert ("SCHOOL", person(case)) not in due
    assert ("AID", person(case)) in due
    assert ("AID", person(case, 1)) not in due


async def test_the_newest_printed_date_is_the_due_date(world: World) -> None:
    def printed(day: date) -> dict[str, Any]:
        return {"status": "referred", "occurred_on": days_ago(30).isoformat(),
                "source": "confirmation de renvoi", "printed_due_on": day.isoformat()}  # fmt: skip

    case = await the_velquindors(world, child(9), claim_statuses=[printed(in_days(4))])
    await refresh(world, case)
    assert {key: day for key, day in expected(world, case).items() if key[0] == "FDA_FILED"} == {
        ("FDA_FILED", person(case)): in_days(4),
        ("FDA_FILED", person(case, 1)): in_days(4),
    }
    with world.owner() as connection:
        connection.execute("UPDATE claim_statuses SET printed_due_on = %s", (in_days(25),))
    await refresh(world, case)
    assert expected(world, case)["FDA_FILED", person(case)] == in_days(25)


async def test_an_adult_of_unknown_age_is_no_pupil(world: World) -> None:
    unknown = {"value": None, "precision": "unknown"}
    adult = {**ORSANE, "birth": unknown, "is_adult": True}
    untold = {"relation": "other", "name": {"full": "Yvonik Velquindor"}, "birth": unknown}
    case = await the_velquindors(world, members=[adult, untold])
    anchor(world, case, arrived_on=days_ago(20), region_code="01")
    await refresh(world, case)
    due = expected(world, case)
    assert ("AID", person(case)) in due
    assert ("SCHOOL", person(case)) not in due
    # Nobody said how old the other one is: both stay possible, and are marked so.
    shown = (await world.client("camille").get(f"/v1/cases/{case['id']}/milestones")).json()["expected"]
    unsure = {one["code"] for one in shown if one["person_id"] == person(case, 1) and not one["certain"]}
    assert {"AID", "SCHOOL", "CHILDCARE"} <= unsure


async def test_out_of_reach_nothing_can_be_made_expected(world: World) -> None:
    from casework.kernel.problems import NotFound

    case = await the_velquindors(world)
    with pytest.raises(NotFound):
        await refresh(world, case, by="pelagie")
    assert {code for code, _ in expected(world, case)} <= CLAIM_TYPES


# The list


async def test_the_overdue_list_counts_what_is_late_and_forgets_what_is_done(world: World) -> None:
    first, second = (
        await the_velquindors(world),
        await the_velquindors(world, claimed_on=days_ago(10).isoformat()),
    )
    for case in (first, second):
        await refresh(world, case)
    octave = world.client("octave")
    late = await listed(octave)
    # Forty days after a claim all five are late; ten days after, all but the medical exam (30 days).
    assert len(late) == 5 + 4
    assert [item["due_on"] for item in late] == sorted(item["due_on"] for item in late)
    exam = next(item for item in late if item["code"] == "MED_EXAM")
    assert (exam["case_reference"], exam["days_late"]) == (first["reference"], 10)
    assert (exam["label"], exam["state"]) == ("Examen médical", "overdue")
    assert (exam["case_id"], exam["person_id"]) == (first["id"], person(first))
    assert len(await listed(octave, code="NEEDS")) == 2
    english = await octave.get("/v1/milestones?code=MED_EXAM", headers={"Accept-Language": "en"})
    assert english.json()["items"][0]["label"] == "Medical exam"

    await recorded(octave, first, "MED_EXAM", person(first))
    assert [item["code"] for item in await listed(octave, code="MED_EXAM")] == []
    assert len(await listed(octave)) == 8


async def test_due_is_seven_days_ahead_and_no_more(world: World) -> None:
    """FIRST_VISIT +1, ADDR_NOTIFIED +3, AID +10 … counted from an arrival two days ago."""
    await an_arrived_case(world, days=2)
    pelagie = world.client("pelagie")
    windows = {
        state: {item["code"]: item for item in await listed(pelagie, state)} for state in ("overdue", "due", "upcoming")
    }
    assert {"REG_ARRIVAL", "FIRST_VISIT", "INTERP"} == set(windows["overdue"])
    assert {"ADDR_NOTIFIED"} == set(windows["due"])
    assert {"AID", "LEGAL", "RETENTION_30"} <= set(windows["upcoming"])
    assert {item["days_late"] for item in windows["overdue"].values()} == {1, 2}
    assert {item["days_late"] for item in [*windows["due"].values(), *windows["upcoming"].values()]} == {0}


@pytest.mark.parametrize(("days", "state"), [(9, "due"), (10, "due"), (3, "due"), (2, "upcoming"), (11, "overdue")])
async def test_the_edges_of_the_windows(world: World, days: int, state: str) -> None:
    """AID is due ten days after the arrival: due from the third day through the tenth."""
    await an_arrived_case(world, days=days)
    pelagie = world.client("pelagie")
    found = [name for name in ("overdue", "due", "upcoming") if await listed(pelagie, name, code="AID")]
    assert found == [state]


async def test_the_case_and_the_worklist_agree_on_every_state(world: World) -> None:
    case = await an_arrived_case(world, child(9), days=10)
    pelagie = world.client("pelagie")
    of_case = (await pelagie.get(f"/v1/cases/{case['id']}/milestones")).json()["expected"]
    work = [item for state in ("overdue", "due", "upcoming") for item in await listed(pelagie, state, limit=200)]
    assert {(one["id"], one["state"], one["days_late"]) for one in of_case} == {
        (item["id"], item["state"], item["days_late"]) for item in work
    }


async def test_pages_hold_everything_once(world: World) -> None:
    for size in range(3):
        await an_arrived_case(world, *[child(9)] * size)
    pelagie = world.client("pelagie")
    whole = [item["id"] for item in await listed(pelagie, limit=200)]
    seen: list[str] = []
    query: dict[str, Any] | None = {"limit": 4}
    while query is not None:
        page = (await pelagie.get("/v1/milestones", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        query = {"limit": 4, "cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert seen == whole
    assert len(whole) > 8
    first = (await pelagie.get("/v1/milestones?limit=4")).json()
    moved = await pelagie.get("/v1/milestones", params={"limit": 4, "state": "due", "cursor": first["next_cursor"]})
    assert moved.status_code == 400


async def test_each_sees_the_work_within_reach(world: World) -> None:
    arrived, waiting = await an_arrived_case(world), await the_velquindors(world)
    await refresh(world, waiting)
    users = ("camille", "octave", "prosper", "coralie", "edmee", "pelagie", "raoul", "ines")
    theirs = {user: {item["case_id"] for item in await listed(world.client(user))} for user in users}
    both = {arrived["id"], waiting["id"]}
    assert theirs == {
        "camille": both, "octave": both, "prosper": both, "coralie": {arrived["id"]}, "edmee": set(),
        "pelagie": {arrived["id"]}, "raoul": set(), "ines": set(),
    }  # fmt: skip
    prosper = world.client("prosper")
    assert {item["case_id"] for item in await listed(prosper, region="01")} == {arrived["id"]}
    assert await listed(prosper, region="05") == []
    assert (await world.client("aurele").get("/v1/milestones")).status_code == 403


async def test_a_closed_case_is_no_work(world: World) -> None:
    case = await the_velquindors(world)
    await refresh(world, case)
    camille = world.client("camille")
    assert len(await listed(camille)) == 5
    closed = await camille.post(
        f"/v1/cases/{case['id']}/close",
        json={"reason": "Retour au pays"},
        headers={"If-Match": '"1-caseworker"'},
    )
    assert closed.status_code == 200, closed.text
    assert await listed(camille) == []


@pytest.mark.parametrize(
    "query", ["state=done", "state=late", "region=99", "code=needs", "state=overdue&due=1", "limit=0"]
)
async def test_an_unknown_filter_is_refused(world: World, query: str) -> None:
    assert (await world.client("camille").get(f"/v1/milestones?{query}")).status_code == 400


async def test_a_list_is_one_query_and_one_entry_in_the_read_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [await the_velquindors(world) for _ in range(3)]
    for case in cases:
        await refresh(world, case)
    camille, asked = world.client("camille"), list[str]()
    await camille.get("/v1/me")
    rows = Session.rows

    async def counted(session: Session, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return await rows(session, sql, parameters)

    monkeypatch.setattr(Session, "rows", counted)
    assert len(await listed(camille)) == 15
    # However the transaction enters its context, the list itself is one query, and the read log one entry.
    assert len([sql for sql in asked if "milestone_expectations" in sql]) == 1
    assert len([sql for sql in asked if "authz.admit" not in sql]) == 2
    with world.owner() as connection:
        entries: list[Any] = connection.execute(
            "SELECT case_ids::text[] FROM read_entries WHERE permission = 'milestone:read'"
        ).fetchall()
    assert [sorted(ids) for (ids,) in entries] == [sorted(case["id"] for case in cases)]
