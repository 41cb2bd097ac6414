"""People as they are: what is known of them, amended, and nothing that is missing invented."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from casework.kernel import clock
from tests.builders import a_case
from tests.households.people import UNKNOWN, a_member, amend, day, fault_of, person_path, read, tell, told

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_name_amended_leaves_its_history_and_is_found_by_both_names(world: World) -> None:
    case = await a_case(world, members=[a_member("Velquindor Orsane", identifiers=[])], consents=[])
    path = person_path(case)
    changed = told(
        await amend(world, path, reason="chosen_name", name={"full": "Lumiel Velquindor", "aliases": ["Lu"]})
    )
    assert changed["name"]["full"] == "Lumiel Velquindor"
    assert changed["name"]["others"][0] | {"original_script": None} == {
        "kind": "former", "full": "Velquindor Orsane", "original_script": None,
    }  # fmt: skip
    history = await read(world, f"{path}/history")
    assert [one["name"]["full"] for one in history["versions"]] == ["Velquindor Orsane"]
    assert (history["versions"][0]["birth"], history["versions"][0]["reason"]) == (None, "chosen_name")
    for asked in ("Lumiel Velquindor", "Orsane Velquindor"):
        searching = world.client("camille", **{"X-Purpose-of-Use": "case_management"})
        found = (await searching.post("/v1/case-searches", json={"name": asked})).json()["items"]
        assert [one["case"]["id"] for one in found] == [case["id"]], asked


async def test_a_change_is_of_the_version_that_was_read(world: World) -> None:
    case = await a_case(world, size=1)
    path = person_path(case)
    told(await amend(world, path, description={"pronouns": "iel"}))
    client = world.client("camille", **{"Content-Type": "application/merge-patch+json"})
    body = b'{"reason": "correction", "description": {"pronouns": "il"}}'
    assert (await client.patch(path, content=body)).status_code == 428
    assert (await client.patch(path, content=body, headers={"If-Match": '"1"'})).status_code == 412
    assert (await read(world, path))["description"] == {"pronouns": "iel"}
    assert (await read(world, f"/v1/cases/{case['id']}"))["version"] == 2


async def test_a_merge_patch_changes_what_it_names_and_null_removes(world: World) -> None:
    case = await a_case(
        world, members=[a_member(contact={"phone": "+1 514 555 0101", "email": "o@exemple.test"})], consents=[]
    )
    path = person_path(case)
    described = {"gender": {"code": "non_binary", "words": "agenre"}, "pronouns": "iel"}
    changed = told(await amend(world, path, contact={"email": None}, description=described))
    assert (changed["contact"], changed["description"]) == ({"phone": "+1 514 555 0101"}, described)
    changed = told(await amend(world, path, description={"gender": {"words": None}}, contact=None))
    assert changed["description"] == {"gender": {"code": "non_binary"}, "pronouns": "iel"}
    assert changed["contact"] is None
    assert fault_of(await amend(world, path, name={"full": None})) == (422, "no_name", "/name")


async def test_an_age_is_what_the_birth_date_settles_and_never_a_guess(world: World) -> None:
    case = await a_case(world, members=[a_member(birth=UNKNOWN)], consents=[])
    path = person_path(case)
    assert (await read(world, path))["is_adult"] is None
    assert told(await amend(world, path, is_adult=True))["is_adult"] is True
    child = f"{clock.today().year - 5}"
    assert fault_of(await amend(world, path, birth=day(child), is_adult=True)) == (422, "contradiction", "/is_adult")
    settled = told(await amend(world, path, birth=day(child)))
    assert (settled["is_adult"], settled["birth"]) == (False, {"value": child, "precision": "year"})
    versions = (await read(world, f"{path}/history"))["versions"]
    assert versions[0]["birth"] == UNKNOWN


async def test_a_document_that_was_replaced_still_finds_its_bearer(world: World) -> None:
    old = {"type": "passport", "value": "ZX-10-77", "issued_on": "2015-03-01", "expires_on": "2025-03-01"}
    case = await a_case(world, members=[a_member(identifiers=[old])], consents=[])
    path = person_path(case)
    new = {**old, "value": "ZX-20-88", "issued_on": "2025-02-01", "expires_on": "2035-02-01"}
    changed = told(await amend(world, path, identifiers=[new]))
    held = [(one["value"], one["issued_on"], one["ended_at"] is None) for one in changed["identifiers"]]
    assert held == [("ZX-10-77", "2015-03-01", False), ("ZX-20-88", "2025-02-01", True)]
    shown = (await read(world, f"/v1/cases/{case['id']}"))["household"]["members"][0]["identifiers"]
    assert [one["value"] for one in shown] == ["ZX-20-88"]
    client = world.client("camille", **{"X-Purpose-of-Use": "case_management"})
    asked = {"identifier": {"type": "passport", "value": "zx1077"}}
    assert len((await client.post("/v1/case-searches", json=asked)).json()["items"]) == 1
    backwards = {**old, "expires_on": "2001-01-01"}
    assert fault_of(await amend(world, path, identifiers=[backwards]))[1] == "identifier_period"


async def test_a_child_alone_is_represented_by_one_person_of_a_kind_at_a_time(world: World) -> None:
    child = a_member("Timéo Ombrefeuil", birth=day("2014-05-02"), unaccompanied_minor=True)
    case = await a_case(world, members=[child], consents=[])
    path, named = person_path(case), {"kind": "designated_representative", "appointed_on": "2026-03-01"}
    first = {**named, "representative": {"name": "Solveig Karnec", "organization": "Bureau inventé"}}
    told(await tell(world, f"{path}/representatives", first, of=path), 201)
    second = {**named, "representative": {"name": "Maël Karnec"}, "appointed_on": "2026-06-01"}
    person = told(await tell(world, f"{path}/representatives", second, of=path), 201)
    shown = [(one["representative"]["name"], one["ended_on"]) for one in person["representatives"]]
    assert shown == [("Solveig Karnec", "2026-06-01"), ("Maël Karnec", None)]
    assert fault_of(await tell(world, f"{path}/representatives", first, of=path))[1] == "before_the_last"
    grown = await a_case(world, size=1)
    answer = await tell(world, f"{person_path(grown)}/representatives", first, of=person_path(grown))
    assert fault_of(answer)[1] == "not_a_minor"


async def test_the_newborn_belongs_to_the_household_from_the_day_of_birth(world: World) -> None:
    case = await a_case(world, size=2)
    born_on = clock.today().isoformat()
    newborn = a_member("Anouk Velquindor", "child", birth=day(born_on))
    path = f"/v1/cases/{case['id']}"
    person = told(await tell(world, f"{path}/members", {"how": "birth", "member": newborn}, of=path), 201)
    assert (person["is_adult"], person["relation"]) == (False, "child")
    assert len((await read(world, path))["household"]["members"]) == 3
    history = await read(world, f"{path}/people/{person['person_id']}/history")
    assert [(one["starts_on"], one["ends_on"]) for one in history["memberships"]] == [(born_on, None)]
    adult = a_member("Trop Grand", "child")
    assert (
        fault_of(await tell(world, f"{path}/members", {"how": "birth", "member": adult}, of=path))[1] == "not_a_birth"
    )
    second = {"how": "arrival", "member": a_member("Autre Chef")}
    assert fault_of(await tell(world, f"{path}/members", second, of=path))[1] == "one_principal"


async def test_the_dead_keep_their_history_and_leave_the_count(world: World) -> None:
    case = await a_case(world, members=[a_member(), a_member("Isaure Velquindor", "spouse")], consents=[])
    path, spouse = person_path(case), case["household"]["members"][1]["person_id"]
    told_of = {"occurred": day(clock.today().isoformat())}
    assert fault_of(await tell(world, f"{path}/death", told_of, of=path))[1] == "principal_needed"
    early = {"occurred": day("1950"), "new_principal": spouse}
    assert fault_of(await tell(world, f"{path}/death", early, of=path))[1] == "before_birth"
    dead = told(await tell(world, f"{path}/death", {**told_of, "new_principal": spouse}, of=path))
    assert (dead["deceased"], dead["death"], dead["relation"]) == (True, told_of["occurred"], None)
    members = (await read(world, f"/v1/cases/{case['id']}"))["household"]["members"]
    assert [(one["person_id"], one["relation"]) for one in members] == [(spouse, "principal")]
    assert (await read(world, f"{path}/history"))["memberships"][0]["end_reason"] == "deceased"
    assert (await tell(world, f"{path}/death", told_of, of=path)).status_code == 409
    heir = (await read(world, f"/v1/cases/{case['id']}/people/{spouse}/history"))["memberships"]
    assert [(one["relation"], one["end_reason"]) for one in heir] == [
        ("spouse", "relation_changed"), ("principal", None),
    ]  # fmt: skip


async def test_a_death_recorded_by_mistake_is_taken_back_and_the_mistake_stays_written(world: World) -> None:
    """The person belonged all along; who became the principal meanwhile stays so; what was recorded is in the history."""
    case = await a_case(world, members=[a_member(), a_member("Isaure Velquindor", "spouse")], consents=[])
    path, spouse = person_path(case), case["household"]["members"][1]["person_id"]
    who = case["household"]["members"][0]["person_id"]
    assert (await tell(world, f"{path}/death/undo", {}, of=path)).status_code == 409, "nobody died"
    occurred = day(clock.today().isoformat())
    told(await tell(world, f"{path}/death", {"occurred": occurred, "new_principal": spouse}, of=path))
    second = await tell(world, f"{path}/death/undo", {}, of=path)
    assert fault_of(second) == (422, "one_principal", "/relation")
    back = told(await tell(world, f"{path}/death/undo", {"relation": "spouse"}, of=path))
    assert (back["deceased"], back["death"], back["relation"]) == (False, None, "spouse")
    members = (await read(world, f"/v1/cases/{case['id']}"))["household"]["members"]
    assert {(one["person_id"], one["relation"]) for one in members} == {(who, "spouse"), (spouse, "principal")}
    history = await read(world, f"{path}/history")
    assert [(one["relation"], one["end_reason"]) for one in history["memberships"]] == [
        ("principal", "deceased"), ("spouse", None),
    ]  # fmt: skip
    [first, second] = history["memberships"]
    assert first["ends_on"] == second["starts_on"], "no day is lost"
    [kept] = history["versions"]
    assert (kept["reason"], kept["death"]) == ("correction", occurred)
    # A real death afterwards is recorded like any other.
    assert told(await tell(world, f"{path}/death", {"occurred": occurred}, of=path))["deceased"] is True


async def test_what_was_asked_of_the_one_thought_dead_is_asked_again(world: World) -> None:
    case = await a_case(world, size=2, claimed_on=clock.today().isoformat())
    place = next(n for n, one in enumerate(case["household"]["members"]) if one["relation"] != "principal")
    path, who = person_path(case, place), case["household"]["members"][place]["person_id"]

    def asked() -> int:
        with world.owner() as owner:
            sql = "SELECT count(*) FROM milestone_expectations WHERE person_id = %s AND lapsed_at IS NULL"
            return int(owner.execute(sql, (who,)).fetchall()[0][0])

    before = asked()
    assert before > 0
    told(await tell(world, f"{path}/death", {"occurred": day(clock.today().isoformat())}, of=path))
    assert asked() == 0
    told(await tell(world, f"{path}/death/undo", {}, of=path))
    assert asked() == before
    for stranger, status in (("ines", 404), ("pelagie", 403), ("aurele", 403)):
        answer = await world.client(stranger, **{"If-Match": '"3"'}).post(f"{path}/death/undo", json={})
        assert answer.status_code == status, stranger


async def test_nothing_is_asked_any_more_of_somebody_who_left(world: World) -> None:
    case = await a_case(world, size=2, claimed_on=clock.today().isoformat())
    place = next(n for n, one in enumerate(case["household"]["members"]) if one["relation"] != "principal")
    path, who = person_path(case, place), case["household"]["members"][place]["person_id"]

    def asked() -> int:
        with world.owner() as owner:
            sql = "SELECT count(*) FROM milestone_expectations WHERE person_id = %s AND lapsed_at IS NULL"
            return int(owner.execute(sql, (who,)).fetchall()[0][0])

    assert asked() > 0
    left = {"reason": "left", "ends_on": clock.today().isoformat()}
    assert told(await tell(world, f"{path}/leave", left, of=path))["relation"] is None
    assert asked() == 0
    assert (await tell(world, f"{path}/leave", left, of=path)).status_code == 409


async def test_nobody_is_in_two_households_at_once_whoever_writes(world: World) -> None:
    first, second = await a_case(world, size=1), await a_case(world, size=1)
    who = first["household"]["members"][0]["person_id"]
    add = (
        "INSERT INTO memberships (id, case_id, office_id, household_id, person_id, relation, starts_on, ends_on,"
        " end_reason) SELECT gen_random_uuid(), case_id, office_id, id, %s, 'other', %s, %s, %s FROM households"
        " WHERE case_id = %s"
    )
    today = clock.today()
    with world.owner() as owner:
        with pytest.raises(psycopg.errors.IntegrityError):
            owner.execute(add, (who, today, None, None, second["id"]))
        owner.execute("UPDATE memberships SET starts_on = starts_on - 30 WHERE person_id = %s", (who,))
        with pytest.raises(psycopg.errors.ExclusionViolation):
            owner.execute(add, (who, today - timedelta(days=9), today, "left", second["id"]))
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute("UPDATE memberships SET end_reason = 'left' WHERE person_id = %s", (who,))


async def test_what_is_told_of_a_person_stands_nowhere_in_the_tables(world: World) -> None:
    words = ("Sylvestrine", "Qornadel", "agenre", "Baudelin", "Exilarde")
    case = await a_case(
        world, members=[a_member("Qornadel Vif", description={"gender": {"words": "agenre"}})], consents=[]
    )
    path = person_path(case)
    told(await amend(world, path, name={"full": "Sylvestrine Vif"}, description={"occupation": {"words": "Exilarde"}}))
    newborn = {"how": "arrival", "member": a_member("Baudelin", "child", birth=day("2020"))}
    told(await tell(world, f"/v1/cases/{case['id']}/members", newborn, of=f"/v1/cases/{case['id']}"), 201)
    with world.owner() as connection:
        tables = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        for table in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t".encode()).fetchall()
            assert not [word for word in words for row in rows if word in row[0]], table


async def test_a_person_of_another_case_is_absent_and_hosts_see_no_history(world: World) -> None:
    first, second = await a_case(world, size=1), await a_case(world, size=1)
    crossed = f"/v1/cases/{first['id']}/people/{second['household']['members'][0]['person_id']}"
    assert (await world.client("camille").get(crossed)).status_code == 404
    assert (await world.client("pelagie").get(person_path(first))).status_code == 404
    assert (await world.client("pelagie").get(person_path(first) + "/history")).status_code == 403
