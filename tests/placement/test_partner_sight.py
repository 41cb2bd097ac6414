"""A host organization follows a household, not what other organizations offered it, nor what its claim tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from casework.authz.policy import Role
from casework.kernel import clock
from tests.builders import accepted, adults_of, an_offer
from tests.milestones.steps import grant
from tests.placement.households import a_consent, a_couple_with_a_child, answering
from tests.test_boot import acting, context_of

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio

SHERBROOKE = "racines-d-estrie/43027"


def as_stored(world: World, username: str, role: Role, query: str) -> list[tuple[object, ...]]:
    """What SQL sent straight to the database reads in this user's own, genuine context."""
    context = context_of(world, username, role).signed(world.app.state.settings.key("context"))
    with acting(world, role, context) as connection:
        return connection.execute(query.encode()).fetchall()


async def once_in_sherbrooke_now_in_rimouski(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Declined in one region, ended in it, then placed in another; the offer that stands is the second value."""
    case = await a_couple_with_a_child(world)
    camille = world.client("camille")
    declined = await an_offer(world, case, at=SHERBROOKE)
    await answering(world, declined, adults_of(case)[0], "decline", reason_code="safety")
    first = await accepted(world, case, await an_offer(world, case, at=SHERBROOKE))
    path = f"/v1/assignments/{first['assignment_id']}"
    body = {"occurred_on": clock.today().isoformat(), "reason": "Le logement n'est plus libre."}
    assert (await camille.post(f"{path}/end", json=body, headers={"If-Match": '"1"'})).status_code == 200
    return case, await accepted(world, case, await an_offer(world, case))


async def test_a_partner_sees_its_own_offers_and_assignments_only(world: World) -> None:
    case, offer = await once_in_sherbrooke_now_in_rimouski(world)
    pelagie = world.client("pelagie")
    offers = (await pelagie.get("/v1/offers")).json()["items"]
    assert [one["id"] for one in offers] == [offer["id"]]
    assignments = (await pelagie.get("/v1/assignments")).json()["items"]
    assert [one["id"] for one in assignments] == [offer["assignment_id"]]
    everything = (await world.client("camille").get("/v1/offers", params={"case_id": case["id"]})).json()["items"]
    assert len(everything) == 3
    for one in everything:
        status = (await pelagie.get(f"/v1/offers/{one['id']}")).status_code
        assert status == (200 if one["id"] == offer["id"] else 404)


async def test_the_database_itself_keeps_the_other_organization_s_answers(world: World) -> None:
    _, offer = await once_in_sherbrooke_now_in_rimouski(world)

    def read(query: str) -> set[str]:
        return {str(row[0]) for row in as_stored(world, "pelagie", Role.partner, query)}

    assert read("SELECT id FROM offers") == {offer["id"]}
    assert read("SELECT id FROM assignments") == {offer["assignment_id"]}
    assert read("SELECT DISTINCT offer_id FROM offer_answers") == {offer["id"]}
    assert read("SELECT count(*) FROM offer_answers WHERE reason_code IS NOT NULL") == {"0"}
    with world.owner() as owner:
        assert owner.execute("SELECT count(*) FROM offer_answers").fetchone() == (5,)


async def test_what_is_counted_from_the_claim_is_hidden_by_row_security(world: World) -> None:
    """A due date seven days after the claim gives the claim's date away."""
    case = await a_couple_with_a_child(world)
    body = {"code": "CLAIM_DOC", "person_id": adults_of(case)[0], "outcome": "done",
            "occurred_on": {"value": clock.today().isoformat(), "precision": "day"}}  # fmt: skip
    assert (await world.client("octave").post(f"/v1/cases/{case['id']}/milestones", json=body)).status_code == 201
    await accepted(world, case, await an_offer(world, case))
    codes = "SELECT DISTINCT code FROM {}"

    def read(username: str, role: Role, table: str) -> set[str]:
        return {str(row[0]) for row in as_stored(world, username, role, codes.format(table))}

    assert "MED_EXAM" in read("camille", Role.caseworker, "milestone_expectations")
    assert read("pelagie", Role.partner, "milestone_expectations") == {"INFO_GIVEN", "OFFER_ANSWER"}
    assert read("camille", Role.caseworker, "milestones") == {"CLAIM_DOC", "OFFER_ANSWER"}
    assert read("pelagie", Role.partner, "milestones") == {"OFFER_ANSWER"}


async def test_a_spokesperson_reads_no_consent_and_no_preference(world: World) -> None:
    case = await a_couple_with_a_child(world, consents=[a_consent(0), a_consent(1)])
    grant(world, case, to="sidonie")
    for table, seen in (("cases", 1), ("needs", 1), ("consents", 0), ("preferences", 0)):
        query = f"SELECT count(*) FROM {table}"
        if table in {"consents", "preferences"}:
            query = f"SELECT count(*) FILTER (WHERE has_table_privilege('{table}', 'SELECT')) FROM cases"
        assert as_stored(world, "sidonie", Role.sponsor_spokesperson, query) == [(seen,)], table
    staff = "SELECT (SELECT count(*) FROM consents), (SELECT count(*) FROM preferences)"
    assert as_stored(world, "camille", Role.caseworker, staff) == [(2, 1)]
