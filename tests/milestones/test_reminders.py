"""Who has what to do, and what is due to be reminded of on a day. Nothing is sent."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.milestones.schedule import Reminder, reminded_on
from tests.milestones.steps import days_ago, person, placed, recorded, shared, the_velquindors

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def asked(world: World, by: str, path: str = "milestone-reminders", **query: Any) -> list[dict[str, Any]]:
    answer = await world.client(by).get(f"/v1/{path}", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@given(day=st.dates(date(2000, 1, 1), date(2090, 1, 1)), ahead=st.integers(-400, 30))
def test_one_reminder_a_day_at_most_and_never_two_days_running_after_the_first(day: date, ahead: int) -> None:
    due_on = day + timedelta(days=ahead)
    fallen = [n for n in range(-10, 400) if due_on in reminded_on(due_on + timedelta(days=n))]
    assert fallen[:4] == [-7, 0, 1, 15]
    assert {later - earlier for earlier, later in pairwise(fallen[2:])} == {14}
    assert (due_on in reminded_on(day)) == (-ahead in fallen)


async def test_what_is_due_to_be_reminded_of_on_a_day(world: World) -> None:
    """MED_EXAM is due ten days ago, forty days after the claim less thirty."""
    case = await the_velquindors(world)
    due = days_ago(10)
    for days, kind in ((-7, Reminder.ahead), (0, Reminder.due), (1, Reminder.late), (15, Reminder.still_late)):
        found = await asked(world, "camille", on=(due + timedelta(days=days)).isoformat(), code="MED_EXAM")
        assert [(one["case_id"], one["reminder"], one["due_on"]) for one in found] == [
            (case["id"], kind, due.isoformat())
        ]
    assert await asked(world, "camille", on=(due + timedelta(days=2)).isoformat(), code="MED_EXAM") == []
    await recorded(world.client("octave"), case, "MED_EXAM", person(case))
    assert await asked(world, "camille", on=due.isoformat(), code="MED_EXAM") == []


async def test_a_reminder_says_whom(world: World) -> None:
    case = await the_velquindors(world, consents=shared(), caseworker_id=str(world.key("camille")))
    await placed(world, case, "le-phare/10043", "pelagie", days_ago(4), days_ago(3))
    # The address was to be told within three days of the arrival.
    [one] = await asked(world, "prosper", code="ADDR_NOTIFIED")
    assert (one["reminder"], one["caseworker_id"], one["organization_id"]) == (
        "due", str(world.key("camille")), str(world.key("le-phare")),
    )  # fmt: skip


async def test_work_is_told_apart_by_region_organization_and_caseworker(world: World) -> None:
    here = await the_velquindors(world, consents=shared(), caseworker_id=str(world.key("camille")))
    await placed(world, here, "le-phare/10043", "pelagie", days_ago(30), days_ago(20))
    there = await the_velquindors(world, consents=shared(), caseworker_id=str(world.key("basile")))
    await placed(world, there, "racines-d-estrie/43027", "raoul", days_ago(30), days_ago(20), by="basile")
    for path in ("milestones", "milestone-reminders"):
        # Twenty days after the arrival the legal aid is six days late; a reminder falls on the day after its due date.
        query = {"code": "LEGAL", **({"on": days_ago(5).isoformat()} if path == "milestone-reminders" else {})}
        for filters in (
            {"region": "01"}, {"organization_id": str(world.key("le-phare"))}, {"caseworker_id": str(world.key("camille"))},
        ):  # fmt: skip
            found = await asked(world, "prosper", path, **query, **filters)
            assert {one["case_id"] for one in found} == {here["id"]}, (path, filters)
        whole = await asked(world, "prosper", path, **query)
        assert {one["case_id"] for one in whole} == {here["id"], there["id"]}
        crossed = {"organization_id": str(world.key("le-phare")), "caseworker_id": str(world.key("basile"))}
        assert await asked(world, "prosper", path, **query, **crossed) == []
        # An organization asks for itself or for another: it sees its own at most.
        assert {one["case_id"] for one in await asked(world, "raoul", path, **query)} == {there["id"]}
        assert await asked(world, "raoul", path, **query, organization_id=str(world.key("le-phare"))) == []


async def test_an_ended_placement_is_no_longer_the_organization_s_work(world: World) -> None:
    from tests.milestones.steps import step

    case = await the_velquindors(world, consents=shared())
    path = await placed(world, case, "le-phare/10043", "pelagie", days_ago(30), days_ago(20))
    host = {"organization_id": str(world.key("le-phare"))}
    assert await asked(world, "prosper", "milestones", **host)
    ended = await step(world, path, "camille", "end", {"occurred_on": days_ago(1).isoformat(), "reason": "Parti."})
    assert ended.status_code == 200
    assert await asked(world, "prosper", "milestones", **host) == []
    assert {one["organization_id"] for one in await asked(world, "prosper", "milestones")} == {None}


async def test_pages_of_reminders_hold_everything_once(world: World) -> None:
    for _ in range(3):
        await the_velquindors(world)
    day = days_ago(10).isoformat()
    whole = [one["id"] for one in await asked(world, "camille", on=day)]
    seen: list[str] = []
    query: dict[str, Any] | None = {"limit": 2, "on": day}
    client = world.client("camille")
    while query is not None:
        page = (await client.get("/v1/milestone-reminders", params=query)).json()
        seen += [one["id"] for one in page["items"]]
        query = {**query, "cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert (seen, len(whole) >= 3) == (whole, True)
    first = (await client.get("/v1/milestone-reminders", params={"limit": 2, "on": day})).json()
    moved = await client.get("/v1/milestone-reminders", params={"limit": 2, "cursor": first["next_cursor"]})
    assert moved.status_code == 400
