"""The whole log in one answer is the same pages an auditor would have pulled one by one, to the last byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from casework.audit import export, stream
from casework.audit.schemas import Pull
from casework.audit.selection import Selection
from casework.audit.signer import LogName
from casework.authz.caller import Caller
from casework.authz.policy import Permission, Role
from casework.kernel.problems import NotSignedIn
from casework.verify import verify_files
from tests.audit.log_writers import record_milestone, record_milestones

if TYPE_CHECKING:
    from pathlib import Path

    from casework.kernel.database import Session
    from tests.conftest import World

pytestmark = pytest.mark.anyio

LOG = "/v1/milestone-log"
AWKWARD: dict[str, Any] = {"outcome": 'Québec "été" \\ \u2028 \U0001f3e0 / \t', "reason_code": None}


def aurele(world: World) -> Caller:
    return Caller(world.key("aurele"), Role.auditor, "aurele", world.key("aurele/grant"))


async def paged(world: World, path: str) -> bytes:
    client, found = world.client("aurele"), b""
    while path:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        found, path = found + answer.content, answer.links.get("next", {}).get("url", "")
    return found


async def test_one_answer_holds_every_page(world: World, tmp_path: Path) -> None:
    await record_milestones(world, 10)
    await record_milestone(world, 10, **AWKWARD)
    await world.sequence()
    by_page = await paged(world, f"{LOG}?limit=3")
    at_once = await world.client("aurele").get(f"{LOG}?limit=3&whole=true")
    assert at_once.status_code == 200, at_once.text
    assert at_once.content == by_page
    assert at_once.headers["content-disposition"] == 'attachment; filename="journal-jalons-000000000-000000011.jsonl"'
    file = tmp_path / "log.jsonl"
    file.write_bytes(at_once.content)
    report = verify_files([file], None, world.app.state.log_signer.vkey(LogName.milestones), require_complete=True)
    assert (report.ok, report.entries) == (True, 11)
    rest = await world.client("aurele").get(f"{LOG}?limit=3&whole=true&after=4&size=11")
    assert rest.content == await paged(world, f"{LOG}?limit=3&after=4&size=11")


async def test_what_postgresql_writes_is_what_python_would_have_written(world: World) -> None:
    """Quotes, non-ASCII, nulls, and a case whose link is gone: the two writers of an entry agree on every byte."""
    await record_milestones(world, 2)
    awkward = await record_milestone(world, 2, **AWKWARD)
    with world.owner() as owner:
        owner.execute("DELETE FROM log_links WHERE leaf_id = %s", [awkward])
    await world.sequence()
    by_postgresql = (await paged(world, f"{LOG}?whole=true")).splitlines()[1:]
    by_python = (await paged(world, f"{LOG}?proofs=true")).splitlines()[1:]
    bare = [line[: line.rindex(b',"proof":[')] + b"}" for line in by_python]
    assert by_postgresql == bare
    assert b'{"case":null,' in by_postgresql[2]
    leaf = json.loads(by_postgresql[2])["leaf"]
    assert (leaf["outcome"], leaf["reason_code"]) == (AWKWARD["outcome"], None)


async def test_each_page_of_a_stream_is_accounted_for(world: World) -> None:
    await record_milestones(world, 7)
    await world.sequence()
    await paged(world, f"{LOG}?whole=true&limit=3")
    with world.owner() as owner:
        told = owner.execute(
            "SELECT body::jsonb #> '{facts,first}', body::jsonb #> '{facts,count}' FROM log_leaves"
            " WHERE body::jsonb ->> 'type' = 'milestone_log.exported' ORDER BY 1"
        ).fetchall()
        [(reads,)] = owner.execute(
            "SELECT count(*) FROM read_entries WHERE permission = 'milestone_log:read'"
        ).fetchall()
    assert told == [(0, 3), (3, 3), (6, 1)]
    assert reads == 3


@pytest.mark.parametrize("asked", ["format=csv", "proofs=true", "code=ARRIVAL"])
async def test_a_stream_is_of_the_plain_log_only(world: World, asked: str) -> None:
    answer = await world.client("aurele").get(f"{LOG}?whole=true&{asked}")
    assert answer.status_code == 400
    assert [error["code"] for error in answer.json()["errors"]] == ["whole_alone"]


async def test_a_grant_that_ends_cuts_the_stream_short(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came is whole pages under one checkpoint, and `casework verify --complete` says what is missing."""
    await record_milestones(world, 9)
    await world.sequence()
    made = export.page

    async def ends_after_the_second(session: Session, caller: Caller, of: export.Export, pull: Pull) -> export.Page:
        if pull.first >= 6:
            raise NotSignedIn("grant_ended")
        return await made(session, caller, of, pull)

    monkeypatch.setattr(export, "page", ends_after_the_second)
    wanted = export.Export(LogName.milestones, world.app.state.log_signer, Selection({}), Permission.milestone_log_read)
    asked = Pull(None, 3, None, proofs=False, consistency_from=None, whole=True)
    database, caller = world.app.state.database, aurele(world)
    async with database.transaction(caller.context()) as session:
        first = await export.page(session, caller, wanted, asked)
    bodies = stream.pages(database, caller, wanted, asked, first)
    got = [await anext(bodies), await anext(bodies)]
    with pytest.raises(NotSignedIn):
        await anext(bodies)
    assert [body.count(b"\n") - 1 for body in got] == [3, 3]
