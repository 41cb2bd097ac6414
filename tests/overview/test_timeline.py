"""The timeline: by what occurred, showing when it was recorded, and only what the reader's role reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from casework.authz.policy import Role
from casework.overview.timeline import SOURCES, sql
from tests.builders import a_case, accepted, an_offer
from tests.cases.claims import a_claim_status, a_status, arrived, on
from tests.following.test_handovers import answering, proposing
from tests.following.test_notes import noting, saying
from tests.following.test_programmes import changing

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio
READERS = ("camille", "octave", "coralie", "prosper", "pelagie")


async def timeline(world: World, case: dict[str, Any], by: str = "camille", language: str = "fr", **query: Any) -> Any:
    answer = await world.client(by, **{"Accept-Language": language}).get(
        f"/v1/cases/{case['id']}/timeline", params=query
    )
    assert answer.status_code == 200, (by, answer.text)
    return answer.json()


async def a_lived_case(world: World) -> dict[str, Any]:
    case = await a_case(world, size=2)
    await a_claim_status(world, case, **a_status("referred", -5))
    await arrived(world, await accepted(world, case, await an_offer(world, case)))
    await noting(world, case, "Entre nous")
    await saying(world, case, "needs", services=["employment"])
    await answering(world, (await proposing(world, case)).json(), "accept")
    return case


async def test_what_was_recorded_late_stands_where_it_happened(world: World) -> None:
    case = await a_lived_case(world)
    await a_claim_status(world, case, **a_status("hearing_scheduled", -2, hearing_on=on(9)))
    items = (await timeline(world, case))["items"]
    days = [(item["occurred_on"], item["recorded_at"]) for item in items]
    assert days == sorted(days, reverse=True)
    late = next(item for item in items if item["code"] == "hearing_scheduled")
    assert (late["occurred_on"], late["recorded_at"][:4]) == (on(-2), on()[:4])
    assert late["recorded_at"] > late["occurred_on"]
    assert late["title"] == "État de la demande d'asile"
    english = (await timeline(world, case, language="en"))["items"]
    assert [item["id"] for item in english] == [item["id"] for item in items]
    assert "Status of the claim" in {item["title"] for item in english}


@pytest.mark.parametrize("gates", [True, False])
async def test_each_reader_gets_the_kinds_of_their_role_and_no_claim_for_hosts(world: World, gates: bool) -> None:
    case = await a_lived_case(world)
    world.app.state.gates_enforced = gates
    kinds = {who: {item["kind"] for item in (await timeline(world, case, who, limit=200))["items"]} for who in READERS}
    assert {"claim_status", "note", "handover_proposed", "responsible", "departed"} <= kinds["camille"]
    assert kinds["camille"] == kinds["octave"] == kinds["prosper"]
    host = kinds["pelagie"]
    assert host.isdisjoint({"claim_status", "handover_proposed", "handover_answered", "preferences", "note"})
    assert {"arrived", "milestone", "needs"} <= host


async def test_pages_join_without_gap_or_repetition(world: World) -> None:
    case = await a_lived_case(world)
    whole = (await timeline(world, case, limit=200))["items"]
    found, cursor = [], None
    while True:
        page = await timeline(world, case, limit=3, **({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == whole
    assert len({(item["id"], item["kind"]) for item in found}) == len(found) > 15


def test_every_role_that_reads_has_a_statement_of_its_own() -> None:
    claimless = sql(Role.partner)
    assert "claim_statuses" not in claimless
    assert "claim_statuses" in sql(Role.coordinator)
    assert len({source.kind for source in SOURCES}) == len(SOURCES)


async def test_the_change_of_programme_is_told_with_what_was_before(world: World) -> None:
    case = await a_case(world, size=1)
    await a_claim_status(world, case, **a_status("referred", -5))
    await a_claim_status(world, case, **a_status("accepted", -1))
    assert (await changing(world, case, on())).status_code == 201
    items = (await timeline(world, case))["items"]
    assert next((i["kind"], i["code"]) for i in items) == ("programme_changed", "protected_person")
    assert {i["code"] for i in items if i["kind"] == "claim_status"} == {"acknowledged", "referred", "accepted"}
