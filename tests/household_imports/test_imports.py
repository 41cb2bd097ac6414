"""A shelter's list becomes cases: the good households whole, the others not at all, each faulty cell named."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_case
from tests.household_imports.sheets import CSV, TITLES, XLSX, cells, imported, of_two, report_of, text, workbook

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


def households(world: World) -> list[str]:
    with world.owner() as owner:
        return [str(name) for (name,) in owner.execute("SELECT external_id FROM cases ORDER BY external_id")]


def rows_everywhere(world: World) -> dict[str, int]:
    with world.owner() as owner:
        tables = [str(name) for (name,) in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        each = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in tables)
        return {str(name): int(str(count)) for name, count in owner.execute(each.encode())}


async def test_a_list_becomes_cases_that_read_like_those_taken_in_one_by_one(world: World) -> None:
    report = await report_of(world.client("ines"), workbook(of_two("M-1") + of_two("M-2")))
    assert {name: report[name] for name in ("lines", "households", "stored", "known", "refused", "faulty_lines")} == {
        "lines": 4, "households": 2, "stored": 2, "known": 0, "refused": 0, "faulty_lines": 0,
    }  # fmt: skip
    [first, second] = report["told"]
    assert [(told["line"], told["status"]) for told in (first, second)] == [(2, "stored"), (4, "stored")]
    case = (await world.client("ines").get(f"/v1/cases/{first['id']}")).json()
    assert (case["external_id"], case["programme"], case["claim"]["claimed_on"]) == ("M-1", "asylum", "2026-02-03")
    principal, child = case["household"]["members"]
    assert principal["name"]["full"] == "Orsane Velquindor"
    assert principal["birth"] == {"value": "1988-04", "precision": "month"}
    assert principal["identifiers"] == [{"type": "uci", "value": "00-1", "expires_on": None}]
    assert principal["contact"]["phone"] == "+1 514 555 0101"
    assert (child["relation"], child["is_adult"], child["external_id"]) == ("child", False, "M-1-b")


async def test_faulty_households_are_left_out_whole_and_every_faulty_cell_is_named(world: World) -> None:
    good, late, twice, odd = of_two("M-1"), of_two("M-2"), of_two("M-3"), of_two("M-4")
    late[0][2] = "2099-01-01"
    late[1][6] = "31 mai"
    twice[1][4], twice[1][1] = "principal", "collective_sponsorship"
    odd[0][9], odd[1][5] = "deux", None
    report = await report_of(world.client("ines"), workbook(good + late + twice + odd))
    assert cells(report) == [
        (4, "claimed_on", "date_in_future"), (5, "birth", "string_pattern_mismatch"),
        (6, "relation", "one_principal"), (7, "programme", "contradiction"), (8, "bedrooms", "int_type"), (9, "full_name", "no_name"),
    ]  # fmt: skip
    assert (report["stored"], report["refused"], report["faulty_lines"]) == (1, 3, 6)
    assert all(fault["problem"] == "invalid-content" for fault in report["faults"])
    assert report["faults"][0]["detail"] == {
        "fr": "Cette date est dans l'avenir.",
        "en": "This date is in the future.",
    }
    assert households(world) == ["M-1"]


async def test_the_rules_of_the_household_name_a_cell_too(world: World) -> None:
    two, young, alone = of_two("M-1"), of_two("M-2"), of_two("M-3")
    two[1][4] = "principal"
    young[1][3] = young[0][3]
    alone[1][0] = None
    report = await report_of(world.client("ines"), text(two + young + alone), CSV)
    assert cells(report) == [
        (2, "relation", "one_principal"), (5, "member", "external_id_twice"), (7, "household", "household_missing"),
    ]  # fmt: skip
    assert households(world) == ["M-3"]


async def test_a_second_import_of_the_same_file_changes_nothing(world: World) -> None:
    faulty = of_two("M-2")
    faulty[0][4] = "cousine"
    body, client = workbook(of_two("M-1") + faulty), world.client("ines")
    first = await report_of(client, body)
    before = rows_everywhere(world)
    again = await report_of(client, body)
    after = rows_everywhere(world)
    assert (again["stored"], again["known"], again["refused"]) == (0, 1, 1)
    assert again["faults"] == first["faults"]
    assert again["told"] == [{**first["told"][0], "status": "known"}]
    # What is left is the trace that somebody imported.
    assert {name for name in after if after[name] != before[name]} <= {"log_leaves", "log_queue"}
    assert after["log_leaves"] == before["log_leaves"] + 1


async def test_a_household_taken_in_by_hand_is_known_and_kept_as_it_is(world: World) -> None:
    case = await a_case(world, "ines", external_id="M-1", size=1)
    report = await report_of(world.client("octave"), workbook(of_two("M-1")))
    assert report["stored"] == 1, "another office's reference is out of reach, and refuses nothing"
    report = await report_of(world.client("ines"), workbook(of_two("M-1")))
    assert report["told"] == [{"line": 2, "status": "known", "id": case["id"]}]
    kept = (await world.client("ines").get(f"/v1/cases/{case['id']}")).json()
    assert kept == case


async def test_a_dry_run_gives_the_same_report_and_writes_nothing(world: World) -> None:
    faulty = of_two("M-2")
    faulty[1][6] = "hier"
    body, client = workbook(of_two("M-1") + faulty), world.client("ines")
    before = rows_everywhere(world)
    rehearsed = await report_of(client, body, dry_run=True)
    assert rows_everywhere(world) == before
    real = await report_of(client, body)
    ids = [told.pop("id") for told in real["told"]]
    assert [told.pop("id") for told in rehearsed["told"]] == [None]
    assert rehearsed | {"dry_run": False} == real
    assert None not in ids


async def test_the_lines_of_a_household_may_stand_anywhere(world: World) -> None:
    one, two = of_two("M-1"), of_two("M-2")
    report = await report_of(world.client("ines"), text([one[0], two[0], two[1], one[1]], ";"), CSV)
    assert (report["stored"], report["households"]) == (2, 2)
    assert {told["line"] for told in report["told"]} == {2, 3}


async def test_days_and_numbers_typed_as_such_read_as_the_person_saw_them(world: World) -> None:
    row = of_two()[0]
    row[2], row[6], row[8] = datetime(2026, 2, 3, tzinfo=UTC).replace(tzinfo=None), date(1988, 4, 5), 100_200.0
    report = await report_of(world.client("ines"), workbook([row]))
    case = (await world.client("ines").get(f"/v1/cases/{report['told'][0]['id']}")).json()
    assert case["claim"]["claimed_on"] == "2026-02-03"
    [member] = case["household"]["members"]
    assert member["birth"] == {"value": "1988-04-05", "precision": "day"}
    assert member["identifiers"][0]["value"] == "100200"


async def test_what_is_imported_is_sealed_like_what_is_typed(world: World) -> None:
    await report_of(world.client("ines"), workbook(of_two()))
    with world.owner() as owner:
        for table in rows_everywhere(world):
            dumped = str(owner.execute(f"SELECT to_jsonb(t)::text FROM {table} t".encode()).fetchall())
            for word in ("Velquindor", "Orsane", "555 0101", "1988-04"):
                assert word not in dumped, (table, word)
                assert word.encode().hex() not in dumped, (table, word)


async def test_each_household_leaves_its_own_leaf_and_the_file_leaves_one(world: World) -> None:
    await report_of(world.client("ines"), workbook(of_two("M-1") + of_two("M-2")))
    with world.owner() as owner:
        types = [
            str(kind) for (kind,) in owner.execute("SELECT body::jsonb->>'type' FROM log_leaves WHERE log = 'audit'")
        ]
        [(facts,)] = owner.execute(
            "SELECT body::jsonb->'facts' FROM log_leaves WHERE body::jsonb->>'type' = 'households.imported'"
        ).fetchall()
    assert sorted(types) == ["case.opened", "case.opened", "households.imported"]
    assert facts == {"lines": 4, "households": 2, "stored": 2, "known": 0, "refused": 0, "faulty_lines": 0}


async def test_a_keyed_import_sent_twice_is_answered_once(world: World) -> None:
    client = world.client("ines", **{"Idempotency-Key": "import-du-mardi"})
    first = await imported(client, workbook(of_two()))
    again = await imported(client, first.request.content)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert again.json() == first.json()
    other = await imported(client, workbook(of_two("M-9")))
    assert other.status_code == 422


async def test_two_at_once_take_each_household_in_once(world: World) -> None:
    body = workbook(of_two("M-1") + of_two("M-2"))
    answers = await asyncio.gather(*(imported(world.client("ines"), body) for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    told: list[Any] = [answer.json()["stored"] for answer in answers if answer.status_code == 200]
    assert sum(told) == 2
    assert households(world) == ["M-1", "M-2"]


async def test_a_role_without_an_office_names_one(world: World) -> None:
    body = workbook(of_two())
    nowhere = await imported(world.client("prosper"), body)
    assert (nowhere.status_code, nowhere.json()["type"]) == (422, "/v1/problems/no-office-to-intake-into")
    there = await report_of(world.client("prosper"), body, office_id=str(world.key("praida")))
    assert there["stored"] == 1
    elsewhere = await imported(world.client("ines"), body, office_id=str(world.key("mifi-montreal")))
    assert elsewhere.json()["errors"][0]["code"] == "foreign_office"


async def test_titles_that_say_nothing_are_refused_before_anything_is_read(world: World) -> None:
    client = world.client("ines")
    for titles, codes in (
        ((*TITLES[:9], "secret"), ["unknown_column"]),
        ((*TITLES[:9], "household"), ["unknown_column", "unknown_column"]),
        (TITLES[:4], ["missing_column", "missing_column"]),
    ):
        answer = await imported(client, text([], ",", titles), CSV)
        assert answer.status_code == 422
        assert [fault["code"] for fault in answer.json()["errors"]] == codes
        assert "secret" not in answer.text
    assert (await imported(client, workbook(of_two()), "application/vnd.ms-excel")).status_code == 415
    assert households(world) == []
    assert XLSX in (await imported(client, b"{}", "application/json")).json()["detail"]
