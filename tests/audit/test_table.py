"""The milestone log as CSV and Parquet: what a spreadsheet or a data frame gets, harmless, named and tied to the tree."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from casework.audit import merkle, table
from casework.evidence.bench_export import COPIES
from casework.kernel.ids import new_id
from tests.audit.log_writers import record_milestone, record_milestones
from tests.audit.test_log_api import LOG, Auditor, another_mandate, entries

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def auditor(world: World, tmp_path: Path) -> Auditor:
    """Of a log that holds nine milestones, the last three of one household."""
    case = new_id()
    await record_milestones(world, 6)
    for number in range(6, 9):
        when = {"value": "2026-03", "precision": "month"}
        await record_milestone(world, number, case, occurred_on=when, household=True, outcome="done")
    await world.sequence()
    return Auditor(world, tmp_path)


def as_records(content: bytes) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


async def of(auditor: Auditor, form: str, **query: Any) -> httpx.Response:
    answer = await auditor.get(LOG, format=form, **query)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_table_says_what_the_verified_export_says(auditor: Auditor) -> None:
    lines = entries((await of(auditor, "jsonl")).content)
    rows = as_records((await of(auditor, "csv")).content)
    assert len(rows) == len(lines) == 9
    for row, line in zip(rows, lines, strict=True):
        leaf = line["leaf"]
        assert (row["index"], row["case"], row["code"]) == (str(line["index"]), line["case"], leaf["code"])
        assert (row["recorded_at"], row["actor"], row["subject"]) == (
            leaf["recorded_at"],
            leaf["actor"],
            leaf["subject"],
        )
        assert row["leaf_hash"] == merkle.leaf_hash(rfc8785.dumps(leaf)).hex()
    assert (rows[8]["occurred_on"], rows[8]["occurred_precision"], rows[8]["household"]) == ("2026-03", "month", "true")
    assert (rows[0]["occurred_on"], rows[0]["household"]) == ("", "")


async def test_parquet_opens_in_pyarrow_and_duckdb_with_the_documented_columns(auditor: Auditor) -> None:
    content = (await of(auditor, "parquet")).content
    file = pq.ParquetFile(io.BytesIO(content))
    kinds = {"integer": "int64", "timestamp": "timestamp[us, tz=UTC]", "boolean": "bool", "text": "string"}
    assert [(field.name, str(field.type)) for field in file.schema_arrow] == [
        (column.name, kinds[column.kind]) for column in table.COLUMNS
    ]
    assert json.loads(file.schema_arrow.metadata[b"casework"])["size"] == 9
    path = auditor.folder / "log.parquet"
    path.write_bytes(content)
    told = duckdb.connect().execute(
        'SELECT count(*), min(index), max(index), count(DISTINCT "case"), sum(household::int), min(typeof(recorded_at))'
        f" FROM '{path}'"
    )
    assert told.fetchone() == (9, 0, 8, 7, 3, "TIMESTAMP WITH TIME ZONE")
    rows = as_records((await of(auditor, "csv")).content)
    assert [row["leaf_hash"] for row in rows] == file.read().column("leaf_hash").to_pylist()


@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_an_empty_table_still_has_its_columns(auditor: Auditor, form: str) -> None:
    content = (await of(auditor, form, code="NO_SUCH_MILESTONE")).content
    if form == "csv":
        assert content.decode() == ",".join(table.NAMES) + "\r\n"
    else:
        assert pq.ParquetFile(io.BytesIO(content)).metadata.num_rows == 0


async def test_a_tables_manifest_states_count_range_checkpoint_and_hash_and_is_signed(
    world: World, auditor: Auditor
) -> None:
    answer = await of(auditor, "csv", limit=4, after=2)
    manifest = json.loads(answer.headers["x-export-manifest"])
    assert (manifest["first"], manifest["count"], manifest["size"]) == (3, 4, 9)
    assert manifest["entries_sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert manifest["checkpoint"] == await auditor.checkpoint()
    signature = base64.b64decode(manifest.pop("signature"))
    key: Ed25519PrivateKey = world.app.state.log_signer._keys["milestones"]
    signed = f"{manifest['origin']}/manifest\n".encode() + rfc8785.dumps(manifest) + b"\n"
    key.public_key().verify(signature[4:], signed)
    # It never passes for the manifest of lines that `casework verify` reads.
    assert manifest["format"] == "casework-milestone-table/1"


async def test_a_page_written_by_postgresql_is_the_one_that_python_writes(world: World, auditor: Auditor) -> None:
    """Pseudonyms included, and null for the erased; only the proofs tell the two apart."""
    with world.owner() as connection:
        connection.execute("DELETE FROM log_links WHERE leaf_id = (SELECT leaf_id FROM log_entries WHERE index = 7)")
    plain, proven = (await of(auditor, "jsonl")).content, (await of(auditor, "jsonl", proofs=True)).content
    bare = [{name: value for name, value in entry.items() if name != "proof"} for entry in entries(proven)]
    assert entries(plain) == bare
    assert [entry["case"] is None for entry in bare] == [index == 7 for index in range(9)]
    assert auditor.check(plain, await auditor.checkpoint()).complete


async def test_what_the_bench_copies_are_the_values_of_the_table(world: World, auditor: Auditor) -> None:
    rows = as_records((await of(auditor, "csv")).content)
    with world.owner() as connection, connection.cursor().copy(COPIES["copy_table"].encode()) as copy:
        copied = [dict(zip(table.NAMES, values, strict=True)) for values in copy.rows()]
    plain = [name for name in table.NAMES if name not in {"case", "recorded_at", "household"}]
    assert [[row[name] or None for name in plain] for row in rows] == [
        [values[name] for name in plain] for values in copied
    ]


# --- harmless cells, names of ours --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "|cmd", "%0", "＝1"])
def test_a_cell_that_a_spreadsheet_would_compute_is_prefixed_and_never_cut(text: str) -> None:
    assert table.harmless(text) == f"'{text}"


def test_other_cells_stay_as_they_are() -> None:
    for cell in ("ARRIVAL", "2026-03-01", "", "a=b", "é", 0, -5, None, True):
        assert table.harmless(cell) is cell


async def test_no_formula_reaches_a_spreadsheet(world: World, auditor: Auditor) -> None:
    """Even if a leaf held one: today's codes cannot, tomorrow's importer might."""
    formula = '=HYPERLINK("https://ailleurs.example/","voir")'
    await record_milestone(world, 9, code=formula, region="+7", reason_code="@x")
    await world.sequence()
    content = (await of(auditor, "csv")).content
    row = as_records(content)[9]
    assert (row["code"], row["region"], row["reason_code"]) == (f"'{formula}", "'+7", "'@x")
    for line in csv.reader(io.StringIO(content.decode(), newline="")):
        assert not [cell for cell in line if cell[:1] in table.FORMULA_STARTS and cell]


@pytest.mark.parametrize(
    ("form", "media"),
    [("jsonl", "application/jsonl"), ("csv", "text/csv"), ("parquet", "application/vnd.apache.parquet")],
)
async def test_the_file_has_a_name_of_ours_whatever_was_asked(auditor: Auditor, form: str, media: str) -> None:
    hostile = {"code": "..", "region": "01"}
    answer = await of(auditor, form, limit=2, after=0, **hostile)
    assert answer.headers["content-type"].split(";")[0] == media
    assert answer.headers["x-content-type-options"] == "nosniff"
    [count] = [int(part) for part in answer.headers["content-disposition"].split("-")[-1].split(".")[:1]]
    assert answer.headers["content-disposition"] == f'attachment; filename="journal-jalons-000000001-{count:05}.{form}"'


# --- cursors ------------------------------------------------------------------------------------------------


def links(answer: httpx.Response) -> str:
    return str(answer.links["next"]["url"])


@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_the_pages_of_a_table_are_the_whole_log_once_though_it_grows(
    world: World, auditor: Auditor, form: str
) -> None:
    answer = await of(auditor, form, limit=4)
    found = [answer.content]
    await record_milestones(world, 3)
    await world.sequence()
    while "next" in answer.links:
        answer = await auditor.client.get(links(answer))
        assert answer.status_code == 200, answer.text
        found.append(answer.content)
    if form == "csv":
        indexes = [int(row["index"]) for page in found for row in as_records(page)]
    else:
        indexes = [index for page in found for index in pq.read_table(io.BytesIO(page)).column("index").to_pylist()]
    assert indexes == list(range(9))


async def test_a_cursor_of_another_filter_form_or_mandate_is_refused(
    world: World, auditor: Auditor, tmp_path: Path
) -> None:
    url = links(await of(auditor, "csv", limit=2, region="01"))
    assert "cursor=" in url
    assert (await auditor.client.get(url)).status_code == 200
    other = Auditor(world, tmp_path, another_mandate(world))
    refused = [
        await auditor.client.get(url.replace("region=01", "region=02")),
        await auditor.client.get(url.replace("region=01&", "")),
        await auditor.client.get(url.replace("format=csv", "format=jsonl")),
        await auditor.client.get(
            url.replace("/milestone-log", "/audit-log").replace("format=csv&", "").replace("region=01&", "")
        ),
        await auditor.client.get(url[:-3] + ("aaa" if not url.endswith("aaa") else "bbb")),
        await other.client.get(url),
    ]
    assert [answer.status_code for answer in refused] == [400] * 6
    assert {answer.json()["errors"][0]["code"] for answer in refused} == {"cursor"}


async def test_a_cursor_stands_alone_and_a_table_has_no_proofs(auditor: Auditor) -> None:
    url = links(await of(auditor, "csv", limit=2))
    for query, code in (
        (f"{url}&after=3", "cursor_alone"),
        (f"{url}&size=9", "cursor_alone"),
        (f"{LOG}?format=csv&proofs=true", "no_proofs"),
    ):
        answer = await auditor.client.get(query)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)
    assert (await auditor.get(LOG, format="xlsx")).status_code == 400
    assert (await auditor.get("/v1/audit-log", format="csv")).status_code == 400


def test_the_table_library_is_loaded_only_for_a_table() -> None:
    code = "import sys, casework.main; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
