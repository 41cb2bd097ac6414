"""What an adult says of a recommendation is kept, and reviewed by another person (A-2.1, s. 65.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import adults_of
from tests.placement.households import ABSENT, a_couple_with_a_child, problem
from tests.privacy.stories import erased

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def a_recommendation(world: World, by: str = "camille") -> tuple[dict[str, Any], str]:
    """A household and what was recommended to it."""
    case = await a_couple_with_a_child(world)
    made = await world.client(by).post(f"/v1/cases/{case['id']}/recommendations")
    assert made.status_code == 201, made.text
    return case, made.json()["id"]


async def saying(world: World, about: str, person_id: str, by: str = "camille", **changes: Any) -> httpx.Response:
    body = {"person_id": person_id, "channel": "phone", "language": "es", "text": "Ma sœur vit à Norvalis.", **changes}
    return await world.client(by).post(f"/v1/recommendations/{about}/observations", json=body)


async def reviewing(world: World, said: dict[str, Any], by: str, version: int | None = None) -> httpx.Response:
    body = {"outcome": "new_recommendation", "reason": "Le lien familial n'avait pas été inscrit."}
    tag = {"If-Match": f'"{version or said["version"]}"'}
    return await world.client(by).post(f"/v1/observations/{said['id']}/review", json=body, headers=tag)


async def listed(world: World, about: str, by: str = "camille") -> list[dict[str, Any]]:
    answer = await world.client(by).get(f"/v1/recommendations/{about}/observations")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def leaves(world: World) -> int:
    with world.owner() as owner:
        return int(str(owner.execute("SELECT count(*) FROM log_leaves").fetchall()[0][0]))


async def test_what_is_said_is_reviewed_by_another_and_both_are_told(world: World) -> None:
    case, about = await a_recommendation(world)
    before = leaves(world)
    answer = await saying(world, about, adults_of(case)[0])
    said = answer.json()
    assert (answer.status_code, said["text"], said["outcome"]) == (201, "Ma sœur vit à Norvalis.", None)
    assert said["recorded_by"] == str(world.key("camille"))
    reviewed = await reviewing(world, said, "basile")
    assert reviewed.status_code == 200, reviewed.text
    assert leaves(world) == before + 2
    [shown] = await listed(world, about, "prosper")
    assert shown == reviewed.json()
    assert (shown["outcome"], shown["reviewed_by"]) == ("new_recommendation", str(world.key("basile")))
    assert shown["review"] == "Le lien familial n'avait pas été inscrit."


async def test_neither_the_author_nor_the_recorder_reviews(world: World) -> None:
    case, about = await a_recommendation(world, by="camille")
    said = (await saying(world, about, adults_of(case)[0], by="basile")).json()
    for who in ("camille", "basile"):
        assert problem(await reviewing(world, said, who)) == (409, "reviewer-not-another"), who
    assert [one["outcome"] for one in await listed(world, about)] == [None]
    assert (await reviewing(world, said, "prosper")).status_code == 200


async def test_a_review_stands_once_made(world: World) -> None:
    case, about = await a_recommendation(world)
    said = (await saying(world, about, adults_of(case)[0])).json()
    assert (await reviewing(world, said, "basile", version=7)).status_code == 412
    assert (await reviewing(world, said, "basile")).status_code == 200
    assert problem(await reviewing(world, said, "prosper", version=2)) == (409, "observation-reviewed")


async def test_an_adult_of_the_household_speaks(world: World) -> None:
    case, about = await a_recommendation(world)
    other, _ = await a_recommendation(world)
    [child] = [one["person_id"] for one in case["household"]["members"] if not one["is_adult"]]
    assert problem(await saying(world, about, child)) == (409, "observer-not-adult")
    for stranger in (adults_of(other)[0], ABSENT):
        assert (await saying(world, about, stranger)).status_code == 404
    assert await listed(world, about) == []


async def test_out_of_reach_is_told_like_absent(world: World) -> None:
    case, about = await a_recommendation(world)
    said = (await saying(world, about, adults_of(case)[0])).json()
    real = await reviewing(world, said, "edmee")
    absent = await reviewing(world, {**said, "id": ABSENT}, "edmee")
    assert (real.status_code, real.content) == (absent.status_code, absent.content)
    read = [await world.client("edmee").get(f"/v1/recommendations/{one}/observations") for one in (about, ABSENT)]
    assert [one.status_code for one in read] == [404, 404]
    assert read[0].content == read[1].content
    for who in ("octave", "pelagie", "aurele"):
        assert (await saying(world, about, adults_of(case)[0], by=who)).status_code == 403, who
        assert (await reviewing(world, said, who)).status_code == 403, who


async def test_row_security_alone_keeps_them_from_another_region(world: World) -> None:
    case, about = await a_recommendation(world)
    said = (await saying(world, about, adults_of(case)[0])).json()
    world.app.state.gates_enforced = False
    for who in ("edmee", "octave", "pelagie"):
        assert (await reviewing(world, said, who)).status_code == 404, who


async def test_the_words_are_sealed_and_go_with_who_said_them(world: World) -> None:
    case, about = await a_recommendation(world)
    first, second = adults_of(case)
    said = (await saying(world, about, first)).json()
    await saying(world, about, second, text="Rien à redire.")
    assert (await reviewing(world, said, "basile")).status_code == 200
    assert b"Norvalis" not in stored(world)[0]
    assert b"familial" not in stored(world)[1]
    await erased(world, first)
    assert [(one["text"], one["review"]) for one in await listed(world, about)] == [
        ("Rien à redire.", None),
        (None, None),
    ]
    assert stored(world, first) == (b"", b"")
    assert problem(await saying(world, about, first)) == (410, "subject-erased")


def stored(world: World, person_id: str | None = None) -> tuple[bytes, bytes]:
    """What the columns hold, of everybody or of one person."""
    with world.owner() as owner:
        rows = owner.execute(
            "SELECT sealed_text, coalesce(sealed_review, '') FROM observations"
            " WHERE %(person)s::uuid IS NULL OR person_id = %(person)s::uuid",
            {"person": person_id},
        ).fetchall()
    return b"".join(bytes(row[0]) for row in rows), b"".join(bytes(row[1]) for row in rows)
