"""The API's answer and the command on an export are the same figures; who reads them is on record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from casework.cli import main
from casework.indicators import service
from tests.milestones.steps import correct, days_ago, on, person, placed, recorded, shared, slug, the_velquindors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import World

pytestmark = pytest.mark.anyio
HOSTS = {"pelagie": "le-phare/10043", "raoul": "racines-d-estrie/43027"}


async def lived(world: World, by: str, number: int) -> None:
    """A household that arrived forty days ago; its arrival stands in the log as a placement writes it."""
    case = await the_velquindors(world, consents=shared(), claimed_on=days_ago(80).isoformat())
    await placed(world, case, HOSTS[by], by, days_ago(42), days_ago(40))
    client = world.client(by)
    visit = await recorded(client, case, "FIRST_VISIT", person(case), occurred_on=on(days_ago(39 - number)))
    if number == 0:
        assert (await correct(client, visit, "partner", occurred_on=on(days_ago(38)))).status_code == 201
    if number % 2:
        await recorded(client, case, "RETENTION_30", person(case), occurred_on=on(days_ago(9)))


async def exported(world: World, folder: Path) -> list[str]:
    """A complete export, in pages of seven entries."""
    aurele, path, files = world.client("aurele"), "/v1/milestone-log?limit=7", list[str]()
    while path:
        page = await aurele.get(path)
        assert page.status_code == 200, page.text
        file = folder / f"page-{len(files)}.jsonl"
        file.write_bytes(page.content)
        files.append(str(file))
        path = page.headers.get("link", "").partition(">")[0].removeprefix("<")
    return files


async def test_the_command_on_an_export_and_the_api_agree_on_every_figure(world: World, tmp_path: Path) -> None:
    for by, count in (("pelagie", 6), ("raoul", 2)):
        for number in range(count):
            await lived(world, by, number)
    await world.sequence()
    files = await exported(world, tmp_path)
    aurele, day, answers = world.client("aurele"), days_ago(0).isoformat(), []
    for name in ("time_to_milestone", "completeness", "overdue", "retention"):
        for by in ("region", "organization", "programme", "month"):
            told = CliRunner().invoke(main, ["indicators", *files, "--name", name, "--by", by, "--on", day])
            assert told.exit_code == 0, told.output
            answer = await aurele.get(f"/v1/indicators/{name}", params={"by": by, "on": day})
            assert answer.json() == json.loads(told.output), (name, by)
            answers.append(answer.json())
    times: Any = {row["group"]: row for row in answers[0]["rows"] if row["code"] == "FIRST_VISIT"}
    # Two households of Estrie are a small cell, and the other region would give them away.
    assert (times[None]["counts"], times["05"]["suppressed"], times["01"]["suppressed"]) == (
        {"households": 8},
        True,
        True,
    )
    assert times[None]["values"]["median_days"] == 2


async def test_figures_are_for_those_who_read_the_log_and_each_reading_is_on_record(world: World) -> None:
    aurele = world.client("aurele")
    nothing = await aurele.get("/v1/indicators/retention")
    assert (nothing.status_code, slug(nothing)) == (404, "nothing-published-yet")
    case = await the_velquindors(world)
    await recorded(world.client("camille"), case, "NEEDS", person(case))
    await world.sequence()
    for username in ("camille", "prosper", "pelagie", "coralie", "adele"):
        assert (await world.client(username).get("/v1/indicators/retention")).status_code == 403, username
    answer = await aurele.get("/v1/indicators/retention")
    assert (answer.status_code, answer.json()["rows"], answer.json()["log_size"]) == (200, [], 1)
    with world.owner() as connection:
        rows: list[Any] = connection.execute(
            "SELECT body::jsonb -> 'facts' ->> 'name' FROM log_leaves WHERE body::jsonb ->> 'type' = 'indicator.read'"
        ).fetchall()
        reads = connection.execute(
            "SELECT count(*) FROM read_entries WHERE permission = 'milestone_log:read'"
        ).fetchone()
    assert [name for (name,) in rows] == ["retention"]
    assert reads == (1,)
    for query in ("by=nationality", "on=tomorrow", "size=0", "surprise=1"):
        assert (await aurele.get(f"/v1/indicators/retention?{query}")).status_code == 400
    assert (await aurele.get("/v1/indicators/secrets")).status_code in {400, 404, 422}


async def test_a_long_log_is_for_the_command(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await the_velquindors(world)
    for _ in range(2):
        await recorded(world.client("camille"), case, "NEEDS", person(case))
    await world.sequence()
    monkeypatch.setattr(service, "LIMIT", 1)
    answer = await world.client("aurele").get("/v1/indicators/overdue")
    assert (answer.status_code, slug(answer)) == (422, "log-too-long-here")
    older = await world.client("aurele").get("/v1/indicators/overdue?size=3")
    assert (older.status_code, slug(older)) == (404, "size-not-published")


def test_a_part_of_an_export_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "part.jsonl"
    file.write_text('{"type":"manifest","size":9,"first":4,"filter":{}}\n', encoding="utf-8")
    told = CliRunner().invoke(main, ["indicators", str(file), "--name", "retention"])
    assert told.exit_code == 1
    assert "export complet" in told.output
    assert "complete export" in told.output
    unknown = CliRunner().invoke(main, ["indicators", str(file), "--name", "nationality"])
    assert "time_to_milestone" in unknown.output
