"""Edge cases 1 to 7 and 25 of domain.md §7 about people and households, each one story through the HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from tests.builders import a_case
from tests.households.people import UNKNOWN, a_member, amend, day, fault_of, person_path, read, tell, told
from tests.privacy import stories

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def found_by(world: World, name: str) -> list[str]:
    client = world.client("camille", **{"X-Purpose-of-Use": "case_management"})
    answer = told(await client.post("/v1/case-searches", json={"name": name}))
    return [one["case"]["id"] for one in answer["items"]]


async def test_edge_case_01_names_are_kept_as_they_are_given(world: World) -> None:
    """§7.1: one name, long, non-Latin; parts free, original script and aliases beside, none mandatory alone."""
    long = "Ambroisine-Séraphique " * 8 + "Vauclarin"
    names: list[dict[str, Any]] = [
        {"full": "Zarhélie"},
        {"original_script": "أورسان فلكيندور"},
        {"family": ["Oyelindara"]},
        {"full": long, "aliases": ["Séra"], "others": [{"kind": "religious", "full": "Sœur Vauclarine"}]},
    ]
    members = [{**a_member(relation="principal" if not place else "other"), "name": name}
               for place, name in enumerate(names)]  # fmt: skip
    case = await a_case(world, members=members, consents=[])
    shown = [one["name"]["full"] for one in case["household"]["members"]]
    assert shown == ["Zarhélie", "أورسان فلكيندور", "Oyelindara", long]
    assert await found_by(world, "Orsan Felkindour") == [case["id"]]
    assert await found_by(world, "Vauclarine") == [case["id"]]
    nobody = {"programme": "asylum", "members": [{**a_member(), "name": {"aliases": ["Séra"]}}]}
    assert (await world.client("camille").post("/v1/cases", json=nobody)).json()["errors"][0]["code"] == "no_name"
    whose_order = {"given": ["Séra"], "family": ["Vauclarin"]}
    ordered = {"programme": "asylum", "members": [{**a_member(), "name": whose_order}]}
    assert (await world.client("camille").post("/v1/cases", json=ordered)).status_code == 422


async def test_edge_case_02_a_birth_date_is_known_as_far_as_it_is_and_no_further(world: World) -> None:
    """§7.2: recorded incomplete, never invented; an age that a partial date leaves open is asked, not computed."""
    turning = str(clock.today().year - 18)
    members = [a_member(birth=UNKNOWN), a_member("Deux", "other", birth=day(turning)),
               a_member("Trois", "child", birth=day("2015-07"))]  # fmt: skip
    case = await a_case(world, members=members, consents=[])
    shown = [(one["birth"], one["is_adult"]) for one in case["household"]["members"]]
    assert shown == [(UNKNOWN, None), (day(turning), None), (day("2015-07"), False)]
    stated = told(await amend(world, person_path(case, 1), is_adult=True))
    assert (stated["birth"], stated["is_adult"]) == (day(turning), True)


async def test_edge_case_03_two_people_on_one_identifier_are_two_people(world: World) -> None:
    """§7.3: the identifier is no key; likeness is told with reasons, nothing merges by itself, a merge is undone."""
    uci = {"type": "uci", "value": "00-7777-0001", "issued_on": "2026-01-05", "expires_on": "2031-01-05"}
    one = await a_case(
        world, members=[a_member("Orsane Velquindor", birth=day("1988-02-03"), identifiers=[uci])], consents=[]
    )
    two = await a_case(
        world, members=[a_member("Brunehilde Ostrava", birth=day("1961-11-20"), identifiers=[uci])], consents=[]
    )
    who, other = [case["household"]["members"][0]["person_id"] for case in (one, two)]
    client = world.client("camille", **{"X-Purpose-of-Use": "case_management"})
    found = told(await client.post("/v1/duplicates/searches", json={"person_id": who}))["items"]
    assert not [candidate for candidate in found if candidate["likely"]]
    body = {"duplicate_id": other, "reason": "Même numéro."}
    merge = told(await world.client("camille").post(f"/v1/people/{who}/merges", json=body), 201)
    assert (await read(world, f"/v1/cases/{two['id']}"))["household"]["members"] == []
    version = {"If-Match": f'"{merge["version"]}"'}
    told(await world.client("camille", **version).delete(f"/v1/merges/{merge['id']}"))
    back = (await read(world, f"/v1/cases/{two['id']}"))["household"]["members"]
    assert [(person["person_id"], person["identifiers"][0]["value"]) for person in back] == [(other, "00-7777-0001")]


async def test_edge_case_04_a_family_is_born_joined_parted_and_mourned(world: World) -> None:
    """§7.4: births, deaths, divorce, an adult child, a later spouse: dated membership, each case with its history."""
    members = [a_member(), a_member("Isaure Karnec", "spouse"), a_member("Aîné", "child", birth=day("2005-01"))]
    case = await a_case(world, members=members, consents=[])
    path, today = f"/v1/cases/{case['id']}", clock.today().isoformat()
    first, spouse, grown = [one["person_id"] for one in case["household"]["members"]]
    born = {"how": "birth", "member": a_member("Benjamine", "child", birth=day(today))}
    child = told(await tell(world, f"{path}/members", born, of=path), 201)["person_id"]
    left = {"people": [grown], "principal_id": grown, "reason": "adult_child"}
    alone = told(await tell(world, f"{path}/splits", left, of=path), 201)
    divorce = {"people": [spouse, child], "principal_id": spouse, "reason": "separation"}
    apart = told(await tell(world, f"{path}/splits", divorce, of=path), 201)
    later = {"how": "arrival", "member": a_member("Maël Nouvel", "spouse")}
    told(await tell(world, f"/v1/cases/{alone['id']}/members", later, of=f"/v1/cases/{alone['id']}"), 201)
    grave = f"/v1/cases/{apart['id']}/people/{spouse}"
    told(await tell(world, f"{grave}/death", {"occurred": day(today), "new_principal": child}, of=grave))
    living = {key: [one["person_id"] for one in (await read(world, f"/v1/cases/{key}"))["household"]["members"]]
              for key in (case["id"], alone["id"], apart["id"])}  # fmt: skip
    assert (living[case["id"]], living[apart["id"]], len(living[alone["id"]])) == ([first], [child], 2)
    history = (await read(world, f"{grave}/history"))["memberships"]
    assert [(one["case_id"], one["end_reason"]) for one in history] == [
        (case["id"], "split_off"), (apart["id"], "deceased"),
    ]  # fmt: skip


async def test_edge_case_05_relatives_who_depend_on_each_other_are_kept_together(world: World) -> None:
    """§7.5: two households, one link, told at both ends to whoever places either."""
    mother = await a_case(world, members=[a_member("Orsane Velquindor")], consents=[])
    son = await a_case(world, members=[a_member("Lumiel Velquindor")], consents=[])
    path = f"/v1/cases/{mother['id']}"
    told(await tell(world, f"{path}/links", {"other_case_id": son["id"], "kind": "keep_together"}, of=path), 201)
    for at, other in ((mother, son), (son, mother)):
        [link] = (await read(world, f"/v1/cases/{at['id']}/links"))["items"]
        assert (link["kind"], link["other_case_id"], link["ended_at"]) == ("keep_together", other["id"], None)


async def test_edge_case_06_an_unaccompanied_minor_is_represented_and_never_matched(world: World) -> None:
    """§7.6: the PRAIDA route, a designated representative, no matching, even beside an adult of the same case."""
    child = a_member("Timéo Ombrefeuil", birth=day("2013-05"), unaccompanied_minor=True)
    adult = a_member("Un voisin", "other", birth=day("1980"))
    case = await a_case(world, members=[child, adult], consents=[])
    path = person_path(case)
    named = {
        "kind": "designated_representative",
        "representative": {"name": "Solveig Karnec"},
        "appointed_on": "2026-10-01",
    }
    shown = told(await tell(world, f"{path}/representatives", named, of=path), 201)
    assert (shown["unaccompanied_minor"], shown["representatives"][0]["ended_on"]) == (True, None)
    offer = {"case_id": case["id"], "capacity_id": str(world.key("le-phare/10043")), "reason": "Place libre."}
    for asked, body in ((f"/v1/cases/{case['id']}/recommendations", None), ("/v1/offers", offer)):
        refused = await world.client("camille").post(asked, json=body)
        assert refused.status_code == 409, refused.text
        assert "unaccompanied_minor" in refused.json()["rules"]
    grown = {"relation": "principal", "name": {"full": "Adulte"}, "birth": day("1980"), "unaccompanied_minor": True}
    refused = await world.client("camille").post("/v1/cases", json={"programme": "asylum", "members": [grown]})
    assert fault_of(refused) == (422, "not_a_minor", "/members/0/unaccompanied_minor")


async def test_edge_case_07_a_household_holds_people_of_several_statuses(world: World) -> None:
    """§7.7: a newborn citizen and a dependant outside the claim live with claimants; each says what they are."""
    case = await a_case(world, members=[a_member()], consents=[])
    path, today = f"/v1/cases/{case['id']}", clock.today().isoformat()
    citizen = {"nationalities": [{"code": "CAN", "words": "née ici"}]}
    born = {"how": "birth", "member": a_member("Anouk", "child", birth=day(today), description=citizen)}
    newborn = told(await tell(world, f"{path}/members", born, of=path), 201)
    outside = a_member("Nour", "parent", description={"family_status": {"words": "hors de la demande"}})
    dependant = told(await tell(world, f"{path}/members", {"how": "arrival", "member": outside}, of=path), 201)
    assert newborn["description"]["nationalities"] == [{"code": "CAN", "words": "née ici"}]
    assert (newborn["identifiers"], dependant["relation"]) == ([], "parent")
    assert len((await read(world, path))["household"]["members"]) == 3
    assert {"name", "birth"} <= set(newborn)
    assert (await world.client("pelagie").get(f"{path}/people/{newborn['person_id']}")).status_code == 404


async def test_edge_case_25_the_dead_the_mistaken_and_whoever_asks_for_their_file(world: World) -> None:
    """§7.25: the dead keep their record; a file opened on the wrong person is corrected with its history; an access
    request is answered with the person's own changes, and never names another.
    """
    members = [a_member("Orsane Velquindor"), a_member("Isaure Karnec", "spouse")]
    case = await a_case(world, members=members, consents=[])
    first, spouse = [one["person_id"] for one in case["household"]["members"]]
    path = person_path(case)
    told(await amend(world, path, reason="correction", name={"full": "Ursanne Velquindor"}))
    dead = person_path(case, 1)
    told(await tell(world, f"{dead}/death", {"occurred": day(clock.today().isoformat())}, of=dead))
    assert (await read(world, dead))["name"]["full"] == "Isaure Karnec"
    asking = {"purpose": "access_request", "reference": "ACC-2026-9"}
    answer = told(await world.client("prosper").post(f"/v1/people/{first}/subject-access-exports", json=asking))
    [change] = answer["sections"]["changes"]
    assert (change["name"]["full"], change["reason"]) == ("Orsane Velquindor", "correction")
    assert answer["person"]["name"]["full"] == "Ursanne Velquindor"
    assert "Karnec" not in str(answer)
    await stories.erased(world, spouse)
    assert (await world.client("camille").get(dead)).status_code == 410
