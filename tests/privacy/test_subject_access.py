"""A person asks what is held about them: all of it, nothing of anybody else, in words that can be read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
import rfc8785

from casework.authz.policy import Role, sights_of
from casework.privacy.queries import SECTIONS
from casework.privacy.redaction import MASK
from tests.builders import a_case
from tests.pilots.departures import a_cohort, a_consenting_case, a_pilot, enrolled
from tests.privacy.ombrefeuils import OF_OTHERS, TIBURCE, WHY, ZORAIDE, export, of, the_ombrefeuils
from tests.privacy.stories import asked, erased, noted
from tests.sponsorship.steps import DUTIES, report, settled

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_person_gets_everything_held_about_them(world: World) -> None:
    case = await the_ombrefeuils(world)
    answer = await export(world, of(case))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["person"]["name"] == {**ZORAIDE["name"]}
    assert told["person"]["birth"] == ZORAIDE["birth"]
    assert told["person"]["contact"] == ZORAIDE["contact"]
    sections = told["sections"]
    assert set(sections) == set(SECTIONS)
    assert [row["value"] for row in sections["identifiers"]] == ["00-1111-2222"]
    assert [row["purpose"] for row in sections["consents"]] == ["placement"]
    assert sections["memberships"][0]["relation"] == "principal"
    assert sections["case"][0]["reference"] == case["reference"]
    assert [row["answer"] for row in sections["answers"]] == ["accept"]
    assert [row["status"] for row in sections["offers"]] == ["accepted"]
    assert [row["status"] for row in sections["assignments"]] == ["proposed"]
    assert [row["code"] for row in sections["milestones"]] == ["SKILLS_DECLARED", "OFFER_ANSWER"]
    assert sections["milestones"][0]["note"] == f"Soudeuse ; son mari {MASK} l'attend, sa fille {MASK} aussi"
    assert sections["needs"][0]["services"] == case["needs"]["services"]
    assert sections["preferences"][0]["choices"] == case["preferences"]["choices"]
    assert sections["claim_statuses"][0]["status"] == "acknowledged"
    [shown] = told["recommendations"]
    assert shown["fr"]["ranked"][0]["contributions"][0]["sentence"]
    assert shown["fr"]["sha256"] == shown["en"]["sha256"]
    assert {"role": "caseworker", "permission": "case:read"}.items() <= sections["reads"][0].items()
    assert sections["reads"][-1]["purpose"] == "access_request", "this very reading is told too"


async def test_the_pilot_and_the_sponsor_s_reports_are_the_person_s_to_know(world: World) -> None:
    cohort = await a_cohort(world, await a_pilot(world))
    claimant = await a_consenting_case(world)
    await enrolled(world, claimant, cohort)
    told_of = (await export(world, of(claimant))).json()["sections"]
    [one] = told_of["enrolments"]
    assert (one["pilot"], one["status"], one["region"]) == ("Cap sur le Fleuve", "enrolled", "Bas-Saint-Laurent")
    assert told_of["settlement_reports"] == []
    _, sponsored = await settled(world)
    assert (await report(world, sponsored, 1)).status_code == 201
    answered = (await export(world, of(sponsored))).json()["sections"]
    assert {(row["number"], row["duty"]): row["state"] for row in answered["settlement_reports"]} == {
        (1, duty): state for duty, state in DUTIES.items()
    }
    page = (await export(world, of(sponsored), "?format=html")).text
    for shown in ("Rapports d&#x27;établissement du garant", "Recherche d&#x27;emploi", "Uncovered health costs"):
        assert shown in page, shown


async def test_nothing_of_the_others_is_in_it(world: World) -> None:
    case = await the_ombrefeuils(world)
    for query in ("", "?format=html"):
        text = (await export(world, of(case), query)).text
        for secret in (*OF_OTHERS, of(case, 1), of(case, 2)):
            assert secret.casefold() not in text.casefold(), secret
        assert "Ombrefeuil" in text, "her own family name stays hers"
        assert "sœur de [tierce personne" in text
    told = (await export(world, of(case))).json()
    assert told["redactions"] == {"other_members": 2, "words_masked": 5, "words_withheld": 0}
    [mask] = {row["reason"] for row in told["sections"]["offers"]}
    assert mask == f"Près de la sœur de {MASK}."


async def test_a_note_about_the_whole_household_is_withheld_and_counted(world: World) -> None:
    case = await a_case(world, programme="collective_sponsorship", members=[ZORAIDE, TIBURCE], consents=[])
    await noted(world, case, None, "Tous deux arrivent en juin", code="RECEPTION_PLAN")
    told = (await export(world, of(case))).json()
    [milestone] = told["sections"]["milestones"]
    assert (milestone["whole_household"], milestone["note"], milestone["evidence"]) == (True, None, None)
    assert told["redactions"]["words_withheld"] == 2
    assert "arrivent en juin" not in json.dumps(told)


async def test_the_manifest_states_rows_range_hash_and_where_the_log_stood(world: World) -> None:
    case = await the_ombrefeuils(world)
    await world.sequence()
    told = (await export(world, of(case))).json()
    made = told.pop("manifest")
    assert made["rows"] == {
        **{name: len(rows) for name, rows in told["sections"].items()},
        "recommendations": len(told["recommendations"]),
    }
    assert made["content_sha256"] == hashlib.sha256(rfc8785.dumps(told)).hexdigest()
    assert made["range"]["from"] <= made["range"]["until"] <= made["produced_at"]
    assert made["checkpoint"] == (await world.client("aurele").get("/v1/log/checkpoint?log=audit")).text
    with world.owner() as connection:
        leaves = connection.execute(
            "SELECT body::jsonb -> 'facts' FROM log_leaves WHERE body::jsonb ->> 'type' = 'subject_access.exported'"
        ).fetchall()
    assert [facts["content_sha256"] for (facts,) in leaves] == [made["content_sha256"]]
    assert of(case) not in json.dumps(leaves)


async def test_each_export_needs_a_purpose_and_is_on_the_read_log(world: World) -> None:
    case = await a_case(world, size=1)
    client = world.client("prosper")
    for path in ("subject-access-exports", "disclosure-statements"):
        for body in ({}, {"purpose": "curiosity", "reference": "X"}, {"purpose": "access_request"}):
            assert (await client.post(f"/v1/people/{of(case)}/{path}", json=body)).status_code == 422
        assert (await client.post(f"/v1/people/{of(case)}/{path}", json=WHY)).status_code == 200
    with world.owner() as connection:
        entries = connection.execute(
            "SELECT permission, purpose, case_ids[1]::text FROM read_entries WHERE purpose IS NOT NULL ORDER BY id"
        ).fetchall()
    assert entries == [
        ("subject_access:export", "access_request", case["id"]),
        ("disclosure:export", "access_request", case["id"]),
    ]


async def test_nobody_else_gets_the_file_and_an_erased_one_is_gone(world: World) -> None:
    case = await a_case(world, size=2)
    for path in ("subject-access-exports", "disclosure-statements"):
        for username in ("camille", "ines", "coralie", "pelagie", "sidonie", "aurele", "adele"):
            refused = await world.client(username).post(f"/v1/people/{of(case)}/{path}", json=WHY)
            assert refused.status_code == 403, username
        absent = await world.client("prosper").post(f"/v1/people/01890000-0000-7000-8000-000000000000/{path}", json=WHY)
        assert absent.status_code == 404
    await erased(world, of(case))
    for path in ("subject-access-exports", "disclosure-statements"):
        gone = await world.client("prosper").post(f"/v1/people/{of(case)}/{path}", json=WHY)
        assert (gone.status_code, gone.json()["type"]) == (410, "/v1/problems/subject-erased")
    left = await export(world, of(case, 1))
    assert left.json()["redactions"]["other_members"] == 0


# Disclosures


async def test_the_statement_names_each_organization_what_why_and_until_when(world: World) -> None:
    case = await the_ombrefeuils(world)
    await world.client("pelagie").get(f"/v1/cases/{case['id']}")
    answer = await world.client("prosper").post(f"/v1/people/{of(case)}/disclosure-statements", json=WHY)
    assert answer.status_code == 200, answer.text
    stated = answer.json()
    assert stated["case_reference"] == case["reference"]
    by_kind = {(row["recipient_kind"], row["recipient"]): row for row in stated["disclosures"]}
    partner = by_kind["organization", "Le Phare du Bas-du-Fleuve"]
    assert partner["field_groups"] == sorted(sights_of(Role.partner))
    assert {"identifiers", "claim"}.isdisjoint(partner["field_groups"])
    assert partner["source"] == "assignment"
    assert partner["from_at"] < partner["until_at"]
    assert partner["reads"] == 1
    assert partner["first_read_at"] == partner["last_read_at"]
    made = stated.pop("manifest")
    assert made["rows"] == {"disclosures": len(stated["disclosures"])}
    assert made["content_sha256"] == hashlib.sha256(rfc8785.dumps(stated)).hexdigest()


async def test_a_view_is_stated_until_it_really_ended(world: World) -> None:
    case = await the_ombrefeuils(world)
    with world.owner() as connection:
        connection.execute(
            "UPDATE agreements SET ended_at = now() WHERE organization_id = %s", (world.key("le-phare"),)
        )
        [ended] = connection.execute("SELECT DISTINCT ended_at FROM agreements WHERE ended_at IS NOT NULL").fetchall()
    stated = (await world.client("prosper").post(f"/v1/people/{of(case)}/disclosure-statements", json=WHY)).json()
    shown_to = {(row["recipient_kind"], row["source"]): row for row in stated["disclosures"]}
    partner = shown_to["organization", "assignment"]
    assert partner["until_at"] == ended[0].isoformat()
    assert partner["reads"] == 0


async def test_a_case_nobody_was_shown_has_an_empty_statement(world: World) -> None:
    case = await a_case(world, size=1)
    stated = await world.client("prosper").post(
        f"/v1/people/{of(case)}/disclosure-statements", json=WHY, headers={"Accept": "text/html"}
    )
    assert stated.headers["content-type"] == "text/html; charset=utf-8"
    assert "Rien n&#x27;est inscrit." in stated.text
    assert "Nothing is recorded." in stated.text


async def test_a_request_that_waits_is_told_to_the_person(world: World) -> None:
    case = await a_case(world, size=1)
    await asked(world, of(case))
    told = (await export(world, of(case))).json()
    assert [row["status"] for row in told["sections"]["erasure_requests"]] == ["requested"]
