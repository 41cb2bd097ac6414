"""A threatened person's address is where two permissions meet, and nowhere else: no answer, log or search betrays it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_case, accepted, an_offer

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio
REAL = {"phone": "+1 514 555 0142", "address": "77, rue des Lanternes-Fictives"}
SUBSTITUTE = {"phone": "+1 514 555 0100", "address": "a/s Bureau de Montréal (démo)"}
SEAL = {"contact": REAL, "substitute": SUBSTITUTE}


def address_of(case: dict[str, Any], place: int = 0) -> str:
    return f"/v1/cases/{case['id']}/people/{case['household']['members'][place]['person_id']}/sealed-address"


async def sealed(world: World, case: dict[str, Any], by: str = "camille") -> httpx.Response:
    answer = await world.client(by, **{"If-Match": '"0"'}).put(address_of(case), json=SEAL)
    assert answer.status_code == 200, answer.text
    return answer


async def test_who_follows_the_case_seals_and_reads_the_real_contact(world: World) -> None:
    case = await a_case(world, size=1)
    client = world.client("camille")
    before = await client.get(address_of(case))
    assert (before.status_code, before.json()["contact"], before.headers["etag"]) == (200, None, '"0-caseworker"')
    wrote = await sealed(world, case)
    read = await client.get(address_of(case))
    assert read.json() == wrote.json()
    assert (read.json()["contact"], read.json()["version"]) == ({**REAL, "email": None}, 1)
    assert (await world.client("prosper").get(address_of(case))).json()["contact"] == read.json()["contact"]


async def test_everybody_else_sees_the_substitute_in_the_ordinary_contact(world: World) -> None:
    plain, hidden = await a_case(world, size=1), await a_case(world, size=1)
    for case in (plain, hidden):
        await accepted(world, case, await an_offer(world, case))
    await sealed(world, hidden)
    for username in ("camille", "octave", "coralie", "prosper", "pelagie"):
        client = world.client(username)
        one = (await client.get(f"/v1/cases/{plain['id']}")).json()
        other = (await client.get(f"/v1/cases/{hidden['id']}")).json()
        assert set(one) == set(other)
        [person], [threatened] = one["household"]["members"], other["household"]["members"]
        assert set(person) == set(threatened)
        assert threatened["contact"] == SUBSTITUTE
        assert "Lanternes" not in str(other)


@pytest.mark.parametrize(
    ("username", "status"),
    [
        ("basile", 404),
        ("octave", 403),
        ("coralie", 403),
        ("pelagie", 403),
        ("aurele", 403),
        ("adele", 403),
        (None, 401),
    ],
)
async def test_others_are_answered_the_same_whether_one_is_sealed_or_not(
    world: World, username: str | None, status: int
) -> None:
    plain, hidden = await a_case(world, size=1), await a_case(world, size=1)
    await sealed(world, hidden)
    client = world.client(username, **{"If-Match": '"1"'})
    for method, content in (("GET", None), ("PUT", SEAL), ("DELETE", None)):
        answers = [await client.request(method, address_of(case), json=content) for case in (plain, hidden)]
        assert [answer.status_code for answer in answers] == [status, status], method
        assert answers[0].json() == answers[1].json()


async def test_row_security_alone_keeps_it_from_them(world: World) -> None:
    hidden = await a_case(world, size=1)
    await sealed(world, hidden)
    world.app.state.gates_enforced = False
    try:
        for username in ("basile", "octave", "coralie", "pelagie", "aurele"):
            answer = await world.client(username).get(address_of(hidden))
            assert answer.status_code == 404, username
    finally:
        world.app.state.gates_enforced = True


async def test_a_person_of_another_case_is_not_found_under_this_one(world: World) -> None:
    one, other = await a_case(world, size=1), await a_case(world, size=1)
    path = f"/v1/cases/{one['id']}/people/{other['household']['members'][0]['person_id']}/sealed-address"
    client = world.client("camille", **{"If-Match": '"0"'})
    assert (await client.get(path)).status_code == 404
    assert (await client.put(path, json=SEAL)).status_code == 404


async def test_a_change_names_the_version_it_was_read_at(world: World) -> None:
    case = await a_case(world, size=1)
    client = world.client("camille")
    assert (await client.put(address_of(case), json=SEAL)).status_code == 428
    await sealed(world, case)
    stale = await world.client("camille", **{"If-Match": '"0"'}).put(address_of(case), json=SEAL)
    assert stale.status_code == 412
    again = await world.client("camille", **{"If-Match": '"1"'}).put(address_of(case), json=SEAL)
    assert (again.status_code, again.json()["version"]) == (200, 2)


async def test_a_withdrawn_address_is_gone_and_the_old_one_never_comes_back(world: World) -> None:
    case = await a_case(world, size=1)
    await sealed(world, case)
    gone = await world.client("camille", **{"If-Match": '"1"'}).delete(address_of(case))
    assert (gone.status_code, gone.json()["contact"], gone.json()["version"]) == (200, None, 2)
    assert (await world.client("camille").get(address_of(case))).json() == gone.json()
    [person] = (await world.client("camille").get(f"/v1/cases/{case['id']}")).json()["household"]["members"]
    assert person["contact"] == SUBSTITUTE


async def test_the_logs_say_no_more_of_a_sealed_address_than_of_a_contact(world: World) -> None:
    plain, hidden = await a_case(world, size=1), await a_case(world, size=1)
    await sealed(world, hidden)
    for case in (plain, hidden):
        assert (await world.client("camille").get(address_of(case))).status_code == 200
    with world.owner() as connection:
        [leaf] = connection.execute("SELECT body FROM log_leaves WHERE body LIKE '%case.changed%'").fetchall()
        entries = connection.execute(
            "SELECT case_ids::text[] FROM read_entries WHERE permission = 'sealed_address:read' ORDER BY id"
        ).fetchall()
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            for (row,) in connection.execute(f"SELECT t::text FROM {table} t".encode()).fetchall():
                assert "Lanternes" not in row, table
                assert "555 0142" not in row, table
    assert '"fields":["contact"]' in leaf[0]
    assert not any(word in leaf[0] for word in ("seal", "address", hidden["id"]))
    # One entry a read, whether something is sealed or not: the log's reader cannot tell the two apart.
    assert entries == [([plain["id"]],), ([hidden["id"]],)]


async def test_it_is_not_found_by_its_text(world: World) -> None:
    case = await a_case(world, size=1)
    client = world.client("camille", **{"X-Purpose-of-Use": "case_management"})

    async def found() -> list[Any]:
        texts = (REAL["address"], REAL["phone"], "Lanternes-Fictives")
        return [(await client.post("/v1/case-searches", json={"name": text})).json()["items"] for text in texts]

    # A name may happen to sound like a street: what is found then is found without the address, too.
    before = await found()
    await sealed(world, case)
    assert [[one["score"] for one in items] for items in await found()] == [
        [one["score"] for one in items] for items in before
    ]
