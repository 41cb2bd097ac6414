"""Keys are rotated while the server serves, a lost key is told from an erased person, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pydantic import SecretStr

from casework import tables
from casework.authz.apply import BootRefused
from casework.demo import world as demo_world
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.sealing import Keyring, LocalKeys, derive
from casework.main import install, refuse_to_start_unshielded
from casework.upkeep import rotation
from casework.upkeep.sealed_places import PLACES
from tests.builders import a_case, accepted, an_offer
from tests.conftest import SECRET, TEMPLATE, settings_for
from tests.sponsorship.steps import a_draw, a_sponsor, act

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Server, World

pytestmark = pytest.mark.anyio
NEW = "a-new-sealing-key-of-the-tests-that-is-long-enough"


async def served_with(world: World, **keys: Any) -> None:
    """The same database, served by a process with other keys."""
    await world.app.state.database.close()
    settings = settings_for(world.server, world.database).model_copy(update={"sealing_key_id": "kek-2", **keys})
    install(world.app, settings)


async def with_both_keys(world: World) -> None:
    await served_with(world, sealing_key=SecretStr(NEW), sealing_old_keys={"kek-1": SecretStr(SECRET)})


async def reads(world: World, cases: list[dict[str, Any]], stop: asyncio.Event) -> int:
    """Read the cases again and again until `stop`, each as it was taken in; how many reads that made."""
    client, done = world.client("camille"), 0
    while not stop.is_set():
        for case in cases:
            answer = await client.get(f"/v1/cases/{case['id']}")
            assert answer.status_code == 200, answer.text
            assert answer.json()["household"] == case["household"]
            done += 1
    return done


def versions(world: World) -> dict[tuple[str, int], int]:
    with world.owner() as connection:
        found = connection.execute("SELECT kek_id, key_version, count(*) FROM subject_keys GROUP BY 1, 2").fetchall()
    return {(kek_id, version): count for kek_id, version, count in found}


async def test_keys_are_wrapped_again_while_people_read_and_families_arrive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [await a_case(world, size=2) for _ in range(4)]
    await with_both_keys(world)
    monkeypatch.setattr(rotation, "BATCH", 2)
    stop = asyncio.Event()
    readers = [asyncio.create_task(reads(world, cases, stop)) for _ in range(2)]
    arrivals = [asyncio.create_task(a_case(world, size=1)) for _ in range(3)]
    batches = [count async for count in rotation.wrap_again(world.app.state.database)]
    await asyncio.gather(*arrivals)
    stop.set()
    assert all(count > 0 for count in await asyncio.gather(*readers))
    assert sum(batches) == 4 * 3
    assert len(batches) >= 6
    assert versions(world) == {("kek-2", 1): 4 * 3 + 3 * 2}
    await served_with(world, sealing_key=SecretStr(NEW))
    await refuse_to_start_unshielded(world.app)
    assert (await world.client("camille").get(f"/v1/cases/{cases[0]['id']}")).json()["household"] == cases[0][
        "household"
    ]


async def test_a_sponsor_s_names_and_a_seed_outlive_their_first_key(world: World) -> None:
    sponsor, draw = await a_sponsor(world), await act(world, await a_draw(world), "freeze")
    await with_both_keys(world)
    assert sum([count async for count in rotation.wrap_again(world.app.state.database)]) == 3 + 1
    await served_with(world, sealing_key=SecretStr(NEW))
    await refuse_to_start_unshielded(world.app)
    assert (await world.client("sidonie").get(f"/v1/sponsors/{sponsor['id']}")).json() == sponsor
    assert (await act(world, draw, "run"))["status"] == "drawn"


async def test_an_interrupted_rotation_is_taken_up_where_it_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_case(world, size=4)
    await with_both_keys(world)
    monkeypatch.setattr(rotation, "BATCH", 2)
    database = world.app.state.database
    async for _ in rotation.wrap_again(database):
        break
    assert await rotation.keys_left(database) == 3
    assert await rotation.keys_in_use(database) == ["kek-1", "kek-2"]
    assert sum([count async for count in rotation.wrap_again(database)]) == 3
    assert sum([count async for count in rotation.wrap_again(database)]) == 0


async def a_noted_milestone(world: World, case: dict[str, Any]) -> None:
    await accepted(world, case, await an_offer(world, case))
    person = case["household"]["members"][0]["person_id"]
    milestone = {"code": "SKILLS_DECLARED", "person_id": person, "outcome": "done", "note": "Vu à domicile.",
                 "occurred_on": {"value": clock.today().isoformat(), "precision": "day"}}  # fmt: skip
    wrote = await world.client("pelagie").post(f"/v1/cases/{case['id']}/milestones", json=milestone)
    assert wrote.status_code == 201, wrote.text


async def note_of(world: World, case: dict[str, Any]) -> str:
    answer = await world.client("camille").get(f"/v1/cases/{case['id']}/milestones")
    notes = [item["note"] for item in answer.json()["items"] if item["note"]]
    [note] = notes
    return str(note)


async def test_people_get_new_keys_while_they_are_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [await a_case(world, size=2) for _ in range(3)]
    await a_noted_milestone(world, cases[0])
    before = sealed_rows(world)
    monkeypatch.setattr(rotation, "RENEWAL_BATCH", 2)
    stop, until = asyncio.Event(), clock.now()
    readers = [asyncio.create_task(reads(world, cases, stop)) for _ in range(2)]
    arrivals = [asyncio.create_task(a_case(world, size=1)) for _ in range(2)]
    renewed = [count async for count in rotation.renew(world.app.state.database, until)]
    await asyncio.gather(*arrivals)
    stop.set()
    assert all(count > 0 for count in await asyncio.gather(*readers))
    assert sum(renewed) == 3 * 3
    assert versions(world) == {("kek-1", 2): 9, ("kek-1", 1): 4}
    after = sealed_rows(world)
    assert before.keys() <= after.keys()
    assert [place for place in before if before[place] == after[place]] == []
    assert sum([count async for count in rotation.renew(world.app.state.database, until)]) == 0
    # Twice over: nothing was left under the first key, which no key opens any more.
    assert sum([count async for count in rotation.renew(world.app.state.database, clock.now())]) == 13
    assert await note_of(world, cases[0]) == "Vu à domicile."
    client = world.client("camille")
    for case in cases:
        assert (await client.get(f"/v1/cases/{case['id']}")).json()["household"] == case["household"]


def sealed_rows(world: World) -> dict[tuple[str, str, object], bytes]:
    with world.owner() as connection:
        return {
            (place.table, column, row): value
            for place in PLACES
            for column in place.columns
            for row, value in connection.execute(
                f"SELECT {place.row}, {column} FROM {place.table} WHERE {column} IS NOT NULL".encode()
            ).fetchall()
        }


def test_every_sealed_column_is_sealed_again_by_a_renewal() -> None:
    """A column that a renewal forgot would be unreadable two keys later."""
    sealed = {
        (table.name, column.name)
        for table in tables.metadata.tables.values()
        for column in table.c
        if column.name.startswith("sealed")
    }
    # Stored answers live a day; an incident's words have a key of their own, which is wrapped again and never renewed.
    # So have a sponsor's member and a draw's seed.
    apart = {
        ("idempotency_records", "sealed_answer"), ("incident_versions", "sealed"),
        ("sponsor_members", "sealed_name"), ("draws", "sealed_seed"),
    }  # fmt: skip
    assert sealed - apart == {(place.table, column) for place in PLACES for column in place.columns}


async def test_a_renewal_that_fails_half_way_changes_nothing(world: World) -> None:
    case = await a_case(world, size=1)
    with world.owner() as connection:
        connection.execute("UPDATE persons SET sealed_birth = sealed_name")
    with pytest.raises(Exception, match="sealed_birth"):
        _ = [count async for count in rotation.renew(world.app.state.database, clock.now())]
    assert versions(world) == {("kek-1", 1): 2}
    assert (await world.client("camille").get(f"/v1/cases/{case['id']}")).status_code == 500


def test_the_command_says_what_it_did_and_is_done_the_second_time(server: Server, tmp_path: Path) -> None:
    """`casework rotate-keys --data-keys`, as an operator runs it: old and new key in one file, the server's own address."""
    database = f"k_{secrets.token_hex(6)}"
    server.create(database, TEMPLATE)
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"kek-1": SECRET, "kek-2": NEW}), encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CASEWORK_")},
        "CASEWORK_DATABASE_URL": server.url("server", database), "CASEWORK_SECRET": SECRET,
        "CASEWORK_SEALING_KEYS_FILE": str(keys), "CASEWORK_SEALING_KEY_ID": "kek-2",
    }  # fmt: skip
    a_key_of_the_first_ring(server.url("owner", database))
    try:
        first, again = (_told(environment, "rotate-keys", "--data-keys") for _ in range(2))
        assert (first["ok"], first["wrapped"], first["renewed"], first["keys_in_use"]) == (True, 1, 1, ["kek-2"])
        assert (again["ok"], again["wrapped"], again["renewed"]) == (True, 0, 1)
        assert _told(environment, "rotate-keys", "--data-keys", "--made-before", first["made_before"])["renewed"] == 0
        assert _told(environment, "reindex-names") == {"ok": True, "people": 0}
    finally:
        server.drop(database)


def _told(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "casework", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def a_key_of_the_first_ring(owner_url: str) -> None:
    """A case with a household key and nothing else, as the owner writes it."""
    case_id, household_id = new_id(), new_id()
    ring = Keyring(LocalKeys({"kek-1": derive(SECRET.encode(), "sealing/kek-1")}, "kek-1"))
    _, wrapped = ring.new_key(household_id)
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO cases (id, version, created_at, reference, programme, status, office_id)"
            " VALUES (%s, 1, now(), 'ESSAI', 'asylum', 'open', %s)",
            (case_id, demo_world.key("mifi-montreal")),
        )
        connection.execute(
            "INSERT INTO subject_keys (subject_id, case_id, office_id, kind, kek_id, wrapped, key_version, keyed_at)"
            " VALUES (%s, %s, %s, 'household', 'kek-1', %s, 1, now())",
            (household_id, case_id, demo_world.key("mifi-montreal"), wrapped),
        )


# A lost key, a damaged value, an erased person: three things, three answers


async def test_a_key_that_is_missing_is_named_to_the_operator_and_to_nobody_else(world: World) -> None:
    case = await a_case(world, size=1)
    await served_with(world, sealing_key=SecretStr(NEW))
    answer = await world.client("camille").get(f"/v1/cases/{case['id']}")
    assert (answer.status_code, answer.json()["type"]) == (503, "/v1/problems/keys-away")
    assert answer.headers["retry-after"] == "60"
    assert "kek-1" not in answer.text
    assert (await world.client("camille").get("/v1/cases")).status_code == 200
    assert (await world.client(None).get("/health/ready")).status_code == 503
    with pytest.raises(BootRefused, match="kek-1"):
        await refuse_to_start_unshielded(world.app)


async def test_another_key_under_the_same_id_is_a_missing_key_too(world: World) -> None:
    case = await a_case(world, size=1)
    await served_with(world, sealing_key=SecretStr(NEW), sealing_key_id="kek-1")
    answer = await world.client("camille").get(f"/v1/cases/{case['id']}")
    assert (answer.status_code, answer.json()["type"]) == (503, "/v1/problems/keys-away")


async def test_a_value_that_was_altered_is_said_to_be(world: World) -> None:
    case = await a_case(world, size=1)
    with world.owner() as connection:
        connection.execute("UPDATE persons SET sealed_name = overlay(sealed_name placing '\\x00'::bytea from 20 for 1)")
    answer = await world.client("camille").get(f"/v1/cases/{case['id']}")
    assert (answer.status_code, answer.json()["type"]) == (500, "/v1/problems/sealed-value-damaged")


async def test_an_erased_person_is_marked_and_the_others_are_still_read(world: World) -> None:
    case = await a_case(world, size=2)
    gone, stays = case["household"]["members"]
    with world.owner() as connection:
        connection.execute(
            "UPDATE subject_keys SET wrapped = '', erased_at = now() WHERE subject_id = %s", (gone["person_id"],)
        )
    read = await world.client("camille").get(f"/v1/cases/{case['id']}")
    first, second = read.json()["household"]["members"]
    assert (read.status_code, "erased" in first, second) == (200, True, stays)
    assert not {"name", "birth", "contact", "identifiers"} & set(first)
    assert len((await world.client("camille").get("/v1/cases")).json()["items"]) == 1


async def test_acting_on_an_erased_household_says_that_it_is_erased(world: World) -> None:
    case = await a_case(world, size=1)
    with world.owner() as connection:
        connection.execute("UPDATE subject_keys SET wrapped = '', erased_at = now() WHERE case_id = %s", (case["id"],))
    closing = {"reason": "Le ménage a été effacé."}
    answer = await world.client("camille", **{"If-Match": '"1"'}).post(f"/v1/cases/{case['id']}/close", json=closing)
    assert answer.status_code == 410
    placed = await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")
    assert (placed.status_code, placed.json()["type"]) == (410, "/v1/problems/subject-erased")
