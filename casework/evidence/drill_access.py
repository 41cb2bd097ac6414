"""`casework drill access`: everybody asks for everything, through HTTP and below it, and every rule is weakened once.

A cell is one (role, operation, relation, state, field). A leak is an answer that shows more than the oracle allows, a
change where none is allowed, or an object out of reach that is told apart from one that does not exist.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from rich.console import Console
from rich.progress import Progress

from casework.authz.policy import Role
from casework.evidence import access_weakened
from casework.evidence.access_oracle import SHIELD_OF, Oracle, facts_of
from casework.evidence.access_rows import Rows
from casework.evidence.access_stage import hands, players, stage
from casework.evidence.access_walk import Tally, Walk, cases_of, routes
from casework.evidence.access_watch import Watch
from casework.evidence.access_world import build
from casework.evidence.report import Run
from casework.kernel import logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casework.evidence.access_stage import Player, Stage
    from casework.evidence.access_weakened import Weakening

FULL_CELLS = 100_000
# What the short form takes of each part, drawn with the seed.
SHORT_REQUESTS, SHORT_TABLES, SHORT_WEAKENED = 200, 40, 40
# The naive variant: the database shows every case, the lists filter by themselves.
NAIVE = "ALTER POLICY partner_select ON cases USING (true)"


@dataclass(slots=True)
class Ground:
    """The built world, ready to be asked."""

    stage: Stage
    watch: Watch
    oracle: Oracle
    people: list[Player]
    rng: random.Random
    short: bool
    progress: Progress

    def walk(self, tally: Tally, *, gates: bool = True) -> Walk:
        self.stage.app.state.gates_enforced = gates
        return Walk(self.stage, self.watch, self.oracle, tally, gates=gates)

    def some(self, all_of_them: Sequence[Any], number: int) -> list[Any]:
        few = self.short and number < len(all_of_them)
        return self.rng.sample(list(all_of_them), number) if few else list(all_of_them)

    def bar(self, text: str, total: int) -> Any:
        task = self.progress.add_task(text, total=total)
        return lambda: self.progress.advance(task)


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("access", short, seed)
    logs.configure("error")
    return asyncio.run(_drilled(done, random.Random(seed)))


async def _drilled(done: Run, rng: random.Random) -> dict[str, Any]:
    people = players()
    async with stage() as found:
        await build(found, people, short=done.short)
        await found.renew()
        facts = await facts_of(await found.superuser())
        watch = Watch(await found.superuser(), facts)
        await watch.begin()
        with Progress(console=Console(stderr=True)) as progress:
            ground = Ground(found, watch, Oracle(facts), people, rng, done.short, progress)
            gated, bare = await _asked(ground, gates=True), await _asked(ground, gates=False)
            below = await _below(ground)
            outcome = await _weakened(ground)
            control = await _control(ground)
    return _verdict(done, gated, bare, below, outcome, control, len(routes(found)))


async def _asked(ground: Ground, *, gates: bool) -> Tally:
    """HTTP, with the application's own checks on or off."""
    tally = Tally()
    cases = ground.some(cases_of(ground.oracle, ground.people), SHORT_REQUESTS)
    text = "contrôles actifs / checks on" if gates else "contrôles ôtés / checks off"
    await ground.walk(tally, gates=gates).run(cases, ground.bar(text, len(cases)))
    return tally


async def _below(ground: Ground) -> Tally:
    """SQL, as each database role through the log-in role."""
    tally, url = Tally(), ground.stage.cluster.url("server", ground.stage.database)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        rows = Rows(connection, ground.stage.context_key, ground.oracle, tally)
        pairs = [(who, table) for who in (*ground.people, *hands()) for table in SHIELD_OF]
        chosen = ground.some(pairs, SHORT_TABLES)
        step = ground.bar("rôles et tables / roles and tables", len(chosen))
        for who, table in chosen:
            await rows.run(who, [table])
            step()
        for who in ground.people:
            await rows.witnesses(who)
    return tally


async def _weakened(ground: Ground) -> access_weakened.Outcome:
    outcome, superuser = access_weakened.Outcome(), await ground.stage.superuser()
    everybody = [*ground.people, *hands()]
    rules: list[Weakening] = [
        *access_weakened.policies("casework_owner"),
        *access_weakened.columns(ground.oracle),
        *access_weakened.cells("casework_owner", outcome),
    ]
    chosen = ground.some(rules, SHORT_WEAKENED)
    step = ground.bar("règles affaiblies / weakened rules", len(chosen))
    known: dict[Any, Counter[str]] = {}
    for rule in chosen:
        found, guarded = await access_weakened.weaken(
            superuser, ground.stage.context_key, ground.oracle, everybody, rule
        )
        caught = bool(found.leaks - await _known(ground, rule, known)) if found.leaks else False
        if not caught and access_weakened.bounded_by_parent(ground.oracle, rule):
            outcome.equivalent[f"{rule.kind}: {rule.name}"] = access_weakened.BOUNDED
        elif not caught and access_weakened.guarded_by_trigger(rule, guarded):
            outcome.equivalent[f"{rule.kind}: {rule.name}"] = access_weakened.TRIGGER
        elif not caught and await access_weakened.ungranted(superuser, rule):
            outcome.equivalent[f"{rule.kind}: {rule.name}"] = access_weakened.UNGRANTED
        else:
            outcome.note(rule.kind, rule.name, caught=caught)
        step()
    await access_weakened.masks(ground, outcome)
    await access_weakened.gates(ground, outcome)
    return outcome


async def _known(ground: Ground, rule: Weakening, known: dict[Any, Counter[str]]) -> Counter[str]:
    """What the same cells tell with the rule as it is: a leak that stands is no proof that this one was caught."""
    at = (rule.actor, rule.tables, rule.commands)
    if at not in known:
        plain = access_weakened.Weakening(rule.kind, rule.name, rule.actor, (), rule.tables, rule.commands)
        everybody, superuser = [*ground.people, *hands()], await ground.stage.superuser()
        found, _ = await access_weakened.weaken(superuser, ground.stage.context_key, ground.oracle, everybody, plain)
        known[at] = found.leaks
    return known[at]


async def _control(ground: Ground) -> dict[str, Any]:
    """The wall without one rule, asked as before through HTTP: the drill has to see it."""
    superuser, tally = await ground.stage.superuser(), Tally()
    [kept] = await (await superuser.execute(
        "SELECT qual FROM pg_policies WHERE tablename = 'cases' AND policyname = 'partner_select'"
    )).fetchone() or [""]  # fmt: skip
    partners = [who for who in ground.people if who.role is Role.partner and who.client_id is None]
    reads = [case for case in cases_of(ground.oracle, partners) if case[0].operation in {
        "GET /v1/cases", "GET /v1/cases/{case_id}"}]  # fmt: skip
    await superuser.execute(NAIVE.encode())
    await ground.walk(tally).run(reads, ground.bar("témoin / control", len(reads)))
    await superuser.execute(f"ALTER POLICY partner_select ON cases USING ({kept})".encode())
    return {
        "what": "the database shows a partner every case, and the application filters by itself",
        "requests": tally.requests,
        "leaks": sum(tally.leaks.values()),
        "failed": bool(tally.leaks),
    }


def _verdict(  # noqa: PLR0913, PLR0917 -- the drill's parts, once each
    done: Run, gated: Tally, bare: Tally, below: Tally, outcome: access_weakened.Outcome, control: dict[str, Any],
    operations: int,
) -> dict[str, Any]:  # fmt: skip
    cells = gated.cells | bare.cells | below.cells
    weakened = sum(outcome.weakened.values())
    denied = gated.denied + below.denied
    figures = {
        "cells": len(cells),
        "cells_http": len(gated.cells),
        "cells_below_http": len(below.cells),
        "requests": gated.requests + bare.requests,
        "leaks": sum(gated.leaks.values()),
        "leaks_rls_only": sum(bare.leaks.values()) + sum(below.leaks.values()),
        "denied_wrongly": sum(denied.values()),
        "weakened": weakened,
        "weakened_caught": weakened - len(outcome.missed),
        "weakened_by_kind": outcome.weakened,
        "equivalent": len(outcome.equivalent),
        "roles": len({cell[0] for cell in cells}),
        "operations": operations,
        "relations": sorted({cell[2] for cell in cells}),
        "found": dict((gated.leaks + bare.leaks + below.leaks).most_common(40)),
        "denied": dict(denied.most_common(20)),
        "missed": outcome.missed[:40],
        "equivalent_by_construction": outcome.equivalent,
    }
    enough = done.short or len(cells) >= FULL_CELLS
    clean = not (figures["leaks"] or figures["leaks_rls_only"] or figures["denied_wrongly"] or outcome.missed)
    return done.outcome(ok=clean and enough and weakened > 0, figures=figures, control=control)
