"""Issue 4's bad input, further: days that cannot both be true, and who cannot consent. Each refused in both languages,
its field named, nothing half-written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_case, accepted, an_offer
from tests.cases.claims import a_claim_status, a_status, on, stepped
from tests.duplicates.test_merges import first_of
from tests.edge_cases.test_bad_input import pointers, refused, written
from tests.household_imports.sheets import of_two, report_of, workbook
from tests.households.people import a_member, day, person_path, read, tell, told
from tests.lodging.shelters import a_shelter, lodged
from tests.placement.households import a_consent

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


def a_word(case: dict[str, Any], **changes: Any) -> dict[str, Any]:
    said = {name: value for name, value in a_consent(0).items() if name != "member"}
    return {**said, "person_id": first_of(case), **changes}


async def test_a_consent_that_ends_before_it_is_given(world: World) -> None:
    case = await a_case(world, size=1)
    path = f"/v1/cases/{case['id']}"
    answer = await refused(world, f"{path}/consents", a_word(case, occurred_on=on(-2), expires_on=on(-3)), of=path)
    assert pointers(answer) == ["/expires_on"]
    taken_in = {"programme": "asylum", "members": [a_member()], "consents": [a_consent(0, expires_on=on(-3))]}
    assert pointers(await refused(world, "/v1/cases", taken_in)) == ["/consents/0/expires_on"]


async def test_a_birth_and_a_claim_status_that_have_not_happened_yet(world: World) -> None:
    born = {"programme": "asylum", "members": [a_member(birth=day("2099-01-01"))]}
    assert pointers(await refused(world, "/v1/cases", born))[0].startswith("/members/0/birth")
    case = await a_case(world, size=1)
    said = {"person_id": first_of(case), "said": a_status("referred", 2)}
    assert pointers(await refused(world, f"/v1/cases/{case['id']}/claim-statuses", said)) == ["/said/occurred_on"]


async def test_a_member_who_leaves_before_having_come(world: World) -> None:
    case = await a_case(world, members=[a_member(), a_member("Nour", "sibling")], consents=[])
    path = f"{person_path(case, 1)}/leave"
    leaving = {"reason": "left", "ends_on": "1999-01-01"}
    answer = await refused(world, path, leaving, of=f"/v1/cases/{case['id']}")
    assert pointers(answer) == ["/ends_on"]


async def test_an_arrival_before_the_departure_and_a_departure_before_the_offer(world: World) -> None:
    case = await a_case(world, size=1)
    offer = await accepted(world, case, await an_offer(world, case))
    path = f"/v1/assignments/{offer['assignment_id']}"
    await stepped(world, offer["assignment_id"], "pelagie", "acknowledge")
    early = await refused(world, f"{path}/depart", {"occurred_on": "1999-01-01"}, of=path, by="camille")
    assert pointers(early) == ["/occurred_on"]
    await stepped(world, offer["assignment_id"], "camille", "depart", {"occurred_on": on()})
    sooner = await refused(world, f"{path}/arrive", {"occurred_on": on(-1)}, of=path, by="pelagie")
    assert pointers(sooner) == ["/occurred_on"]


async def test_a_stay_that_ends_before_it_began(world: World) -> None:
    site, other = await a_shelter(world, "Refuge des Ormes", 6), await a_shelter(world, "Refuge des Aulnes", 6)
    case, stay = await lodged(world, site, 2)
    ended = await refused(world, f"/v1/lodgings/{stay['id']}/end", {"ends_on": on(-40)}, tag='"1"')
    assert pointers(ended) == ["/ends_on"]
    moved = {"site_id": other["id"], "starts_on": on(-40)}
    assert pointers(await refused(world, f"/v1/cases/{case['id']}/lodgings", moved)) == ["/starts_on"]
    later = {"site_id": other["id"], "starts_on": on(1)}
    assert pointers(await refused(world, f"/v1/cases/{case['id']}/lodgings", later)) == ["/starts_on"]


async def test_two_members_of_whom_both_are_the_principal(world: World) -> None:
    """Nobody is in two households, and no household has two principals."""
    taken_in = {"programme": "asylum", "members": [a_member(), a_member("Nour")]}
    assert pointers(await refused(world, "/v1/cases", taken_in))[0].startswith("/members")


async def test_a_status_before_the_one_it_must_follow_and_after_a_decision(world: World) -> None:
    case = await a_case(world, size=1)
    await a_claim_status(world, case, **a_status("referred", -9))
    await a_claim_status(world, case, **a_status("accepted", -3))
    for status, days in (("acknowledged", -1), ("hearing_scheduled", -2)):
        said = {"person_id": first_of(case), "said": a_status(status, days)}
        answer = await refused(world, f"/v1/cases/{case['id']}/claim-statuses", said)
        assert (answer["earlier"], answer["later"]) == ("accepted", status)


async def test_a_consent_by_somebody_who_died_or_of_whom_nobody_knows_whether_they_are_adult(world: World) -> None:
    case = await a_case(
        world,
        members=[a_member(), a_member("Nour", "sibling", birth={"value": None, "precision": "unknown"})],
        consents=[],
    )
    path, unsure = f"/v1/cases/{case['id']}", case["household"]["members"][1]["person_id"]
    assert case["household"]["members"][1]["is_adult"] is None
    assert pointers(await refused(world, f"{path}/consents", a_word(case, person_id=unsure), of=path)) == ["/person_id"]
    died = {"occurred": day(on(-1)), "new_principal": unsure}
    told(await tell(world, f"{person_path(case)}/death", died, of=person_path(case)), 200)
    answer = await world.client("camille", **{"If-Match": f'"{(await read(world, path))["version"]}"'}).post(
        f"{path}/consents", json=a_word(case)
    )
    # Whoever died belongs to no household any more.
    assert answer.status_code == 404, answer.text


async def test_an_identifier_on_two_members_of_one_household_is_taken_in_and_told(world: World) -> None:
    """Two people on one UCI happens inside a family too (domain.md §7.3): nobody is refused for it."""
    uci = [{"type": "uci", "value": "00-7777-0002"}]
    members = [a_member(identifiers=uci), a_member("Nour", "spouse", identifiers=uci)]
    case = await a_case(world, members=members, consents=[])
    assert len((await read(world, f"/v1/cases/{case['id']}"))["household"]["members"]) == 2


async def test_a_csv_and_a_sheet_of_faults_alone_store_nobody(world: World) -> None:
    rows = []
    for number in range(20):
        principal, child = of_two(f"M-{number:03}")
        principal[2], child[6] = "2099-01-01", "31 mai"
        rows += [principal, child]
    before = written(world)
    report = await report_of(world.client("ines"), workbook(rows))
    assert (report["stored"], report["refused"], len(report["faults"])) == (0, 20, 40)
    changed = {name for name, count in written(world).items() if count != before[name]}
    assert changed <= {"idempotency_records"}
