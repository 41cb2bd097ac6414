"""Milestones are recorded by those whose task they are, seen within reach, corrected in the open."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from casework.kernel import clock
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
    slug,
    the_velquindors,
    void,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


# The catalogue


async def test_the_catalogue_speaks_french_first_and_names_both(world: World) -> None:
    client = world.client("melchior")
    types = {kind["code"]: kind for kind in (await client.get("/v1/milestone-types")).json()["items"]}
    school = types["SCHOOL"]
    assert (school["label"], school["label_fr"], school["label_en"]) == (
        "Inscription scolaire",
        "Inscription scolaire",
        "School",
    )
    assert school["programmes"] == ["asylum", "collective_sponsorship"]
    assert (school["anchor"], school["offset_days"], school["evidence"]) == ("arrival", 14, "lettre du CSS")
    english = (await client.get("/v1/milestone-types", headers={"Accept-Language": "en"})).json()["items"]
    assert {"School", "CSS letter"} <= {kind[field] for kind in english for field in ("label", "evidence")}


async def test_the_catalogue_of_a_day_when_childcare_was_closed_to_claimants(world: World) -> None:
    client = world.client("camille")

    async def codes(**query: str) -> set[str]:
        items = (await client.get("/v1/milestone-types", params=query)).json()["items"]
        return {kind["code"] for kind in items}

    assert "CHILDCARE" in await codes()
    assert "CHILDCARE" not in await codes(on="2020-01-15")
    sponsored = await codes(programme="collective_sponsorship")
    assert {"SCHOOL", "UNDERTAKING_ACCEPTED"} <= sponsored
    assert sponsored.isdisjoint({"FDA_FILED", "CLAIM_DOC"})
    assert (await client.get("/v1/milestone-types?program=asylum")).status_code == 400


# Recording


async def test_the_intake_worker_records_the_medical_exam(world: World) -> None:
    case = await the_velquindors(world)
    octave = world.client("octave")
    answer = await record(octave, case, "MED_EXAM", person(case), external_id="CLSC-7",
                          note="Vu par l'infirmière.",
                          evidence={"kind": "attestation", "reference": "feuillet 12"})  # fmt: skip
    assert answer.status_code == 201, answer.text
    milestone = answer.json()
    assert milestone["label"] == "Examen médical"
    assert milestone["occurred_on"] == on(days_ago(1))
    assert milestone["evidence"] == {"kind": "attestation", "reference": "feuillet 12"}
    assert (milestone["void"], milestone["organization_id"]) == (None, None)
    assert answer.headers["location"] == f"/v1/milestones/{milestone['id']}"
    read = await world.client("camille").get(answer.headers["location"])
    assert read.json() == milestone
    assert (answer.headers["etag"], read.headers["etag"]) == ('"1-intake_worker-fr"', '"1-caseworker-fr"')
    unchanged = await octave.get(answer.headers["location"], headers={"If-None-Match": '"1-intake_worker-fr"'})
    assert unchanged.status_code == 304


async def test_the_same_key_records_once(world: World) -> None:
    case = await the_velquindors(world)
    octave = world.client("octave", **{"Idempotency-Key": "needs-0001"})
    first = await record(octave, case, "NEEDS", person(case), note="Préfère une petite ville.")
    again = await record(octave, case, "NEEDS", person(case), note="Préfère une petite ville.")
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert len(leaves(world)) == 1


async def test_words_are_sealed_and_the_log_names_nobody(world: World) -> None:
    case = await the_velquindors(world)
    note, reference = "Voisine nommée Zabelline.", "registre Zabelline 4"
    milestone = await recorded(
        world.client("octave"), case, "CLAIM_DOC", person(case), note=note,
        evidence={"kind": "status_document", "reference": reference},
    )  # fmt: skip
    await void(world.client("camille"), milestone, "caseworker")
    with world.owner() as connection:
        tables = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        for table in tables:
            text = str(connection.execute(f"SELECT t::text FROM {table} t").fetchall())
            assert "Zabelline" not in text, table
            assert "Mauvaise date" not in text, table
    said, voided = leaves(world)
    assert (said["code"], said["outcome"], said["region"]) == ("CLAIM_DOC", "done", None)
    assert said["occurred_on"] == on(days_ago(1))
    assert set(said["commitments"]) == {"evidence", "note"}
    assert (voided["type"], voided["of"]) == ("milestone.voided", said["milestone"])
    assert not any(case[key] in json.dumps([said, voided]) for key in ("id", "reference"))
    assert not any(known in json.dumps([said, voided]) for known in (person(case), milestone["id"]))


async def test_a_date_known_to_the_month_stays_a_month(world: World) -> None:
    case = await the_velquindors(world)
    month = {"value": f"{days_ago(0):%Y-%m}", "precision": "month"}
    milestone = await recorded(world.client("octave"), case, "PFSI_ACTIVE", person(case), occurred_on=month)
    assert milestone["occurred_on"] == month
    unknown = {"value": None, "precision": "unknown"}
    vague = await recorded(world.client("octave"), case, "SHELTER_IN", person(case), occurred_on=unknown)
    assert vague["occurred_on"] == unknown


async def test_what_was_told_late_stands_where_it_happened(world: World) -> None:
    case = await the_velquindors(world)
    octave = world.client("octave")
    for code, days in (("MED_EXAM", 3), ("CLAIM_DOC", 40), ("NEEDS", 12)):
        await recorded(octave, case, code, person(case), occurred_on=on(days_ago(days)))
    await recorded(octave, case, "SHELTER_IN", person(case), occurred_on={"value": None, "precision": "unknown"})
    await recorded(octave, case, "PFSI_ACTIVE", person(case), occurred_on=on(days_ago(12)))
    listed = await octave.get(f"/v1/cases/{case['id']}/milestones")
    told = ["CLAIM_DOC", "NEEDS", "PFSI_ACTIVE", "MED_EXAM", "SHELTER_IN"]
    assert [item["code"] for item in listed.json()["items"]] == told

    pages, path = [], f"/v1/cases/{case['id']}/milestones?limit=2"
    cursor: str | None = ""
    while cursor is not None:
        page = (await octave.get(path + (f"&cursor={cursor}" if cursor else ""))).json()
        pages += [item["code"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert pages == told


async def test_a_cursor_serves_one_list_of_one_caller(world: World) -> None:
    case, other = await the_velquindors(world), await the_velquindors(world)
    octave = world.client("octave")
    for code in ("NEEDS", "CLAIM_DOC"):
        await recorded(octave, case, code, person(case))
    page = (await octave.get(f"/v1/cases/{case['id']}/milestones?limit=1")).json()
    stolen = {"cursor": page["next_cursor"], "limit": "1"}
    assert (await octave.get(f"/v1/cases/{other['id']}/milestones", params=stolen)).status_code == 400
    assert (await world.client("camille").get(f"/v1/cases/{case['id']}/milestones", params=stolen)).status_code == 400
    assert (await octave.get(f"/v1/cases/{case['id']}/milestones", params=stolen)).status_code == 200


# Refusals: each one says what to do, and leaves no trace


async def test_each_refusal_says_what_is_wrong_and_writes_nothing(world: World) -> None:
    case = await the_velquindors(world)
    orsane, octave, camille = person(case), world.client("octave"), world.client("camille")
    stranger = person(await the_velquindors(world))
    tomorrow, then = (
        on(clock.today() + timedelta(days=1)),
        on(clock.today().replace(year=1987, month=3, day=1)),
    )
    refusals = [
        (await record(octave, case, "NO_SUCH_CODE", orsane), 422, "milestone-type-not-in-force"),
        (await record(octave, case, "UNDERTAKING_ACCEPTED"), 422, "milestone-type-not-in-force"),
        (await record(octave, case, "MED_EXAM"), 422, "milestone-needs-person"),
        (await record(camille, case, "OFFER_ANSWER", orsane), 422, "milestone-of-the-household"),
        (await record(camille, case, "MED_EXAM", orsane), 403, "milestone-not-yours"),
        (await record(world.client("prosper"), case, "NEEDS", orsane), 403, "milestone-not-yours"),
        (await record(octave, case, "NEEDS", orsane, occurred_on=tomorrow), 422, "milestone-in-future"),
        (await record(octave, case, "NEEDS", orsane, occurred_on=then), 422, "milestone-type-not-in-force"),
        (await record(octave, case, "NEEDS", stranger), 404, "not-found"),
        (await record(octave, case, "NEEDS", ABSENT), 404, "not-found"),
        (await record(octave, {"id": ABSENT}, "NEEDS", orsane), 404, "not-found"),
        (await record(octave, case, "NEEDS", orsane, outcome="not_applicable"), 422, "invalid-content"),
        (await record(octave, case, "NEEDS", orsane, reason_code="age"), 422, "invalid-content"),
        (await record(world.client("aurele"), case, "NEEDS", orsane), 403, "not-permitted"),
    ]
    for answer, status, problem in refusals:
        assert (answer.status_code, slug(answer)) == (status, problem), answer.text
    assert refusals[4][0].json()["recorded_by"] == "intake_worker"
    assert {refusals[index][0].json()["errors"][0]["pointer"] for index in (11, 12)} == {"/reason_code"}
    assert "NO_SUCH_CODE" not in refusals[0][0].text
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM milestones").fetchone() == (0,)
    assert leaves(world) == []


async def test_childcare_cannot_be_dated_in_the_years_it_was_closed(world: World) -> None:
    case = await a_granted_case(world, child(12))
    anchor(world, case, arrived_on=date(2018, 1, 15))
    pelagie, milo = world.client("pelagie"), person(case, 1)
    closed = await record(pelagie, case, "CHILDCARE", milo, occurred_on={"value": "2020-05", "precision": "month"})
    assert (closed.status_code, slug(closed)) == (422, "milestone-type-not-in-force")
    # Known to the year only: in force in part of 2018, so it may have been then.
    await recorded(pelagie, case, "CHILDCARE", milo, occurred_on={"value": "2018", "precision": "year"})
    assert leaves(world)[-1]["type_valid_from"] == "2015-01-01"


async def test_nothing_happens_to_a_child_before_birth(world: World) -> None:
    case = await the_velquindors(world, child(2), claimed_on=f"{clock.today().year - 4}-01-15")
    octave, milo = world.client("octave"), person(case, 1)
    last_year = clock.today().year - 4
    early = await record(octave, case, "NEEDS", milo, occurred_on={"value": f"{last_year}", "precision": "year"})
    assert (early.status_code, slug(early)) == (422, "milestone-before-birth")
    # The year of birth itself may be before or after the birth: nobody can tell, so it is accepted.
    await recorded(octave, case, "NEEDS", milo, occurred_on={"value": f"{last_year + 1}", "precision": "year"})


async def test_school_never_rests_on_a_status_document(world: World) -> None:
    case = await a_granted_case(world, child(9))
    pelagie, milo = world.client("pelagie"), person(case, 1)
    refused = await record(pelagie, case, "SCHOOL", milo, evidence={"kind": "status_document"})
    assert (refused.status_code, slug(refused)) == (422, "status-document-refused")
    await recorded(pelagie, case, "SCHOOL", milo, evidence={"kind": "letter", "reference": "CSS du Phare, 12"})


async def test_what_does_not_repeat_is_recorded_once_even_by_two_at_a_time(world: World) -> None:
    case = await the_velquindors(world, child(9))
    octave = world.client("octave")
    answers = await asyncio.gather(*(record(octave, case, "MED_EXAM", person(case)) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {slug(answer) for answer in answers if answer.status_code == 409} == {"milestone-already-recorded"}
    await recorded(octave, case, "MED_EXAM", person(case, 1))
    for _ in range(2):
        await recorded(octave, case, "NEEDS", person(case))


async def test_an_external_id_is_used_once_by_each_organization(world: World) -> None:
    case = await a_granted_case(world)
    grant(world, case, to="racines-d-estrie")
    pelagie, raoul = world.client("pelagie"), world.client("raoul")
    await recorded(pelagie, case, "AID", person(case), external_id="A-1")
    again = await record(pelagie, case, "LEGAL", person(case), external_id="A-1")
    assert (again.status_code, slug(again)) == (409, "already-exists")
    await recorded(raoul, case, "AID", person(case), external_id="A-1")


async def test_not_applicable_keeps_its_reason(world: World) -> None:
    case = await a_granted_case(world)
    milestone = await recorded(
        world.client("pelagie"), case, "EMPLOYMENT", person(case), outcome="not_applicable",
        reason_code="declined_by_person",
    )  # fmt: skip
    assert (milestone["outcome"], milestone["reason_code"]) == ("not_applicable", "declined_by_person")
    assert leaves(world)[-1]["reason_code"] == "declined_by_person"
