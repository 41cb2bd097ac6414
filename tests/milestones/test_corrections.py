"""Milestones are seen within reach, and corrected in the open: a void with its reason, and a new entry."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.milestones.steps import (
    ABSENT,
    a_granted_case,
    anchor,
    child,
    days_ago,
    grant,
    leaves,
    on,
    person,
    record,
    recorded,
    refresh,
    slug,
    the_velquindors,
    void,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


# A partner organization


async def test_a_partner_sees_and_records_on_granted_cases_only(world: World) -> None:
    mine, foreign = await a_granted_case(world), await the_velquindors(world)
    pelagie = world.client("pelagie")
    known = await recorded(world.client("octave"), foreign, "INFO_GIVEN", person(foreign))
    await recorded(pelagie, mine, "FIRST_VISIT", person(mine))
    assert (await pelagie.get(f"/v1/cases/{mine['id']}/milestones")).json()["items"][0]["code"] == "FIRST_VISIT"
    out_of_reach = [
        await record(pelagie, foreign, "FIRST_VISIT", person(foreign)),
        await pelagie.get(f"/v1/cases/{foreign['id']}/milestones"),
        await pelagie.get(f"/v1/milestones/{known['id']}"),
        await void(pelagie, known, "partner"),
        await record(pelagie, mine, "FIRST_VISIT", person(foreign)),
    ]
    absent = await pelagie.get(f"/v1/milestones/{ABSENT}")
    assert [(answer.status_code, answer.json()) for answer in out_of_reach] == [(404, absent.json())] * 5


async def test_access_ends_with_the_grant(world: World) -> None:
    case = await a_granted_case(world)
    pelagie = world.client("pelagie")
    milestone = await recorded(pelagie, case, "FIRST_VISIT", person(case))
    with world.owner() as connection:
        connection.execute("UPDATE case_grants SET ended_at = now()")
    answers = [
        await pelagie.get(f"/v1/milestones/{milestone['id']}"),
        await pelagie.get(f"/v1/cases/{case['id']}/milestones"),
        await record(pelagie, case, "AID", person(case)),
        await void(pelagie, milestone, "partner"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4


async def test_a_partner_learns_nothing_of_the_claim(world: World) -> None:
    case = await a_granted_case(world)
    anchor(world, case, arrived_on=None)
    await refresh(world, case)
    seen = await recorded(world.client("octave"), case, "CLAIM_DOC", person(case), occurred_on=on(days_ago(40)))
    pelagie = world.client("pelagie")
    listed = (await pelagie.get(f"/v1/cases/{case['id']}/milestones")).json()
    assert (listed["items"], listed["expected"]) == ([], [])
    assert (await pelagie.get(f"/v1/milestones/{seen['id']}")).status_code == 404
    assert (await void(pelagie, seen, "partner")).status_code == 404
    for state in ("overdue", "due", "upcoming"):
        assert (await pelagie.get(f"/v1/milestones?state={state}")).json()["items"] == []


async def test_each_organization_reads_its_own_words(world: World) -> None:
    case = await a_granted_case(world)
    grant(world, case, to="racines-d-estrie")
    grant(world, case, to="sidonie")
    evidence = {"kind": "mandate", "reference": "M-44"}
    told = await recorded(
        world.client("pelagie"), case, "LEGAL", person(case), note="Avocate trouvée.", evidence=evidence
    )
    path = f"/v1/milestones/{told['id']}"
    for reader, note, reference in (
        ("pelagie", "Avocate trouvée.", "M-44"),
        ("camille", "Avocate trouvée.", "M-44"),
        ("raoul", None, None),
        ("sidonie", None, None),
    ):
        milestone = (await world.client(reader).get(path)).json()
        assert (milestone["note"], milestone["evidence"]) == (
            note,
            {"kind": "mandate", "reference": reference},
        ), reader


async def test_a_spokesperson_learns_no_birth_date_by_trying(world: World) -> None:
    case = await the_velquindors(world, child(2), programme="collective_sponsorship", claimed_on=None,
                                 undertaking_on=days_ago(90).isoformat(), claim_statuses=[])  # fmt: skip
    grant(world, case, to="sidonie")
    anchor(world, case, arrived_on=date(2016, 1, 4))
    long_ago = {"value": "2016", "precision": "year"}
    sidonie = world.client("sidonie")
    await recorded(sidonie, case, "HEALTH_CARD", person(case, 1), occurred_on=long_ago)
    await recorded(sidonie, case, "FURNITURE", occurred_on=on(days_ago(2)))


# Correction


async def test_a_wrong_date_is_voided_and_recorded_again_and_both_stay(world: World) -> None:
    case = await a_granted_case(world)
    with world.owner() as connection:
        connection.execute("UPDATE cases SET arrived_on = %s, region_code = '01'", (days_ago(20),))
    await refresh(world, case, "pelagie")
    pelagie, orsane = world.client("pelagie"), person(case)
    wrong = await recorded(pelagie, case, "FIRST_VISIT", orsane, occurred_on=on(days_ago(2)))

    async def visit() -> dict[str, Any]:
        listed = (await pelagie.get(f"/v1/cases/{case['id']}/milestones")).json()
        [one] = [expected for expected in listed["expected"] if expected["code"] == "FIRST_VISIT"]
        found: dict[str, Any] = one
        return found

    assert ((await visit())["state"], (await visit())["fulfilled_by"]) == ("done", wrong["id"])
    answer = await void(pelagie, wrong, "partner")
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2-partner-fr"'
    voided = answer.json()
    assert (voided["void"]["by"], voided["void"]["reason"]) == (str(world.key("pelagie")), "Mauvaise date.")
    open_again = await visit()
    assert (open_again["state"], open_again["days_late"], open_again["fulfilled_by"]) == ("overdue", 19, None)

    right = await recorded(pelagie, case, "FIRST_VISIT", orsane, occurred_on=on(days_ago(19)))
    assert (await visit())["fulfilled_by"] == right["id"]
    items = (await pelagie.get(f"/v1/cases/{case['id']}/milestones")).json()["items"]
    assert [(item["id"], item["void"] is None) for item in items] == [
        (right["id"], True),
        (wrong["id"], False),
    ]
    assert [leaf["type"] for leaf in leaves(world)] == [
        "milestone.recorded",
        "milestone.voided",
        "milestone.recorded",
    ]


async def test_another_milestone_of_the_kind_answers_when_one_is_voided(world: World) -> None:
    case = await the_velquindors(world)
    await refresh(world, case)
    camille = world.client("camille")
    first, second = [await recorded(camille, case, "NEEDS", person(case)) for _ in range(2)]
    await void(camille, first, "caseworker")
    expected = (await camille.get(f"/v1/cases/{case['id']}/milestones?state=done")).json()["expected"]
    assert [(one["code"], one["fulfilled_by"]) for one in expected] == [("NEEDS", second["id"])]


async def test_a_void_needs_the_version_that_was_read_and_happens_once(world: World) -> None:
    case = await the_velquindors(world)
    camille = world.client("camille")
    milestone = await recorded(camille, case, "NEEDS", person(case))
    path = f"/v1/milestones/{milestone['id']}/void"
    assert (await camille.post(path, json={"reason": "x"})).status_code == 428
    assert (await camille.post(path, json={}, headers={"If-Match": '"1-caseworker"'})).status_code == 422
    assert (await void(camille, {**milestone, "version": 7}, "caseworker")).status_code == 412
    assert (await void(camille, milestone, "caseworker")).status_code == 200
    assert (await void(camille, milestone, "caseworker")).status_code == 412
    twice = await void(camille, {**milestone, "version": 2}, "caseworker")
    assert (twice.status_code, slug(twice)) == (409, "milestone-already-voided")
    assert len(leaves(world)) == 2


async def test_who_may_not_void(world: World) -> None:
    case = await a_granted_case(world)
    grant(world, case, to="racines-d-estrie")
    milestone = await recorded(world.client("raoul"), case, "AID", person(case))
    other = await void(world.client("pelagie"), milestone, "partner")
    assert (other.status_code, slug(other)) == (403, "milestone-of-another")
    for username in ("octave", "prosper", "sidonie", "aurele"):
        assert (await void(world.client(username), milestone, "any")).status_code == 403, username
    assert (await world.client("raoul").get(f"/v1/milestones/{milestone['id']}")).json()["void"] is None


async def test_each_read_is_on_record_once(world: World) -> None:
    case = await the_velquindors(world)
    camille = world.client("camille")
    milestone = await recorded(camille, case, "NEEDS", person(case))
    with world.owner() as connection:
        connection.execute("ALTER TABLE read_entries DISABLE TRIGGER ALL; DELETE FROM read_entries")
    await camille.get(f"/v1/cases/{case['id']}/milestones")
    await camille.get(f"/v1/milestones/{milestone['id']}")
    with world.owner() as connection:
        rows = connection.execute("SELECT permission, case_ids::text[] FROM read_entries").fetchall()
    assert rows == [("milestone:read", [case["id"]])] * 2
