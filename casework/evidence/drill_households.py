"""`casework drill households`: families are born, part, meet, die, are merged and parted again, 10,000 steps at random.

After every step the tables are asked whether anybody is in two households, any history was lost or rewritten, any
record stands away from its person, and, when a merge is undone, whether every row is again what it was.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg

from casework.evidence.access_stage import players, stage
from casework.evidence.households_state import Town, lead
from casework.evidence.report import Run
from casework.kernel import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS, SHORT_STEPS = 10_000, 500
TURNS, SHORT_TURNS = 100, 20
# Each invariant broken by hand, where the database would have refused it: the judge has to say so.
UNGUARDED = (
    "ALTER TABLE memberships DISABLE TRIGGER USER", "DROP INDEX uq_memberships_current",
    "DROP INDEX uq_memberships_principal",
)  # fmt: skip
AGAIN = (
    "INSERT INTO memberships (id, case_id, office_id, region_code, household_id, person_id, relation, starts_on)"
    " SELECT gen_random_uuid(), case_id, office_id, region_code, household_id, person_id, relation, starts_on"
    " FROM memberships WHERE ends_on IS NULL AND relation = 'principal' LIMIT 1"
)
PLANTED = {
    "in_two_households": AGAIN,
    "days_overlap": AGAIN,
    "two_principals": AGAIN,
    "the_dead_or_merged_counted": (
        "UPDATE persons SET deceased_at = '2001-01-01' WHERE id = (SELECT person_id FROM memberships"
        " WHERE ends_on IS NULL LIMIT 1)"
    ),
    "record_away_from_its_person": (
        "UPDATE persons p SET case_id = (SELECT id FROM cases c WHERE c.id <> p.case_id LIMIT 1)"
        " WHERE p.id = (SELECT person_id FROM memberships WHERE ends_on IS NULL LIMIT 1)"
    ),
    "chain_of_merges": (
        "UPDATE persons p SET merged_into = (SELECT id FROM persons o WHERE o.id <> p.id ORDER BY id LIMIT 1)"
    ),
    "link_told_at_one_end": "DELETE FROM case_links WHERE id = (SELECT id FROM case_links LIMIT 1)",
}


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("households", short, seed)
    logs.configure("error")
    steps, turns = (SHORT_STEPS, SHORT_TURNS) if short else (STEPS, TURNS)
    who = next(one for one in players() if one.name == "camille")
    with asyncio.Runner() as runner:
        place = stage()
        found = runner.run(place.__aenter__())
        try:
            url = found.cluster.url("superuser", found.database)
            with psycopg.connect(url, autocommit=True) as owner:
                town = Town(found, runner, owner, who)
                lead(town, steps, turns, [seed + number for number in range(10 * steps // turns)])
                caught = sorted(_caught(town))
        finally:
            runner.run(place.__aexit__(None, None, None))
    figures = {
        "steps": town.steps, "wrong": sorted(set(town.wrong)), "answers": dict(sorted(town.answers.items())),
        "accepted": sum(n for name, n in town.answers.items() if name.rpartition(" ")[2] < "300"),
    }  # fmt: skip
    control = {
        "what": "each invariant broken by hand, the database's own guards taken down",
        "caught": caught,
        "failed": caught == sorted(PLANTED),
    }
    ok = not town.wrong and town.steps >= steps
    return done.outcome(ok=ok, figures=figures, control=control)


def _caught(town: Town) -> Iterator[str]:
    """Names of the invariants whose breach the judge saw; nothing of it stays."""
    for name, breach in PLANTED.items():
        with town.owner.transaction(force_rollback=True):
            for statement in (*UNGUARDED, breach):
                town.owner.execute(statement.encode())
            if name in town.broken():
                yield name
