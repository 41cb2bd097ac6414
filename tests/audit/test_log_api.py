"""An auditor pulls the logs over HTTP and believes nothing that `casework verify` does not accept."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.audit import export, merkle
from casework.audit.signer import LogName
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.verify import Report, verify_files
from tests.audit.export_builder import resealed
from tests.audit.log_writers import record_change, record_milestone, record_milestones

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio

LOG = "/v1/milestone-log"


class Auditor:
    """Pulls as Aurèle, checks on a machine of his own with a key he was handed."""

    def __init__(self, world: World, folder: Path, username: str = "aurele") -> None:
        self.client, self.folder = world.client(username), folder
        self.keys = "\n".join(world.app.state.log_signer.vkey(log) for log in LogName)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query)

    async def answer(self, path: str, **query: Any) -> Any:
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def pages(self, path: str = LOG, **query: Any) -> list[bytes]:
        """Every page of one pull, found by following `Link`."""
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        found = [answer.content]
        while "next" in answer.links:
            answer = await self.client.get(answer.links["next"]["url"])
            assert answer.status_code == 200, answer.text
            found.append(answer.content)
        return found

    async def pull(self, path: str = LOG, **query: Any) -> bytes:
        return b"".join(await self.pages(path, **query))

    async def checkpoint(self, log: str = "milestones") -> str:
        answer = await self.get("/v1/log/checkpoint", log=log)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        return answer.text

    def check(self, content: bytes, kept: str | None = None) -> Report:
        file = self.folder / "export.jsonl"
        file.write_bytes(content)
        return verify_files([file], kept, self.keys)


@pytest.fixture
async def auditor(world: World, tmp_path: Path) -> Auditor:
    """Of a log that holds nine milestones."""
    await record_milestones(world, 9)
    await world.sequence()
    return Auditor(world, tmp_path)


def entries(content: bytes) -> list[dict[str, Any]]:
    return [record for record in map(json.loads, content.splitlines()) if "type" not in record]


def raw(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def size_of(checkpoint: str) -> int:
    return int(checkpoint.split("\n")[1])


# --- complete exports ---------------------------------------------------------------------------------------


async def test_the_exported_log_is_accepted_as_complete(auditor: Auditor) -> None:
    answer = await auditor.get(LOG)
    assert answer.headers["content-type"] == "application/jsonl"
    assert "link" not in answer.headers
    report = auditor.check(answer.content, await auditor.checkpoint())
    assert (report.ok, report.complete, report.entries, report.problems) == (True, True, 9, [])
    assert report.origin == "casework.example/log/milestones"
    assert entries(answer.content)[0]["leaf"]["code"] == "ARRIVAL"


async def test_one_byte_changed_anywhere_is_refused(auditor: Auditor) -> None:
    content = await auditor.pull()
    for place in range(0, len(content), 41):
        changed = bytearray(content)
        changed[place] ^= 1
        assert not auditor.check(bytes(changed)).ok, place


async def test_an_edited_entry_is_refused_even_with_its_digests_made_to_fit(world: World, auditor: Auditor) -> None:
    edited = (await auditor.pull()).replace(b"HOUSING", b"ARRIVED", 1)
    assert [problem.code for problem in auditor.check(resealed(edited)).problems] == ["manifest_unsigned"]
    by_the_operator = resealed(edited, world.app.state.log_signer._keys["milestones"])
    assert [problem.code for problem in auditor.check(by_the_operator).problems] == ["root_mismatch"]


async def test_the_pages_of_one_pull_together_are_the_whole_log(auditor: Auditor) -> None:
    pages = await auditor.pages(limit=4)
    assert [len(entries(page)) for page in pages] == [4, 4, 1]
    assert entries(b"".join(pages)) == entries(await auditor.pull())
    assert auditor.check(b"".join(pages)).complete
    assert not auditor.check(pages[0] + pages[2]).ok


async def test_a_log_that_grows_during_a_pull_does_not_disturb_it(world: World, auditor: Auditor) -> None:
    first = await auditor.get(LOG, limit=5)
    assert first.headers["x-next-after"] == "4"
    await record_milestones(world, 3)
    await world.sequence()
    last = await auditor.client.get(first.links["next"]["url"])
    assert "link" not in last.headers
    assert auditor.check(first.content + last.content).complete
    assert len(entries(await auditor.pull())) == 12


async def test_an_auditor_who_follows_the_cursor_misses_nothing_and_repeats_nothing(
    world: World, auditor: Auditor
) -> None:
    """Each later pull is proven alone and shown to extend the checkpoint kept from the one before."""
    kept, read = await auditor.checkpoint(), entries(await auditor.pull())
    for count in (1, 5, 3):
        await record_milestones(world, count)
        await world.sequence()
        news = await auditor.pull(after=read[-1]["index"], proofs=True, consistency_from=size_of(kept), limit=2)
        report = auditor.check(news, kept)
        assert (report.ok, report.entries) == (True, count)
        kept, read = await auditor.checkpoint(), read + entries(news)
    assert [entry["index"] for entry in read] == list(range(18))
    assert [entry["leaf"] for entry in read] == [entry["leaf"] for entry in entries(await auditor.pull())]


async def test_nothing_new_is_an_accepted_empty_page(auditor: Auditor) -> None:
    answer = await auditor.get(LOG, after=8)
    assert (entries(answer.content), "link" in answer.headers) == ([], False)
    assert auditor.check(answer.content, await auditor.checkpoint()).ok


async def test_the_log_as_it_stood_at_an_older_checkpoint(world: World, auditor: Auditor) -> None:
    then, kept = await auditor.pull(), await auditor.checkpoint()
    await record_milestones(world, 4)
    await world.sequence()
    assert await auditor.pull(size=9) == then
    assert auditor.check(await auditor.pull(), kept).complete


async def test_what_is_not_sequenced_yet_is_not_exported(world: World, auditor: Auditor) -> None:
    await record_milestone(world)
    assert len(entries(await auditor.pull())) == 9


# --- extracts -----------------------------------------------------------------------------------------------


async def test_an_extract_holds_what_was_asked_with_its_proofs(world: World, auditor: Auditor) -> None:
    extract = await auditor.pull(code="HOUSING", region="02")
    assert [entry["index"] for entry in entries(extract)] == [1, 5]
    report = auditor.check(extract)
    assert (report.ok, report.complete, report.entries) == (True, False, 2)
    manifest = json.loads(extract.splitlines()[0])
    assert manifest["filter"] == {"code": "HOUSING", "region": "02"}
    moved = extract.replace(b'"index":5', b'"index":6')
    key = world.app.state.log_signer._keys["milestones"]
    assert [problem.code for problem in auditor.check(resealed(moved, key)).problems] == ["proof_wrong"]
    said = extract.replace(b'"region":"02"', b'"region":"03"', 1)
    assert [problem.code for problem in auditor.check(said).problems] == ["manifest_unsigned"]


async def test_an_extract_extends_a_retained_checkpoint(world: World, auditor: Auditor) -> None:
    kept = await auditor.checkpoint()
    await record_milestones(world, 4)
    await world.sequence()
    extract = await auditor.pull(code="SCHOOL_REGISTRATION", consistency_from=9)
    assert auditor.check(extract, kept).ok
    without = await auditor.pull(code="SCHOOL_REGISTRATION")
    assert [problem.code for problem in auditor.check(without, kept).problems] == ["consistency_missing"]


@pytest.mark.parametrize("scan", [1, 3, 100])
async def test_an_extract_over_several_pages_is_one_export(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch, scan: int
) -> None:
    """However few entries a page may look at: pages that found nothing lead on."""
    monkeypatch.setattr(export, "SCAN", scan)
    pages = await auditor.pages(code="FRANCIZATION", limit=1)
    assert len(pages) > 1
    assert [entry["index"] for entry in entries(b"".join(pages))] == [3, 7]
    report = auditor.check(b"".join(pages))
    assert (report.ok, report.entries) == (True, 2)


async def test_other_filters(world: World, auditor: Auditor) -> None:
    await record_milestone(world, 0, programme="collective_sponsorship")
    organization = str(world.key("le-phare"))
    await record_milestone(world, 0, organization=organization)
    await world.sequence()
    sponsored = await auditor.pull(programme="collective_sponsorship")
    assert [entry["index"] for entry in entries(sponsored)] == [9]
    theirs = await auditor.pull(organization=organization)
    assert [entry["index"] for entry in entries(theirs)] == [10]
    assert entries(await auditor.pull(code="NO_SUCH_MILESTONE")) == []
    assert all(auditor.check(extract).ok for extract in (sponsored, theirs))


async def test_a_period_is_made_of_whole_civil_days(world: World, auditor: Auditor) -> None:
    today, day = clock.today(), timedelta(days=1)
    yesterday = clock.now() - day
    with clock.frozen(yesterday):
        await record_milestone(world)
    await world.sequence()
    of_yesterday = await auditor.pull(recorded_until=today - day)
    assert [entry["index"] for entry in entries(of_yesterday)] == [9]
    assert auditor.check(of_yesterday).ok
    assert len(entries(await auditor.pull(recorded_from=today - day, recorded_until=today))) == 10
    assert entries(await auditor.pull(recorded_from=today + day)) == []


# --- pseudonyms ---------------------------------------------------------------------------------------------


async def cases_seen(auditor: Auditor) -> list[str | None]:
    return [entry["case"] for entry in entries(await auditor.pull())][9:]


async def test_the_milestones_of_one_case_are_linked_within_a_mandate_only(
    world: World, auditor: Auditor, tmp_path: Path
) -> None:
    case, other = new_id(), new_id()
    for case_id in (case, other, case):
        await record_milestone(world, case_id=case_id)
    await world.sequence()
    seen = await cases_seen(auditor)
    assert seen[0] == seen[2] != seen[1]
    assert await cases_seen(auditor) == seen
    second = another_mandate(world)
    theirs = await cases_seen(Auditor(world, tmp_path, second))
    assert theirs[0] == theirs[2] != theirs[1]
    assert set(theirs).isdisjoint(seen)
    assert str(case) not in str(await auditor.pull())


def another_mandate(world: World) -> str:
    """A second auditor, with a grant of her own."""
    name = "hermine"
    with world.owner() as connection:
        connection.execute(
            "INSERT INTO users (id, username, display_name, created_at) VALUES (%s, %s, 'Hermine Regard', now())",
            (world.key(name), name),
        )
        connection.execute(
            "INSERT INTO role_grants (id, user_id, role, valid_from)"
            " VALUES (%s, %s, 'auditor', now() - interval '1 day')",
            (world.key(f"{name}/grant"), world.key(name)),
        )
    return name


async def test_an_erased_household_is_linked_to_nothing_and_the_log_still_verifies(
    world: World, auditor: Auditor
) -> None:
    kept = await auditor.checkpoint()
    with world.owner() as connection:
        connection.execute(
            "DELETE FROM log_links WHERE leaf_id ="
            " (SELECT leaf_id FROM log_entries WHERE log = 'milestones' AND index = 4)"
        )
    content = await auditor.pull()
    assert [entry["index"] for entry in entries(content) if entry["case"] is None] == [4]
    assert auditor.check(content, kept).complete


# --- proofs and bundles -------------------------------------------------------------------------------------


async def test_two_checkpoints_are_proven_consistent(world: World, auditor: Auditor) -> None:
    old = await auditor.checkpoint()
    await record_milestones(world, 6)
    await world.sequence()
    new = await auditor.checkpoint()
    told = await auditor.answer("/v1/log/proofs/consistency", log="milestones", first=9, size=15)
    first_root, root = (raw(text.split("\n")[2]) for text in (old, new))
    assert (raw(told["first_root"]), raw(told["root"])) == (first_root, root)
    proof = [raw(element) for element in told["proof"]]
    assert merkle.verify_consistency(9, 15, proof, first_root, root)
    assert not merkle.verify_consistency(8, 15, proof, first_root, root)


async def test_each_entry_is_proven_included_in_each_past_tree(auditor: Auditor) -> None:
    bundle = await auditor.answer("/v1/log/entries", log="milestones", first=0, count=9)
    exported = entries(await auditor.pull())
    assert [entry["leaf"] for entry in bundle["entries"]] == [entry["leaf"] for entry in exported]
    for size in (5, 8, 9):
        for index in range(size):
            told = await auditor.answer("/v1/log/proofs/inclusion", log="milestones", index=index, size=size)
            proof = [raw(element) for element in told["proof"]]
            leaf, root = raw(told["leaf_hash"]), raw(told["root"])
            assert merkle.verify_inclusion(leaf, index, size, proof, root)
            assert size != 9 or root == raw((await auditor.checkpoint()).split("\n")[2])


async def test_a_bundle_is_cut_at_the_end_of_the_log(auditor: Auditor) -> None:
    bundle = await auditor.answer("/v1/log/entries", log="milestones", first=7, count=500)
    assert (bundle["first"], bundle["size"]) == (7, 9)
    assert [entry["index"] for entry in bundle["entries"]] == [7, 8]
    assert (await auditor.answer("/v1/log/entries", log="milestones", first=9))["entries"] == []


async def test_the_keys_told_are_the_keys_that_sign(auditor: Auditor) -> None:
    told = await auditor.answer("/v1/log/key")
    assert "\n".join(told[log] for log in LogName) == auditor.keys


# --- the audit log, and the trail of auditors ---------------------------------------------------------------


async def test_the_audit_log_is_exported_in_the_same_form(world: World, auditor: Auditor) -> None:
    await record_change(world, {"fields": ["preferences", "besoins d'été"]})
    await world.sequence()
    content = await auditor.pull("/v1/audit-log")
    report = auditor.check(content, await auditor.checkpoint("audit"))
    assert (report.complete, report.origin) == (True, "casework.example/log/audit")
    assert all("case" not in entry for entry in entries(content))
    extract = await auditor.pull("/v1/audit-log", type="case.updated")
    assert [entry["leaf"]["facts"]["fields"][0] for entry in entries(extract)] == ["preferences"]
    assert auditor.check(extract).ok


async def test_each_page_leaves_one_entry_among_the_reads_and_one_leaf(world: World, auditor: Auditor) -> None:
    auditor.client.headers["X-Purpose-Of-Use"] = "audit"
    await auditor.pages(limit=6, region="01")
    with world.owner() as connection:
        reads = connection.execute(
            "SELECT actor_id, permission, purpose, case_ids FROM read_entries ORDER BY at"
        ).fetchall()
    assert reads == [(world.key("aurele"), "milestone_log:read", "audit", [])]
    await world.sequence()
    [leaf] = [entry["leaf"] for entry in entries(await auditor.pull("/v1/audit-log", type="milestone_log.exported"))]
    facts = leaf["facts"]
    assert (facts["first"], facts["count"], facts["size"], facts["filter"]) == (0, 5, 9, {"region": "01"})
    assert leaf["role"] == "auditor"


async def test_reading_bundles_is_accounted_for_too(world: World, auditor: Auditor) -> None:
    await auditor.answer("/v1/log/entries", log="milestones", first=2, count=3)
    await world.sequence()
    content = await auditor.pull("/v1/audit-log", type="log_entries.read")
    assert [entry["leaf"]["facts"]["count"] for entry in entries(content)] == [3]
    with world.owner() as connection:
        [count] = connection.execute("SELECT count(*) FROM read_entries").fetchone() or [0]
    assert count == 2


# --- who may, and what cannot be answered -------------------------------------------------------------------

READS = (
    LOG,
    "/v1/audit-log",
    "/v1/security-log",
    "/v1/log/key",
    "/v1/log/checkpoint?log=audit",
    "/v1/log/entries?log=audit",
    "/v1/log/proofs/inclusion?log=audit&index=0&size=1",
    "/v1/log/proofs/consistency?log=audit&first=1&size=1",
)


@pytest.mark.parametrize("path", READS)
async def test_only_auditors_read_the_logs(world: World, path: str) -> None:
    assert (await world.client(None).get(path)).status_code == 401
    for name in ("camille", "prosper", "adele", "pelagie"):
        assert (await world.client(name).get(path)).status_code == 403


@pytest.mark.parametrize("path", [path for path in READS if "key" not in path])
async def test_a_log_without_an_entry_has_nothing_published(world: World, path: str) -> None:
    answer = await world.client("aurele").get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "/v1/problems/nothing-published-yet")


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        (f"{LOG}?size=8", 404, "size-not-published"),
        (f"{LOG}?size=9007199254740991", 404, "size-not-published"),
        (f"{LOG}?after=9", 400, "malformed-request"),
        (f"{LOG}?consistency_from=10", 400, "malformed-request"),
        (f"{LOG}?consistency_from=0", 400, "malformed-request"),
        (f"{LOG}?after=-1", 400, "malformed-request"),
        (f"{LOG}?after=9007199254740992", 400, "malformed-request"),
        (f"{LOG}?limit=5001", 400, "malformed-request"),
        (f"{LOG}?limit=0", 400, "malformed-request"),
        (f"{LOG}?cod=HOUSING", 400, "malformed-request"),
        (f"{LOG}?region=99", 400, "malformed-request"),
        (f"{LOG}?recorded_from=1767225600", 400, "malformed-request"),
        (f"{LOG}?recorded_from=9999-12-31", 400, "malformed-request"),
        (f"{LOG}?recorded_until=2026-02-30", 400, "malformed-request"),
        (f"{LOG}?organization=le-phare", 400, "malformed-request"),
        ("/v1/log/checkpoint?log=people", 400, "malformed-request"),
        ("/v1/log/checkpoint", 400, "malformed-request"),
        ("/v1/log/entries?log=milestones&first=10", 400, "malformed-request"),
        ("/v1/log/proofs/inclusion?log=milestones&index=9&size=9", 400, "malformed-request"),
        ("/v1/log/proofs/inclusion?log=milestones&index=0&size=10", 404, "size-not-published"),
        ("/v1/log/proofs/consistency?log=milestones&first=9&size=8", 400, "malformed-request"),
        ("/v1/log/proofs/consistency?log=milestones&first=0&size=8", 400, "malformed-request"),
        ("/v1/log/proofs/consistency?log=milestones&first=9&size=10", 404, "size-not-published"),
    ],
)
async def test_what_cannot_be_answered_is_said(auditor: Auditor, path: str, status: int, told: str) -> None:
    answer = await auditor.client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/v1/problems/{told}")
