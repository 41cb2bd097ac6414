"""Files that try something: each is refused in words, and nothing of it is stored."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from casework.household_imports import sheets
from casework.household_imports.errors import SheetTooLarge, SheetUnreadable
from casework.household_imports.sheets import CSV, XLSX, sheet_of
from tests.household_imports.sheets import cells, imported, of_two, report_of, text, workbook

if TYPE_CHECKING:
    from tests.conftest import World


def repacked(body: bytes, **changed: bytes) -> bytes:
    """The same archive with some parts replaced (`sheet` is the first worksheet) or added."""
    names = {"sheet": "xl/worksheets/sheet1.xml", "styles": "xl/styles.xml", "strings": "xl/sharedStrings.xml"}
    parts = {names[name]: content for name, content in changed.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, parts.pop(part) if part in parts else old.read(part))
        for name, content in parts.items():
            new.writestr(name, content)
    return stream.getvalue()


def sheet_xml(body: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return archive.read("xl/worksheets/sheet1.xml")


def read(body: bytes, media: str = XLSX) -> int:
    return sum(1 for _ in sheet_of(body, media).lines())


def test_a_bomb_is_weighed_before_it_is_unpacked() -> None:
    bomb = repacked(workbook(of_two()), strings=b" " * (sheets.STRINGS_LIMIT + 1))
    assert len(bomb) < 100_000
    with pytest.raises(SheetTooLarge):
        read(bomb)
    with pytest.raises(SheetTooLarge):
        read(repacked(workbook(of_two()), styles=b" " * (sheets.PART_LIMIT + 1)))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(sheets.PARTS_LIMIT + 1):
            archive.writestr(f"{number}.xml", b"<a/>")
    with pytest.raises(SheetTooLarge):
        read(stream.getvalue())


def test_entities_are_refused_before_any_parser_multiplies_them() -> None:
    body = workbook(of_two())
    laughs = b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]>'
    with pytest.raises(SheetUnreadable):
        read(repacked(body, sheet=laughs + sheet_xml(body)))
    assert read(repacked(body, sheet=sheet_xml(body))) == 3


def test_a_sheet_of_more_lines_than_allowed_is_refused_even_when_they_are_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = sheet_xml(workbook(of_two())).replace(b'<row r="3">', b'<row r="900000">').replace(b'3"', b'900000"')
    with pytest.raises(SheetTooLarge):
        read(repacked(workbook(of_two()), sheet=far))
    monkeypatch.setattr(sheets, "LINE_LIMIT", 1)
    for body, media in ((workbook(of_two()), XLSX), (text(of_two()), CSV)):
        with pytest.raises(SheetTooLarge):
            read(body, media)


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"", XLSX), (b"PK\x03\x04", XLSX), (workbook(of_two())[:-200], XLSX), (b"household\xff", CSV),
        (b'household\n"never closed', CSV), (b"a\x00b", XLSX), (workbook(of_two()), CSV),
        (repacked(workbook(of_two()), sheet=b"<worksheet>"), XLSX),
        (repacked(workbook(of_two()), sheet=b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/'
                  b'main"><sheetData><row r="x"><c t="s"><v>99</v></c></row></sheetData></worksheet>'), XLSX),
    ],
)  # fmt: skip
def test_what_is_no_sheet_is_unreadable_and_no_worse(body: bytes, media: str) -> None:
    with pytest.raises(SheetUnreadable):
        read(body, media)


@pytest.mark.anyio
async def test_formulas_errors_and_hidden_characters_are_faults_of_their_cell(world: World) -> None:
    first, second = of_two("M-1"), of_two("M-2")
    first[1][5], second[0][7] = '=HYPERLINK("http://exemple.test","x")', "x" * 501
    report = await report_of(world.client("ines"), workbook(first + second))
    assert cells(report) == [(3, "full_name", "formula"), (4, "phone", "too_long")]
    second[0][7], first[1][5] = "a\x00b", "=1+1"
    report = await report_of(world.client("ines"), text(first + second), CSV)
    assert cells(report) == [(3, "full_name", "formula"), (4, "phone", "characters")]
    assert "HYPERLINK" not in str(report)


@pytest.mark.anyio
async def test_a_phone_number_may_begin_with_a_plus(world: World) -> None:
    assert (await report_of(world.client("ines"), text(of_two()), CSV))["stored"] == 1


@pytest.mark.anyio
async def test_a_cell_beyond_the_titles_is_named_by_its_number(world: World) -> None:
    rows = of_two()
    rows[1].append("reste")
    assert cells(await report_of(world.client("ines"), workbook(rows))) == [(3, "11", "no_column")]


@pytest.mark.anyio
async def test_a_refused_file_is_refused_in_two_languages_without_its_content(world: World) -> None:
    french = await imported(world.client("ines"), b"household\xff;Velquindor", CSV)
    english = await imported(world.client("ines", **{"Accept-Language": "en"}), b"household\xff;Velquindor", CSV)
    assert (french.status_code, french.json()["title"]) == (422, "Tableau illisible")
    assert english.json()["title"] == "Sheet unreadable"
    assert "Velquindor" not in french.text + english.text
    large = await imported(world.client("ines"), b"x" * (8 * 1024 * 1024 + 1), CSV)
    assert large.status_code == 413
