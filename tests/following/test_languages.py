"""Notices in the person's language, and the language of service with its basis and its end (Charter, s. 22.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel.clock import months_after, today
from casework.notices.reference import NoticeKind, notices, stands
from casework.people.models import ConsentPurpose
from tests.builders import a_case, adults_of
from tests.cases.claims import on
from tests.cases.test_consents import told
from tests.placement.households import a_consent, a_couple_with_a_child, problem
from tests.privacy.stories import erased

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def serving(
    world: World, case: dict[str, Any], language: str, by: str = "camille", **more: Any
) -> httpx.Response:
    body = {"person_id": adults_of(case)[0], "language": language, "starts_on": on(), **more}
    return await world.client(by).post(f"/v1/cases/{case['id']}/service-languages", json=body)


async def served_in(world: World, case: dict[str, Any]) -> list[tuple[str, bool]]:
    answer = await world.client("camille").get(f"/v1/cases/{case['id']}/service-languages")
    return [(one["language"], one["in_force"]) for one in answer.json()["items"]]


def test_every_notice_exists_in_the_same_languages_french_first() -> None:
    by_kind = {kind: {one.language for one in notices() if one.kind is kind} for kind in NoticeKind}
    assert set(map(frozenset, by_kind.values())) == {frozenset({"fr", "en", "es", "ar", "ht"})}
    assert {str(purpose) for purpose in ConsentPurpose} < {str(kind) for kind in NoticeKind}
    assert not stands(NoticeKind.pilot, "2026-01", "fr", today().replace(year=2019))


async def test_notices_are_read_by_kind_and_language(world: World) -> None:
    answer = await world.client("pelagie").get("/v1/consent-notices", params={"kind": "placement", "language": "es"})
    [notice] = answer.json()["items"]
    assert (notice["version"], notice["title"]) == ("2026-01", "Una plaza en una región")


async def test_nobody_agrees_to_a_text_that_does_not_exist(world: World) -> None:
    case = await a_couple_with_a_child(world)
    for change in ({"notice_version": "1999-12"}, {"notice_language": "eo"}):
        refused = await told(world, case, adults_of(case)[0], **change)
        assert [(f["pointer"], f["code"]) for f in refused.json()["errors"]] == [("/notice_version", "unknown_notice")]
    body = {"programme": "asylum", "members": [{"relation": "principal", "name": {"full": "Orsane Velquindor"}, "is_adult": True,
            "birth": {"value": "1988", "precision": "year"}}], "consents": [a_consent(0), a_consent(0, purpose="pilot", notice_language="eo")]}  # fmt: skip
    intake = await world.client("camille").post("/v1/cases", json=body)
    assert [fault["pointer"] for fault in intake.json()["errors"]] == ["/consents/1/notice_version"]


async def test_a_notice_given_is_no_consent(world: World) -> None:
    case = await a_case(world, size=1, consents=[])
    body = {"person_id": adults_of(case)[0], "notice_version": "2026-01", "notice_language": "ar", "channel": "interpreter",
            "occurred_on": on()}  # fmt: skip
    path = f"/v1/cases/{case['id']}/collection-notices"
    assert (await world.client("octave").post(path, json=body)).status_code == 201
    assert (await world.client("camille").get(path)).json()["items"][0]["notice_language"] == "ar"
    seen = (await world.client("camille").get(f"/v1/cases/{case['id']}")).json()
    assert seen["consents"] == []
    recommended = await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")
    assert problem(recommended) == (409, "case-not-placeable")
    assert (await world.client("pelagie").get(path)).status_code == 403


async def test_another_language_has_its_basis_and_ends_when_the_basis_does(world: World) -> None:
    case = await a_case(world, size=1)
    assert problem(await serving(world, case, "es")) == (422, "invalid-content")
    assert problem(await serving(world, case, "fr", basis="health")) == (422, "invalid-content")
    assert problem(await serving(world, case, "es", basis="six_months")) == (422, "invalid-content")
    late = months_after(today(), 6).isoformat()
    assert (await serving(world, case, "es", basis="six_months", ends_on=late)).status_code == 201
    assert problem(await serving(world, case, "es", basis="six_months", ends_on=on(200))) == (422, "invalid-content")
    assert await served_in(world, case) == [("es", True)]


async def test_the_latest_counts_and_once_it_has_ended_french_does(world: World) -> None:
    case = await a_case(world, size=1)
    assert (await serving(world, case, "es", basis="health", starts_on=on(-30))).status_code == 201
    ended = await serving(world, case, "ar", basis="other", starts_on=on(-9), ends_on=on(-1))
    assert ended.json()["in_force"] is False
    assert await served_in(world, case) == [("ar", False), ("es", False)]
    assert (await serving(world, case, "fr")).json()["in_force"] is True


async def test_postgresql_keeps_the_rule_too(world: World) -> None:
    case = await a_case(world, size=1)
    await serving(world, case, "es", basis="health")
    with world.owner() as owner:
        for wrong in ("basis = NULL", "basis = 'six_months'", "ends_on = starts_on - 1"):
            with pytest.raises(Exception, match="ck_service_languages"):
                owner.execute(f"UPDATE service_languages SET {wrong}".encode())


async def test_the_language_goes_with_the_person(world: World) -> None:
    case = await a_case(world, size=2)
    await serving(world, case, "es", basis="health")
    await erased(world, adults_of(case)[0])
    assert await served_in(world, case) == []
    assert problem(await serving(world, case, "es", basis="health")) == (410, "subject-erased")
