"""Notes with who may read them, needs and wishes with their dates (domain.md §2, access.md §1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_case, accepted, an_offer
from tests.cases.claims import arrived, on
from tests.milestones.steps import grant
from tests.placement.households import problem
from tests.privacy.stories import erased

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def noting(world: World, case: dict[str, Any], text: str, by: str = "camille", **more: Any) -> httpx.Response:
    body = {"occurred_on": on(), "text": text, **more}
    return await world.client(by).post(f"/v1/cases/{case['id']}/notes", json=body)


async def texts(world: World, case: dict[str, Any], by: str) -> list[str | None]:
    answer = await world.client(by).get(f"/v1/cases/{case['id']}/notes")
    assert answer.status_code == 200, answer.text
    return [note["text"] for note in answer.json()["items"]]


async def saying(world: World, case: dict[str, Any], what: str, by: str = "camille", **said: Any) -> httpx.Response:
    body = {"said": {"occurred_on": on(), **said}}
    return await world.client(by).post(f"/v1/cases/{case['id']}/{what}", json=body)


async def a_hosted_case(world: World) -> dict[str, Any]:
    case = await a_case(world, size=1)
    await arrived(world, await accepted(world, case, await an_offer(world, case)))
    return case


async def test_each_reads_what_is_meant_for_them(world: World) -> None:
    case = await a_hosted_case(world)
    grant(world, case, to="racines-d-estrie")
    assert (await noting(world, case, "Pour le bureau")).json()["visibility"] == "staff"
    assert (await noting(world, case, "Pour tous", visibility="shared")).status_code == 201
    assert (await noting(world, case, "Vu au Phare", "pelagie")).json()["organization_id"] == str(world.key("le-phare"))
    assert (await noting(world, case, "Vu en Estrie", "raoul")).status_code == 201
    everything = ["Vu en Estrie", "Vu au Phare", "Pour tous", "Pour le bureau"]
    for who in ("camille", "octave", "coralie", "prosper"):
        assert await texts(world, case, who) == everything, who
    assert await texts(world, case, "pelagie") == ["Vu au Phare", "Pour tous"]
    assert await texts(world, case, "raoul") == ["Vu en Estrie", "Pour tous"]
    for who in ("sidonie", "melchior", "aurele", "adele"):
        assert (await world.client(who).get(f"/v1/cases/{case['id']}/notes")).status_code == 403, who


async def test_row_security_alone_keeps_the_staffs_notes_from_the_host(world: World) -> None:
    case = await a_hosted_case(world)
    await noting(world, case, "Pour le bureau")
    world.app.state.gates_enforced = False
    assert await texts(world, case, "pelagie") == []


async def test_a_host_hides_nothing_from_the_staff(world: World) -> None:
    case = await a_hosted_case(world)
    refused = await noting(world, case, "Entre nous", "pelagie", visibility="staff")
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/visibility"]


async def test_a_note_is_sealed_and_goes_with_the_person_it_is_about(world: World) -> None:
    case = await a_case(world, size=2)
    first, second = [member["person_id"] for member in case["household"]["members"]]
    await noting(world, case, "Soudeuse à Norvalis", person_id=first)
    await noting(world, case, "Couturier", person_id=second)
    await noting(world, case, "Ménage discret")
    with world.owner() as connection:
        stored = connection.execute("SELECT sealed_text FROM case_notes").fetchall()
    assert b"Norvalis" not in b"".join(bytes(row[0]) for row in stored)
    await erased(world, first)
    assert await texts(world, case, "camille") == ["Ménage discret", "Couturier", None]
    again = await noting(world, case, "Encore", person_id=first)
    assert problem(again) == (410, "subject-erased")


async def test_what_is_needed_last_counts_whenever_it_was_written_down(world: World) -> None:
    case = await a_case(world, size=1)
    assert (await saying(world, case, "needs", services=["employment"], bedrooms=3)).json()["current"] is True
    late = await saying(world, case, "needs", occurred_on=on(-9), services=["francization"])
    assert late.json()["current"] is False
    seen = (await world.client("camille").get(f"/v1/cases/{case['id']}")).json()
    assert seen["needs"] == {"services": ["employment"], "interpreter_languages": [], "bedrooms": 3}
    page = (await world.client("camille").get(f"/v1/cases/{case['id']}/needs")).json()["items"]
    assert [(one["occurred_on"], one["current"]) for one in page] == [(on(), True), (on(), False), (on(-9), False)]
    assert page[0]["recorded_by"] == str(world.key("camille"))


async def test_a_new_wish_moves_the_recommendation(world: World) -> None:
    case = await a_case(world, size=1)
    choices = [{"kind": "avoid", "code": "01"}]
    assert (await saying(world, case, "preferences", choices=choices)).status_code == 201
    made = await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")
    assert {place["region_code"] for place in made.json()["ranked"]}.isdisjoint({"01"})
    etag = (await world.client("camille").get(f"/v1/cases/{case['id']}")).headers["etag"]
    assert etag == f'"{case["version"] + 1}-caseworker"'


async def test_regions_and_hosts_read_needs_and_write_none(world: World) -> None:
    case = await a_hosted_case(world)
    for who in ("coralie", "pelagie"):
        assert (await world.client(who).get(f"/v1/cases/{case['id']}/needs")).status_code == 200
        assert (await saying(world, case, "needs", who)).status_code == 403
    assert (await world.client("pelagie").get(f"/v1/cases/{case['id']}/preferences")).status_code == 403
    world.app.state.gates_enforced = False
    assert (await saying(world, case, "needs", "pelagie")).status_code == 404
