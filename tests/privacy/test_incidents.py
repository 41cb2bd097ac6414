"""The register of confidentiality incidents: eight fields, notices due, nothing rewritten, five years kept."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.authz.caller import Caller, system
from casework.authz.policy import Role, SystemActor
from casework.kernel import clock
from casework.privacy import retention
from casework.privacy.models import IncidentVersion
from casework.privacy.notices import PROMPT_DAYS, kept_until, notices

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


def day(ago: int) -> str:
    return (clock.today() - timedelta(days=ago)).isoformat()


def told(ago: int = 1, **changes: Any) -> dict[str, Any]:
    """A list sent to the wrong partner, known `ago` days ago."""
    return {
        "information_known": True,
        "information": "Noms et numéros de téléphone de ménages",
        "circumstances": "Une liste est partie au mauvais organisme",
        "occurred": {"from": day(ago + 1), "until": day(ago)},
        "aware": {"from": day(ago), "until": day(ago)},
        "persons_count": 3,
        "persons_approximate": False,
        "sensitivity": "high",
        "malicious_uses": "Retrouver une personne qui se cache",
        "consequences": "Atteinte à la sécurité",
        "likelihood": "moderate",
        "serious_risk": True,
        "measures": "Destruction attestée par le destinataire",
        **changes,
    }


async def recorded(world: World, **changes: Any) -> dict[str, Any]:
    answer = await world.client("prosper").post("/v1/incidents", json=told(**changes))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def amended(world: World, incident: dict[str, Any], version: int, **changes: Any) -> httpx.Response:
    return await world.client("prosper").post(
        f"/v1/incidents/{incident['id']}/amendments",
        json={**told(**changes), "change_reason": changes.pop("change_reason", "Suite de l'enquête")},
        headers={"If-Match": f'"{version}"'},
    )


async def test_an_entry_holds_the_eight_fields_and_says_what_is_due(world: World) -> None:
    made = await recorded(world)
    read = await world.client("aurele").get(f"/v1/incidents/{made['id']}")
    assert read.status_code == 200
    entry = read.json()
    for name, value in told().items():
        if name not in {"occurred", "aware"}:
            assert entry[name] == value, name
    assert entry["occurred"] == {"from": day(2), "until": day(1), "approximate": False}
    assert entry["notices"] == {
        kind: {"due": True, "given_on": None, "days_since_aware": 1, "overdue": False}
        for kind in ("commission", "persons")
    }
    assert entry["kept_until"] == kept_until(clock.today() - timedelta(days=1)).isoformat()


async def test_the_words_stand_sealed_and_the_log_keeps_none_of_them(world: World) -> None:
    await recorded(world)
    with world.owner() as connection:
        for table in [
            row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname='public'")
        ]:
            for (text,) in connection.execute(f"SELECT t::text FROM {table} t".encode()).fetchall():
                assert "mauvais organisme" not in text, table
                assert "se cache" not in text, table


async def test_an_amendment_adds_a_version_and_takes_nothing_away(world: World) -> None:
    made = await recorded(world)
    answer = await amended(world, made, 1, commission_notified_on=day(0), persons_count=4)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["version"], answer.headers["etag"]) == (2, '"2-programme_manager"')
    stale = await amended(world, made, 1)
    assert (stale.status_code, stale.json()["type"]) == (412, "/v1/problems/stale-version")
    history = (await world.client("aurele").get(f"/v1/incidents/{made['id']}/history")).json()
    assert [(entry["version"], entry["persons_count"], entry["change_reason"]) for entry in history] == [
        (1, 3, None), (2, 4, "Suite de l'enquête"),
    ]  # fmt: skip
    now = (await world.client("prosper").get(f"/v1/incidents/{made['id']}")).json()
    assert (now["notices"]["commission"]["given_on"], now["notices"]["persons"]["due"]) == (day(0), True)


async def test_what_is_still_due_is_listed_and_shown_late(world: World) -> None:
    late = await recorded(world, ago=PROMPT_DAYS + 1)
    deferred = await recorded(
        world, commission_notified_on=day(0), persons_notice_deferred=True, deferral_reason="Enquête policière en cours"
    )
    harmless = await recorded(world, serious_risk=False)
    done = await recorded(world, commission_notified_on=day(0), persons_notified_on=day(0))
    half = await recorded(world, commission_notified_on=day(0))
    listed = (await world.client("prosper").get("/v1/incidents?notice_due=true")).json()["items"]
    assert [entry["id"] for entry in listed] == [half["id"], late["id"]]
    assert [entry["notices"]["commission"]["overdue"] for entry in listed] == [False, True]
    every = (await world.client("prosper").get("/v1/incidents")).json()["items"]
    assert {entry["id"] for entry in every} == {entry["id"] for entry in (late, deferred, harmless, done, half)}


@pytest.mark.parametrize(
    "changes",
    [
        {"commission_notified_on": "2999-01-01"},
        {"aware": {"from": "2026-10-02", "until": "2026-10-01"}},
        {"aware": {"from": "2026-10-02", "until": "2999-10-01"}},
        {"occurred": {"from": day(0), "until": day(0)}, "aware": {"from": day(1), "until": day(1)}},
        {"public_notice_on": day(0)},
        {"persons_notice_deferred": True},
        {"deferral_reason": "Parce que"},
        {"persons_count": -1},
        {"sensitivity": "extreme"},
        {"serious_risk": "yes"},
        {"measures": " "},
    ],
)
async def test_an_entry_that_contradicts_itself_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = await world.client("prosper").post("/v1/incidents", json=told(**changes))
    assert answer.status_code == 422
    assert answer.json()["errors"]
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM incidents").fetchone() == (0,)


async def test_who_records_and_who_reads(world: World) -> None:
    made = await recorded(world)
    for username in ("camille", "ines", "coralie", "pelagie", "sidonie", "melchior", "adele"):
        client = world.client(username)
        assert (await client.get(f"/v1/incidents/{made['id']}")).status_code == 403
        assert (await client.get("/v1/incident-register")).status_code == 403
        assert (await client.post("/v1/incidents", json=told())).status_code == 403
    assert (await world.client("aurele").post("/v1/incidents", json=told())).status_code == 403
    absent = await world.client("aurele").get("/v1/incidents/01890000-0000-7000-8000-000000000000")
    assert absent.status_code == 404


async def test_nobody_rewrites_an_entry_nor_removes_it_before_five_years(world: World) -> None:
    await recorded(world)
    me = Caller(world.key("prosper"), Role.programme_manager, "prosper", world.key("prosper/grant"))
    sweeper = system(SystemActor.retention)
    for actor, statement in (
        (me, "UPDATE incident_versions SET persons_count = 0"),
        (me, "DELETE FROM incident_versions"),
        (me, "UPDATE incidents SET wrapped = ''"),
        (sweeper, "DELETE FROM incident_versions"),
        (sweeper, "UPDATE incidents SET aware_until = '2001-01-01'"),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with world.app.state.database.transaction(actor.context()) as session:
                await session.rows(statement)
    with world.owner() as owner, pytest.raises(psycopg.errors.InsufficientPrivilege, match="kept as it was written"):
        owner.execute("UPDATE incident_versions SET persons_count = 0")


async def test_after_five_years_the_schedule_removes_it_and_the_log_says_so(world: World) -> None:
    old = await recorded(world, ago=5 * 366 + 2)
    kept = await recorded(world, ago=5 * 365 - 2)
    learned_more = await recorded(world, ago=5 * 366 + 2)
    assert (await amended(world, learned_more, 1, ago=10)).status_code == 201
    database = world.app.state.database
    [due] = [one for one in await retention.sweep(database, apply=True) if one.rule.record_class == "incident"]
    assert [str(one) for one in due.due] == [old["id"]]
    client = world.client("prosper")
    assert (await client.get(f"/v1/incidents/{old['id']}")).status_code == 404
    left = (await client.get("/v1/incidents")).json()["items"]
    assert {entry["id"] for entry in left} == {kept["id"], learned_more["id"]}
    with world.owner() as connection:
        leaves = connection.execute(
            "SELECT body::jsonb -> 'facts' ->> 'incident' FROM log_leaves"
            " WHERE body::jsonb ->> 'type' = 'incident.removed'"
        ).fetchall()
    assert leaves == [(old["id"],)]


async def test_the_register_is_handed_over_with_its_count_range_hash_and_checkpoint(world: World) -> None:
    entries = [await recorded(world, ago=since) for since in (40, 20, 1)]
    await world.sequence()
    answer = await world.client("aurele").get(f"/v1/incident-register?aware_from={day(30)}&aware_until={day(0)}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jsonl"
    first, _, lines = answer.content.partition(b"\n")
    manifest = json.loads(first)
    assert manifest["rows"] == {"incidents": 2}
    assert manifest["aware"] == {"from": day(30), "until": day(0)}
    assert manifest["content_sha256"] == hashlib.sha256(lines).hexdigest()
    assert manifest["range"]["from"] <= manifest["range"]["until"]
    assert manifest["checkpoint"] == (await world.client("aurele").get("/v1/log/checkpoint?log=audit")).text
    assert [json.loads(line)["id"] for line in lines.splitlines()] == [entry["id"] for entry in entries[1:]]
    assert json.loads(lines.splitlines()[0])["aware"]["from"] == day(20)
    with world.owner() as connection:
        [(kept,)] = connection.execute(
            "SELECT body::jsonb -> 'facts' ->> 'content_sha256' FROM log_leaves"
            " WHERE body::jsonb ->> 'type' = 'incident_register.exported'"
        ).fetchall()
    assert kept == manifest["content_sha256"]


def version(**known: Any) -> IncidentVersion:
    return IncidentVersion(aware_from=date(2026, 3, 2), persons_notice_deferred=False, **known)


def test_a_notice_is_late_the_day_after_the_limit_and_never_once_given() -> None:
    limit = date(2026, 3, 2 + PROMPT_DAYS)
    for today, late in ((limit, False), (limit + timedelta(days=1), True)):
        due = notices(version(serious_risk=True), today)
        assert [due[kind]["overdue"] for kind in ("commission", "persons")] == [late, late]
        given = notices(version(serious_risk=True, commission_notified_on=limit, persons_notified_on=limit), today)
        assert not any(given[kind]["due"] or given[kind]["overdue"] for kind in given)
        calm = notices(version(serious_risk=False), today)
        assert not any(calm[kind]["due"] for kind in calm)


def test_five_years_from_a_leap_day_end_on_the_first_of_march() -> None:
    assert kept_until(date(2024, 2, 29)) == date(2029, 3, 1)
    assert kept_until(date(2026, 11, 24)) == date(2031, 11, 24)
