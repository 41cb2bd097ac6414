"""Why a person decided names people: it stands sealed, is opened for case staff, and no host gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.authz.policy import Role
from casework.kernel import clock
from tests.builders import accepted, an_offer
from tests.milestones.steps import grant
from tests.placement.households import a_couple_with_a_child
from tests.placement.test_partner_sight import as_stored

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio

COLUMNS = (("offers", "sealed_reason"), ("offers", "sealed_withdraw_reason"), ("assignments", "sealed_end_reason"),
           ("cases", "sealed_close_reason"))  # fmt: skip


async def decided(world: World) -> dict[str, Any]:
    """One reason of each kind, each naming a fictional neighbour; the case ends closed. Paths of what was decided."""
    case = await a_couple_with_a_child(world)
    camille = world.client("camille")

    async def says(path: str, **body: Any) -> None:
        tag = (await camille.get(path.rpartition("/")[0])).headers["etag"]
        answer = await camille.post(path, json={"reason": "Zabelline l'a dit.", **body}, headers={"If-Match": tag})
        assert answer.status_code == 200, answer.text

    withdrawn = await an_offer(world, case, reason="Zabelline y habite.")
    await says(f"/v1/offers/{withdrawn['id']}/withdraw")
    offer = await accepted(world, case, await an_offer(world, case, reason="Zabelline y habite."))
    await says(f"/v1/assignments/{offer['assignment_id']}/end", occurred_on=clock.today().isoformat())
    await says(f"/v1/cases/{case['id']}/close")
    return {"case": f"/v1/cases/{case['id']}", "withdrawn": f"/v1/offers/{withdrawn['id']}",
            "offer": f"/v1/offers/{offer['id']}", "assignment": f"/v1/assignments/{offer['assignment_id']}",
            "id": case["id"]}  # fmt: skip


async def test_no_reason_stands_in_clear_anywhere(world: World) -> None:
    await decided(world)
    with world.owner() as owner:
        tables = [str(row[0]) for row in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        for table in tables:
            assert "Zabelline" not in str(owner.execute(f"SELECT t::text FROM {table} t").fetchall()), table
        filled = [owner.execute(f"SELECT count({column}) FROM {table}").fetchone() for table, column in COLUMNS]
    assert filled == [(2,), (1,), (1,), (1,)]


async def test_case_staff_read_every_reason(world: World) -> None:
    made = await decided(world)
    camille = world.client("camille")
    read = {name: (await camille.get(path)).json() for name, path in made.items() if name != "id"}
    assert (read["withdrawn"]["reason"], read["withdrawn"]["withdraw_reason"]) == (
        "Zabelline y habite.",
        "Zabelline l'a dit.",
    )
    assert (read["offer"]["reason"], read["offer"]["withdraw_reason"]) == ("Zabelline y habite.", None)
    assert (read["assignment"]["end_reason"], read["case"]["close_reason"]) == ("Zabelline l'a dit.",) * 2
    [listed] = (await camille.get("/v1/assignments")).json()["items"]
    assert listed["end_reason"] == "Zabelline l'a dit."


@pytest.mark.parametrize(("username", "role"), [("pelagie", Role.partner), ("sidonie", Role.sponsor_spokesperson)])
async def test_hosts_get_no_reason_not_even_sealed(world: World, username: str, role: Role) -> None:
    made = await decided(world)
    grant(world, {"id": made["id"]}, to="le-phare" if role is Role.partner else username)
    client = world.client(username)
    for name in ("case", "assignment"):
        answer = await client.get(made[name])
        assert answer.status_code == 200, answer.text
        assert not {"close_reason", "end_reason"} & set(answer.json())
    for table, column in COLUMNS:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_stored(world, username, role, f"SELECT {column} FROM {table}")


async def test_the_log_ties_an_assignment_s_leaves_without_its_id(world: World) -> None:
    made = await decided(world)
    ids = [path.rpartition("/")[2] for path in made.values()]
    with world.owner() as owner:
        leaves = [str(row[0]) for row in owner.execute("SELECT body FROM log_leaves WHERE log = 'audit'")]
    assert len(leaves) > 6
    assert not [leaf for leaf in leaves if any(one in leaf for one in ids)]
