"""The territory as shipped, and proof that a damaged file cannot be read."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.kernel.reference_table import ReferenceDataError
from casework.territory import reference as territory
from casework.territory.reference import Flag, FlagValue

if TYPE_CHECKING:
    from pathlib import Path

GRANBY, SAINT_JEROME, RAWDON = "47017", "75017", "62037"
MOVE = date(2021, 7, 8)
FILES = ("regions.csv", "municipalities.csv", "municipality_regions.csv", "municipality_flags.csv", "resources.csv")
# The 14 MRC and equivalents with at least one municipality in the CMM, by first digits of the code.
CMM_DIVISIONS = {"55", "57", "58", "59", "60", "64", "65", "66", "67", "70", "71", "72", "73", "74"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        text = (territory.SHIPPED / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def damage(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text, "the story must damage something"
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def read_all(folder: Path) -> None:
    territory.regions(folder)
    territory.municipalities(folder)
    territory.municipality_regions(folder)
    territory.municipality_flags(folder)
    territory.resources(folder)


def test_granby_changed_region_on_8_july_2021() -> None:
    placed = territory.municipality_regions()
    assert territory.region_on(placed, GRANBY, MOVE - timedelta(days=1)) == "16"
    assert territory.region_on(placed, GRANBY, MOVE) == "05"
    assert territory.region_on(placed, GRANBY, date(1999, 1, 1)) is None


def test_saint_jerome_is_in_the_census_area_but_not_in_the_metropolitan_community() -> None:
    flagged = territory.municipality_flags()
    today = date(2026, 1, 1)
    assert territory.flag_on(flagged, SAINT_JEROME, Flag.in_cma_montreal, today) is FlagValue.yes
    assert territory.flag_on(flagged, SAINT_JEROME, Flag.in_cmm, today) is FlagValue.no


def test_what_nobody_could_source_is_unknown_and_never_no() -> None:
    flagged = territory.municipality_flags()
    assert territory.flag_on(flagged, RAWDON, Flag.in_cma_montreal, date(2026, 1, 1)) is FlagValue.unknown
    assert territory.flag_on(flagged, SAINT_JEROME, Flag.in_cmm, date(2000, 12, 31)) is FlagValue.unknown
    assert territory.flag_on(flagged, "00000", Flag.in_cmm, date(2026, 1, 1)) is FlagValue.unknown


def test_there_are_17_regions_and_each_but_laval_has_two_municipalities_or_more() -> None:
    codes = [region.code for region in territory.regions()]
    assert codes == [f"{number:02}" for number in range(1, 18)]
    today = date(2026, 1, 1)
    placed = territory.municipality_regions()
    per_region = Counter(territory.region_on(placed, place.geo_code, today) for place in territory.municipalities())
    assert set(per_region) == set(codes)
    assert {code for code, count in per_region.items() if count < 2} == {"13"}  # Laval is one city, one region


def test_fourteen_host_cities_three_of_them_inside_the_metropolitan_community() -> None:
    flagged, on = territory.municipality_flags(), date(2026, 1, 1)
    hosts = [
        place.geo_code
        for place in territory.municipalities()
        if territory.flag_on(flagged, place.geo_code, Flag.host_city, on) is FlagValue.yes
    ]
    inside = {g for g in hosts if territory.flag_on(flagged, g, Flag.in_cmm, on) is FlagValue.yes}
    assert len(hosts) == 14
    assert inside == {"66023", "65005", "58227"}


def test_the_metropolitan_community_stays_within_its_fourteen_divisions() -> None:
    members = {
        flagged.geo_code
        for flagged in territory.municipality_flags()
        if flagged.flag is Flag.in_cmm and flagged.value is FlagValue.yes
    }
    assert members
    assert {geo_code[:2] for geo_code in members} <= CMM_DIVISIONS


def test_every_municipality_has_each_flag_and_an_mrc_code_of_its_own_division() -> None:
    flags = Counter(flagged.geo_code for flagged in territory.municipality_flags())
    for place in territory.municipalities():
        assert flags[place.geo_code] == len(Flag)
        if place.mrc_code is None:
            assert "territoire équivalent" in place.mrc_name
        else:
            assert place.mrc_code[:2] == place.geo_code[:2]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("regions.csv", "\n02,", "\n01,"),
        ("regions.csv", "\n02,", "\n18,"),
        ("regions.csv", ",199,", ",many,"),
        ("regions.csv", "name_en", "name"),
        ("municipalities.csv", "\n01023,", "\n1023,"),
        ("municipalities.csv", "\n02028,", "\n01023,"),
        ("municipalities.csv", ",470,", ",47,"),
        ("municipalities.csv", ",Granby,", ",,"),
        ("municipalities.csv", ",Granby,", ", Granby,"),
        ("municipalities.csv", ",Granby,", ",Granby"),
        ("municipalities.csv", "Le Rocher-Percé,7,", "Le Rocher-Percé,-7,"),
        ("municipality_regions.csv", "47017,16,2006-01-01,2021-07-07", "47017,16,2006-01-01,2021-07-08"),
        ("municipality_regions.csv", "47017,16,2006-01-01,2021-07-07", "47017,16,2006-01-01,"),
        ("municipality_regions.csv", "47017,16,2006-01-01,2021-07-07", "47017,16,2006-01-01,2005-07-07"),
        ("municipality_regions.csv", "47017,05,2021-07-08", "47017,05,"),
        ("municipality_regions.csv", "47017,05,2021-07-08", "47017,05,2021-02-30"),
        ("municipality_regions.csv", "47017,05,2021-07-08", "47017,05,20210708"),
        ("municipality_regions.csv", "47017,05,", "47099,05,"),
        ("municipality_flags.csv", "47017,in_cmm,no", "47017,in_cmm,maybe"),
        ("municipality_flags.csv", "47017,in_cmm,no", "47017,in_cmq,no"),
        ("municipality_flags.csv", "47017,in_cmm,no", "47017,host_city,no"),
        ("municipality_flags.csv", "47017,in_cmm,no", "00000,in_cmm,no"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name_and_line(folder: Path, name: str, old: str, new: str) -> None:
    read_all(folder)
    damage(folder, name, old, new)
    with pytest.raises(ReferenceDataError) as refusal:
        read_all(folder)
    assert refusal.value.file == name
    text = (folder / name).read_text(encoding="utf-8").splitlines()
    assert 1 <= refusal.value.line <= len(text)
    assert str(refusal.value).startswith(f"{name}, line {refusal.value.line}: ")


def test_the_line_named_is_the_line_to_mend(folder: Path) -> None:
    damage(folder, "municipality_flags.csv", "47017,in_cmm,no", "47017,in_cmm,maybe")
    lines = (folder / "municipality_flags.csv").read_text(encoding="utf-8").splitlines()
    with pytest.raises(ReferenceDataError) as refusal:
        territory.municipality_flags(folder)
    territory.resources(folder)
    assert "maybe" in lines[refusal.value.line - 1]


@given(st.dates(min_value=date(2006, 1, 1), max_value=date(2100, 1, 1)))
def test_granby_is_always_in_exactly_one_region(on: date) -> None:
    placed = [p for p in territory.municipality_regions() if p.geo_code == GRANBY]
    assert territory.region_on(placed, GRANBY, on) == ("16" if on < MOVE else "05")
    assert territory.region_on(list(reversed(placed)), GRANBY, on) == territory.region_on(placed, GRANBY, on)
