"""The access drill finds nothing in the product, and finds what is planted."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from rich.progress import Progress

from casework.authz.policy import FieldGroup, Permission, Role, Sight
from casework.authz.rls import ACTORS, database_role
from casework.evidence import access_recipes, access_walk, drills
from casework.evidence.access_oracle import HELD, Oracle, facts_of
from casework.evidence.access_rows import Rows
from casework.evidence.access_stage import hands, players, stage
from casework.evidence.access_walk import RecipesNotComplete, Tally, Walk, cases_of, routes
from casework.evidence.access_watch import Watch
from casework.evidence.access_weakened import given, shown
from casework.evidence.access_world import build
from casework.evidence.drill_access import Ground

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from casework.evidence.access_stage import Player

SEED = 7
READ_CASE = "GET /v1/cases/{case_id}"


@cache
def outcome() -> dict[str, Any]:
    return drills()["access"](short=True, seed=SEED)


def test_nobody_gets_more_than_the_two_tables_say_and_nobody_less() -> None:
    figures = outcome()["figures"]
    assert (figures["found"], figures["denied"]) == ({}, {})
    assert (figures["leaks"], figures["leaks_rls_only"], figures["denied_wrongly"]) == (0, 0, 0)
    assert outcome()["ok"] is True


def test_every_rule_drawn_is_caught_when_it_is_weakened() -> None:
    figures = outcome()["figures"]
    assert figures["missed"] == []
    assert figures["weakened_caught"] == figures["weakened"] > 0
    assert {"policy", "cell", "mask", "gate", "gate removed"} <= set(figures["weakened_by_kind"])
    assert all(figures["equivalent_by_construction"].values())


def test_the_walk_meets_every_relation_and_the_naive_wall_leaks() -> None:
    figures = outcome()["figures"]
    assert {
        "own", "same_office", "same_region", "granted", "expired_grant", "ended_agreement", "foreign", "absent",
    } <= set(figures["relations"])  # fmt: skip
    assert figures["cells"] > figures["requests"] > 0
    assert outcome()["control"]["failed"] is True


# What is planted is found


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Ground]:
    people = players()
    async with stage() as found:
        await build(found, people, short=True)
        await found.renew()
        facts = await facts_of(await found.superuser())
        watch = Watch(await found.superuser(), facts)
        await watch.begin()
        with Progress(disable=True) as progress:
            yield Ground(found, watch, Oracle(facts), people, random.Random(SEED), True, progress)


def one(ground: Ground, name: str) -> Player:
    return next(who for who in (*ground.people, *hands()) if who.name == name)


async def leaks_of(ground: Ground, who: str, operation: str, *, gates: bool = True) -> list[str]:
    tally = Tally()
    recipes = [recipe for recipe in access_recipes.RECIPES if recipe.operation == operation]
    await ground.walk(tally, gates=gates).run(cases_of(ground.oracle, [one(ground, who)], recipes), lambda: None)
    assert tally.requests
    return list(tally.leaks)


async def below(ground: Ground, who: str, table: str) -> list[str]:
    tally = Tally()
    rows = Rows(await ground.stage.superuser(), ground.stage.context_key, ground.oracle, tally)
    await rows.run(one(ground, who), [table])
    return list(tally.leaks)


@pytest.mark.anyio
async def test_a_policy_replaced_by_true_is_found_through_http_and_below_it(ground: Ground) -> None:
    owner = await ground.stage.superuser()
    assert await leaks_of(ground, "raoul", READ_CASE) == []
    assert await below(ground, "raoul", "cases") == []
    async with owner.transaction(force_rollback=True):
        await owner.execute("ALTER POLICY partner_select ON cases USING (true)")
        found = await below(ground, "raoul", "cases")
    assert any("rows out of reach" in leak for leak in found)
    assert any("without a context" in leak for leak in found)


@pytest.mark.anyio
async def test_grants_that_one_may_not_vouch_for_are_found(ground: Ground) -> None:
    owner = await ground.stage.superuser()
    for operation in ("GET /v1/grants", "POST /v1/grants/{grant_id}/approve"):
        assert await leaks_of(ground, "pelagie", operation) == []
    assert await below(ground, "pelagie", "role_grants") == []
    async with owner.transaction(force_rollback=True):
        await owner.execute("ALTER POLICY partner_select ON role_grants USING (true)")
        found = await below(ground, "pelagie", "role_grants")
    assert any("rows out of reach" in leak for leak in found)


@pytest.mark.anyio
async def test_without_the_gate_the_glass_holds_and_a_wall_that_lets_it_break_is_found(ground: Ground) -> None:
    recipes = [recipe for recipe in access_recipes.RECIPES if recipe.blind]
    cases = cases_of(ground.oracle, [one(ground, "melchior")], recipes)

    async def walked() -> list[str]:
        tally = Tally()
        await ground.walk(tally, gates=False).run(cases, lambda: None)
        return list(tally.leaks)

    assert await walked() == []
    owner = await ground.stage.superuser()
    asked = "SELECT with_check FROM pg_policies WHERE tablename = 'glass_breaks' AND policyname = 'glazier_insert'"
    [check] = await (await owner.execute(asked)).fetchone() or ()
    try:
        await owner.execute("ALTER POLICY glazier_insert ON glass_breaks WITH CHECK (true)")
        assert any("out of reach" in leak for leak in await walked())
    finally:
        await owner.execute(f"ALTER POLICY glazier_insert ON glass_breaks WITH CHECK ({check})".encode())


@pytest.mark.anyio
async def test_a_masked_field_shown_whole_is_found(ground: Ground) -> None:
    assert await leaks_of(ground, "sidonie", READ_CASE) == []
    with shown(FieldGroup.birth, Role.sponsor_spokesperson, Sight.read):
        found = await leaks_of(ground, "sidonie", READ_CASE)
    assert found
    assert all("birth is not masked" in leak for leak in found)


@pytest.mark.anyio
async def test_a_hidden_column_granted_is_found(ground: Ground) -> None:
    owner = await ground.stage.superuser()
    assert await below(ground, "raoul", "cases") == []
    async with owner.transaction(force_rollback=True):
        await owner.execute(f"GRANT SELECT (claimed_on) ON cases TO {database_role(Role.partner)}".encode())
        found = await below(ground, "raoul", "cases")
    assert found == ["SELECT cases as raoul: column claimed_on is granted"]


@pytest.mark.anyio
async def test_a_permission_too_many_is_found(ground: Ground) -> None:
    operation = "POST /v1/cases/{case_id}/close"
    assert await leaks_of(ground, "pelagie", operation) == []
    with given(Permission.case_close, Role.partner):
        assert await leaks_of(ground, "pelagie", operation)


@pytest.mark.anyio
async def test_without_its_gates_the_application_still_shows_nothing(ground: Ground) -> None:
    for who in ("melchior", "aurele", "adele"):
        assert await leaks_of(ground, who, READ_CASE, gates=False) == []


@pytest.mark.anyio
async def test_a_change_that_nobody_allowed_is_seen_and_undone(ground: Ground) -> None:
    """The watch is what says that rows are unchanged: it has to see one row in one table."""
    owner = await ground.stage.superuser()
    assert (await ground.watch.look()).nothing
    await owner.execute("UPDATE needs SET bedrooms = 9 WHERE id = (SELECT id FROM needs ORDER BY id LIMIT 1)")
    seen = await ground.watch.look()
    assert seen.written == {"needs": 1}
    assert not seen.refusal_noted
    assert len(seen.cases["needs"]) == 1
    again = await owner.execute("SELECT count(*) FROM needs WHERE bedrooms = 9")
    assert await again.fetchone() == (0,)
    assert (await ground.watch.look()).nothing


@pytest.mark.anyio
async def test_a_route_without_a_recipe_fails_the_drill_by_name(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert routes(ground.stage)
    fewer = tuple(recipe for recipe in access_recipes.RECIPES if recipe.operation != READ_CASE)
    monkeypatch.setattr(access_walk, "RECIPES", fewer)
    with pytest.raises(RecipesNotComplete, match=r"GET /v1/cases/\{case_id\}"):
        Walk(ground.stage, ground.watch, ground.oracle, Tally())


def test_the_oracle_holds_copies_that_a_weakened_table_does_not_touch() -> None:
    with given(Permission.case_close, Role.auditor):
        assert Role.auditor not in HELD[Permission.case_close]
    assert set(HELD) == set(Permission)
    assert set(Role) < set(ACTORS)
