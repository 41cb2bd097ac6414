"""What a role may see and write of a case, field by field, whoever asks and however they ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from casework.authz import fields
from casework.authz.policy import POLICY, FieldGroup, Permission, Role, Sight, sight
from casework.authz.shields import SHIELDS
from casework.demo.families import family
from casework.demo.world import USERS
from casework.people.masks import as_seen
from tests.builders import a_case
from tests.milestones.steps import grant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from casework.authz.shields import Shield
    from tests.conftest import World

pytestmark = pytest.mark.anyio

# Where each group stands in a case, as its reader gets it.
OF_THE_CASE = {
    FieldGroup.needs: "needs",
    FieldGroup.preferences: "preferences",
    FieldGroup.consents: "consents",
    FieldGroup.claim: "claim",
}
OF_A_MEMBER = {
    FieldGroup.names: "name",
    FieldGroup.birth: "birth",
    FieldGroup.contact: "contact",
    FieldGroup.identifiers: "identifiers",
}


def an_intake(seed: int, **changes: Any) -> dict[str, Any]:
    return {**family(seed, size=2).body, **changes}


@pytest.mark.parametrize("gates", [True, False])
@pytest.mark.parametrize("who", ["camille", "octave", "coralie", "prosper", "pelagie", "sidonie"])
async def test_each_reader_gets_exactly_the_groups_of_their_role(world: World, who: str, gates: bool) -> None:
    case = await a_case(world, size=1)
    grant(world, case, to="le-phare")
    grant(world, case, to="sidonie")
    with world.owner() as connection:
        connection.execute("UPDATE cases SET region_code = '01' WHERE id = %s", (case["id"],))
    world.app.state.gates_enforced = gates
    seen = (await world.client(who).get(f"/v1/cases/{case['id']}")).json()
    [role] = [role for name, _, role, *_ in USERS if name == who]
    [member], [whole] = seen["household"]["members"], case["household"]["members"]
    for place, groups, told in ((seen, OF_THE_CASE, case), (member, OF_A_MEMBER, whole)):
        shown = {group for group, name in groups.items() if name in place}
        assert shown == {group for group in groups if sight(role, group).shows}
        for group in shown:
            assert place[groups[group]] == as_seen(role, group, told[groups[group]]), group


async def test_a_spokesperson_gets_a_year_of_birth_and_no_address(world: World) -> None:
    case = await a_case(world, size=1)
    grant(world, case, to="sidonie")
    [member] = (await world.client("sidonie").get(f"/v1/cases/{case['id']}")).json()["household"]["members"]
    [whole] = case["household"]["members"]
    assert member["birth"] == {"value": whole["birth"]["value"][:4], "precision": "year"}
    assert set(member["contact"]) == {"phone", "email"}
    assert whole["contact"]["phone"] not in str(member)
    assert "address" not in member["contact"]


async def test_a_field_that_a_role_does_not_write_is_refused_by_its_name(world: World) -> None:
    answer = await world.client("prosper").post(
        "/v1/cases", json=an_intake(31, office_id=str(world.key("praida"))), headers={"Accept-Language": "en"}
    )
    assert (answer.status_code, answer.json()["type"]) == (403, "/v1/problems/fields-not-yours")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/consents"]
    assert answer.json()["groups"] == "consents"
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM cases").fetchone() == (0,)


async def test_the_same_intake_without_that_field_is_taken(world: World) -> None:
    body = an_intake(31, office_id=str(world.key("praida")), consents=[])
    answer = await world.client("prosper").post("/v1/cases", json=body)
    assert answer.status_code == 201, answer.text


async def test_postgresql_refuses_the_field_too(world: World) -> None:
    """With the application's own checks away, the role has no INSERT on the table of that group."""
    world.app.state.gates_enforced = False
    body = an_intake(31, office_id=str(world.key("praida")))
    answer = await world.client("prosper").post("/v1/cases", json=body)
    assert answer.status_code == 404, answer.text
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM cases").fetchone() == (0,)


async def test_every_faulty_place_of_a_request_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    unwritten = {FieldGroup.contact, FieldGroup.claim}

    def weaker(role: Role, group: FieldGroup) -> Sight:
        return Sight.read if group in unwritten else sight(role, group)

    monkeypatch.setattr(fields, "sight", weaker)
    answer = await world.client("camille").post("/v1/cases", json=an_intake(31))
    assert answer.status_code == 403
    pointers = [fault["pointer"] for fault in answer.json()["errors"]]
    assert pointers == ["/claim_statuses", "/claimed_on", "/members/0/contact"]


async def test_every_column_of_a_group_is_granted_as_the_table_says(world: World) -> None:
    """SELECT to those who see something of the group, INSERT to those who write it; counted, so that none is missed."""
    cells = 0
    query = "SELECT has_column_privilege(%s, %s, %s, %s)"
    with world.owner() as connection:
        for shield, column, group in grouped_columns():
            for role in Role:
                changing = [permission for permission, columns in shield.update.items() if column in columns]
                wanted = {
                    "SELECT": holds(role, shield.select) and sight(role, group).shows,
                    "INSERT": holds(role, shield.insert) and sight(role, group) is Sight.write,
                    "UPDATE": holds(role, changing) and sight(role, group) is Sight.write,
                }
                for command, granted in wanted.items():
                    row = connection.execute(query, (f"casework_{role}", shield.table, column, command)).fetchone()
                    assert row == (granted,), (role, shield.table, column, command)
                    cells += 1
    assert cells == 3 * len(Role) * len(list(grouped_columns())) > 200
    assert {group for _, _, group in grouped_columns()} == set(FieldGroup)


def holds(role: Role, permissions: Iterable[Permission]) -> bool:
    return any(role in POLICY[permission] for permission in permissions)


def grouped_columns() -> Iterator[tuple[Shield, str, FieldGroup]]:
    for shield in SHIELDS:
        yield from ((shield, column, group) for column, group in shield.fields.items())
        if shield.group is not None:
            yield from (
                (shield, column, shield.group)
                for column in ("person_id" if shield.table == "sealed_addresses" else "id", "case_id")
            )
