"""The schedule: a dry run says what would go, a real one does it, a hold keeps it, the log survives."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner

from casework import cli, retention_sweep
from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.kernel import clock
from casework.kernel.reference_table import ReferenceDataError
from casework.privacy import reference, retention
from casework.privacy.models import ErasureReason
from casework.privacy.reference import Action, RecordClass, erasure_reasons, retention_rules, rules_in_force
from tests.builders import a_case
from tests.privacy.stories import held, people_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def closed(world: World, years_ago: int, size: int = 2) -> dict[str, Any]:
    case = await a_case(world, size=size)
    client = world.client("camille")
    answer = await client.post(
        f"/v1/cases/{case['id']}/close", json={"reason": "Ménage établi."}, headers={"If-Match": '"1"'}
    )
    assert answer.status_code == 200, answer.text
    with world.owner() as connection:
        connection.execute(
            "UPDATE cases SET closed_at = now() - make_interval(years => %s, days => 1) WHERE id = %s",
            (years_ago, case["id"]),
        )
    return case


async def sweep(world: World, *, apply: bool, batch: int = 100) -> dict[str, dict[str, Any]]:
    found = await retention.sweep(world.app.state.database, apply=apply, batch=batch)
    return {str(one.rule.record_class): one.told(apply) for one in found}


def erased_people(world: World) -> set[str]:
    with world.owner() as connection:
        rows = connection.execute(
            "SELECT subject_id FROM subject_keys WHERE erased_at IS NOT NULL AND kind = 'person'"
        ).fetchall()
    return {str(row[0]) for row in rows}


async def test_a_dry_run_names_what_would_go_and_touches_nothing(world: World) -> None:
    old, recent = await closed(world, 7), await closed(world, 6)
    told = await sweep(world, apply=False)
    assert (told["closed_case"]["due"], told["closed_case"]["ids"]) == (1, [old["id"]])
    assert told["closed_case"]["applied"] == 0
    assert recent["id"] not in json.dumps(told)
    assert erased_people(world) == set()


async def test_a_real_run_erases_what_is_due_and_only_that(world: World) -> None:
    old, recent, open_one = await closed(world, 7), await closed(world, 6), await a_case(world, size=1)
    told = await sweep(world, apply=True)
    assert told["closed_case"]["applied"] == 1
    assert erased_people(world) == set(people_of(old))
    for kept in (recent, open_one):
        read = await world.client("camille").get(f"/v1/cases/{kept['id']}")
        assert read.json()["household"] == kept["household"]
    gone = await world.client("camille").get(f"/v1/cases/{old['id']}")
    assert all("erased" in member for member in gone.json()["household"]["members"])
    assert gone.json()["close_reason"] is None
    with world.owner() as connection:
        rows = connection.execute("SELECT reason, rule_code, status FROM erasures").fetchall()
        leaves = connection.execute(
            "SELECT count(*) FROM log_leaves WHERE log = 'milestones' AND body::jsonb ->> 'type' = 'subject.erased'"
        ).fetchone()
    assert rows == [("retention", "closed_case_seven_years", "done")] * 2
    assert leaves == (2,)


async def test_a_second_run_finds_nothing_left(world: World) -> None:
    for _ in range(5):
        await closed(world, 8, size=1)
    assert (await sweep(world, apply=True, batch=2))["closed_case"]["applied"] == 5
    again = await sweep(world, apply=True, batch=2)
    assert {name: rule["due"] for name, rule in again.items()} == {"closed_case": 0, "draft_case": 0, "incident": 0}


async def test_a_run_cut_short_goes_on_where_it_stopped(world: World) -> None:
    cases = [await closed(world, 8, size=1) for _ in range(4)]

    def cut(_rule: str, seen: int) -> None:
        if seen >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await retention.sweep(world.app.state.database, apply=True, batch=2, progress=cut)
    assert len(erased_people(world)) == 2
    assert (await sweep(world, apply=True, batch=2))["closed_case"]["applied"] == 2
    assert erased_people(world) == {person for case in cases for person in people_of(case)}


async def test_what_is_held_stays_and_is_counted_apart(world: World) -> None:
    kept, gone = await closed(world, 9), await closed(world, 9)
    await held(world, person_id=people_of(kept)[0])
    told = await sweep(world, apply=True)
    assert (told["closed_case"]["held"], told["closed_case"]["held_ids"]) == (1, [kept["id"]])
    assert erased_people(world) == set(people_of(gone))


async def test_a_draft_nobody_opened_goes_after_a_year(world: World) -> None:
    old, fresh = await a_case(world, size=1, draft=True), await a_case(world, size=1, draft=True)
    with world.owner() as connection:
        connection.execute("UPDATE cases SET created_at = now() - interval '13 months' WHERE id = %s", (old["id"],))
    assert (await sweep(world, apply=True))["draft_case"]["ids"] == [old["id"]]
    assert erased_people(world) == set(people_of(old))
    assert (await world.client("camille").get(f"/v1/cases/{fresh['id']}")).json()["household"] == fresh["household"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT sealed_name FROM persons",
        "SELECT wrapped FROM subject_keys",
        "SELECT claimed_on FROM cases",
        "SELECT sealed_value FROM identifiers",
        "UPDATE cases SET status = 'closed', closed_at = now()",
        "UPDATE legal_holds SET released_at = now()",
        "DELETE FROM persons",
    ],
)
async def test_the_sweep_reads_no_content_and_lifts_no_hold(world: World, statement: str) -> None:
    await a_case(world, size=1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with world.app.state.database.transaction(system(SystemActor.retention).context()) as session:
            await session.rows(statement)


async def test_the_command_counts_unless_it_is_told_to_act(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await closed(world, 7)
    for apply in (False, True):
        outcome = await retention_sweep.swept(world.app.state.settings, apply=apply, batch=10)
        assert outcome["applied"] is apply
        assert outcome["rules"][0]["ids"] == [old["id"]]
        assert bool(erased_people(world)) is apply
    asked: list[dict[str, Any]] = []

    def noted(**options: Any) -> dict[str, Any]:
        asked.append(options)
        return {"applied": options["apply"], "rules": []}

    monkeypatch.setattr(retention_sweep, "run", noted)
    for arguments in ([], ["--dry-run"], ["--apply"]):
        assert CliRunner().invoke(cli.main, ["retention", "--json", *arguments]).exit_code == 0
    assert [options["apply"] for options in asked] == [False, False, True]


# The rules are dated data


async def test_the_rules_in_force_are_served_with_their_source(world: World) -> None:
    for username in ("prosper", "aurele"):
        answer = await world.client(username).get("/v1/retention-rules", headers={"Accept-Language": "en"})
        assert answer.status_code == 200
        assert [rule["code"] for rule in answer.json()] == [rule.code for rule in rules_in_force(clock.today())]
        assert all("A-2.1" in rule["source"] and rule["owner"] for rule in answer.json())
    assert (await world.client("camille").get("/v1/retention-rules")).status_code == 403


def test_each_class_has_one_rule_today_and_the_law_s_own_period_where_it_has_one() -> None:
    today = {rule.record_class: rule for rule in rules_in_force(clock.today())}
    assert set(today) == set(RecordClass)
    assert today[RecordClass.incident].months >= 60, "A-2.1, r. 3.1, s. 8"
    assert today[RecordClass.closed_case].action is Action.anonymise
    assert set(erasure_reasons()) == set(ErasureReason)
    assert rules_in_force(date(2020, 1, 1)) == ()
    assert len(retention_rules()) == 3


@pytest.mark.parametrize(
    "change",
    [("closed_at", "created_at"), (",84,", ",lots,"), ("anonymise", "hide"), ("2022-12-29,", "2022-12-29,2020-01-01")],
)
def test_a_wrong_rule_is_refused_with_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: tuple[str, str]
) -> None:
    text = (reference.DATA / "retention_rules.csv").read_text(encoding="utf-8")
    assert change[0] in text
    (tmp_path / "retention_rules.csv").write_text(text.replace(*change), encoding="utf-8")
    monkeypatch.setattr(reference, "DATA", tmp_path)
    with pytest.raises(ReferenceDataError, match=r"retention_rules.csv, line \d"):
        retention_rules.__wrapped__()


def test_two_rules_for_one_class_on_one_day_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (reference.DATA / "retention_rules.csv").read_text(encoding="utf-8")
    (tmp_path / "retention_rules.csv").write_text(text + text.splitlines()[1] + "\n", encoding="utf-8")
    monkeypatch.setattr(reference, "DATA", tmp_path)
    with pytest.raises(ReferenceDataError, match="overlapping"):
        retention_rules.__wrapped__()
