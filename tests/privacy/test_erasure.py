"""A person is erased by destroying a key: what was sealed is gone, what the log committed to still verifies."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from casework.demo.families import family
from casework.kernel.ids import new_id
from casework.kernel.sealing import CannotOpen
from casework.surface import routes_of
from casework.verify import verify_files
from tests.builders import a_case, accepted, an_offer
from tests.privacy.opening import key_now, openings
from tests.privacy.stories import asked, decide, erased, noted, people_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_nothing_of_an_erased_person_opens_any_more(world: World) -> None:
    case = await a_case(world, size=3)
    first, second, third = people_of(case)
    await noted(world, case, first, "Soudeuse de métier, atelier de Norvalis")
    await noted(world, case, second, "Couturier")
    keys = {person: key_now(world, person) for person in (first, second, third)}
    before = openings(world, keys[first])
    assert sorted(set(before)) == [
        "identifiers/sealed_value", "log_openings/sealed", "milestones/sealed_evidence", "milestones/sealed_note",
        "persons/sealed_birth", "persons/sealed_contact", "persons/sealed_name",
    ]  # fmt: skip
    others = {person: openings(world, keys[person]) for person in (second, third)}

    done = await erased(world, first)

    assert (done["status"], done["last_of_household"], done["openings_destroyed"]) == ("done", False, 1)
    with pytest.raises(CannotOpen):
        key_now(world, first)
    # Not even with a copy of the key kept from before: the sealed values themselves are gone from the tables.
    assert openings(world, keys[first]) == []
    assert {person: openings(world, keys[person]) for person in (second, third)} == others
    assert openings(world, key_now(world, second))


async def test_the_case_reads_on_and_says_who_was_erased(world: World) -> None:
    case = await a_case(world, size=3)
    gone, *stay = people_of(case)
    milestone = await noted(world, case, gone, "Soudeuse de métier")
    await erased(world, gone)
    for reader in ("camille", "basile", "prosper"):
        answer = await world.client(reader).get(f"/v1/cases/{case['id']}")
        assert answer.status_code == 200, answer.text
        mark, *left = answer.json()["household"]["members"]
        assert mark["person_id"] == gone
        assert set(mark) == {"person_id", "erased"}
        assert (mark["erased"]["fr"], mark["erased"]["en"]) == ("Personne effacée", "Person erased")
        assert [member["name"] for member in left] == [m["name"] for m in case["household"]["members"][1:]]
        assert [member["person_id"] for member in left] == stay
    read = await world.client("camille").get(f"/v1/milestones/{milestone}")
    assert read.status_code == 200
    assert (read.json()["note"], read.json()["evidence"]["reference"], read.json()["code"]) == (
        None, None, "SKILLS_DECLARED",
    )  # fmt: skip
    again = await world.client("camille").post(
        f"/v1/cases/{case['id']}/milestones",
        json={
            "code": "EQUIVALENCE_REQUESTED",
            "person_id": gone,
            "outcome": "done",
            "occurred_on": {"value": None, "precision": "unknown"},
        },
    )
    assert (again.status_code, again.json()["type"]) == (410, "/v1/problems/subject-erased")


async def test_those_who_stay_are_placed_without_the_erased(world: World) -> None:
    case = await a_case(world, size=3)
    await erased(world, people_of(case)[2])
    offer = await an_offer(world, case)
    assert offer["persons"] == 2


async def test_an_etag_of_before_is_stale(world: World) -> None:
    case = await a_case(world, size=2)
    before = await world.client("camille").get(f"/v1/cases/{case['id']}")
    await erased(world, people_of(case)[1])
    after = await world.client("camille").get(
        f"/v1/cases/{case['id']}", headers={"If-None-Match": before.headers["etag"]}
    )
    assert after.status_code == 200
    assert "erased" in after.json()["household"]["members"][1]


# The last person takes the household along


async def test_with_its_last_person_the_household_goes(world: World) -> None:
    case = await a_case(world, size=2)
    household, (first, second) = case["household"]["id"], people_of(case)
    recommended = await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")
    assert recommended.status_code == 201
    offer = await an_offer(world, case, recommendation_id=recommended.json()["id"])
    withdrawn = await world.client("camille").post(
        f"/v1/offers/{offer['id']}/withdraw", json={"reason": "Le ménage veut être près de sa sœur."},
        headers={"If-Match": '"1"'},
    )  # fmt: skip
    assert withdrawn.status_code == 200, withdrawn.text
    kept = key_now(world, household)
    assert (await erased(world, first))["last_of_household"] is False
    assert str(key_now(world, household).subject_id) == household
    assert (await erased(world, second))["last_of_household"] is True
    with pytest.raises(CannotOpen):
        key_now(world, household)
    assert openings(world, kept) == []
    with world.owner() as connection:
        for table in ("needs", "preferences", "claim_statuses", "identifiers", "recommendations", "log_openings",
                      "log_links"):  # fmt: skip
            assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,), table
        words = connection.execute(
            "SELECT o.sealed_reason, o.sealed_withdraw_reason, c.external_id, c.claimed_on, c.sealed_close_reason, c.status"
            " FROM offers o JOIN cases c ON c.id = o.case_id"
        ).fetchall()
    assert words == [(b"", None, None, None, None, "closed")]
    read = await world.client("camille").get(f"/v1/cases/{case['id']}")
    assert [set(member) for member in read.json()["household"]["members"]] == [{"person_id", "erased"}] * 2


async def test_no_road_to_an_erased_household_is_a_server_error(world: World) -> None:
    case = await a_case(world, size=1)
    [person] = people_of(case)
    milestone = await noted(world, case, person, "Boulanger")
    offer = await an_offer(world, case)
    await world.client("camille").post(
        f"/v1/offers/{offer['id']}/withdraw", json={"reason": "Trop loin."}, headers={"If-Match": '"1"'}
    )
    erasure = await erased(world, person)
    named = {
        "case_id": case["id"], "person_id": person, "milestone_id": milestone, "offer_id": offer["id"],
        "erasure_id": erasure["id"],
    }  # fmt: skip
    tried, absent = 0, str(new_id())
    for method, path, _ in routes_of(world.app):
        wanted = {name for name in named if f"{{{name}}}" in path}
        if not wanted:
            continue
        for username in ("camille", "prosper", "coralie", "pelagie"):
            answer = await world.client(username).request(
                method,
                path.format_map(defaultdict(lambda: absent, named)),
                json={"reason": "essai"} if method != "GET" else None,
                headers={"If-Match": '"3"'},
            )
            assert answer.status_code < 500, (method, path, answer.text)
            tried += 1
    assert tried > 60
    now = await world.client("camille").get(f"/v1/cases/{case['id']}")
    reopened = await world.client("camille").post(
        f"/v1/cases/{case['id']}/reopen", headers={"If-Match": now.headers["etag"]}
    )
    assert (reopened.status_code, reopened.json()["type"]) == (410, "/v1/problems/subject-erased")
    placed = await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")
    assert (placed.status_code, placed.json()["type"]) == (409, "/v1/problems/case-not-open")


async def test_a_household_with_a_place_is_not_forgotten_while_it_is_housed(world: World) -> None:
    case = await a_case(world, size=1)
    await accepted(world, case, await an_offer(world, case))
    answer = await decide(world, await asked(world, people_of(case)[0]))
    assert (answer.status_code, answer.json()["type"]) == (409, "/v1/problems/case-still-placed")
    assert openings(world, key_now(world, people_of(case)[0]))


async def test_a_stored_first_answer_is_forgotten_too(world: World) -> None:
    client = world.client("camille", **{"Idempotency-Key": "intake-of-the-forgotten"})
    body = family(91, size=2).body
    case = (await client.post("/v1/cases", json=body)).json()
    await erased(world, people_of(case)[0])
    again = await client.post("/v1/cases", json=body)
    assert again.status_code == 404
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM cases").fetchone() == (1,)


# The log


async def pull(world: World, folder: Path, name: str, **query: Any) -> tuple[Path, list[dict[str, Any]]]:
    answer = await world.client("aurele").get("/v1/milestone-log", params=query)
    assert answer.status_code == 200, answer.text
    file = folder / name
    file.write_bytes(answer.content)
    return file, [json.loads(line) for line in answer.content.splitlines()]


async def test_the_log_still_verifies_and_links_nothing_to_the_erased(world: World, tmp_path: Path) -> None:
    case = await a_case(world, size=2)
    first, second = people_of(case)
    await noted(world, case, first, "Soudeuse")
    await noted(world, case, second, "Couturier")
    await world.sequence()
    vkey = world.app.state.log_signer.vkey("milestones")
    old, [manifest, *entries] = await pull(world, tmp_path, "before.jsonl")
    proven, _ = await pull(world, tmp_path, "proven.jsonl", proofs="true")
    assert verify_files([old], manifest["checkpoint"], vkey).ok
    assert len({entry["case"] for entry in entries}) == 1
    assert None not in {entry["case"] for entry in entries}

    await erased(world, first)
    await world.sequence()

    new, [extended, *after] = await pull(world, tmp_path, "after.jsonl", consistency_from=manifest["size"])
    assert verify_files([new], manifest["checkpoint"], vkey).ok, "the tree only grew"
    assert verify_files([old], manifest["checkpoint"], vkey).ok, "an export of before stays good"
    assert verify_files([proven], manifest["checkpoint"], vkey).ok, "so does every older inclusion proof"
    assert extended["size"] == manifest["size"] + 1
    assert [entry["leaf"] for entry in after[:-1]] == [entry["leaf"] for entry in entries]
    assert [entry["case"] is None for entry in after] == [True, False, True]
    told = after[-1]["leaf"]
    assert (told["type"], told["facts"]) == (
        "subject.erased",
        {"reason": "purpose_achieved", "rule": None, "household": False, "openings_destroyed": 1},
    )
    for secret in (first, second, case["id"], case["reference"]):
        assert secret not in new.read_text(encoding="utf-8")
