"""Reference data of the territory, shipped as CSV and checked each time it is read.

A region code never says whether a place is "en région": only the dated flags of a municipality do
(domain.md §0, §4), and a flag that nobody could source is `unknown`, never `no`. Validity is inclusive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from casework.kernel.reference_table import in_force, refuse_duplicates, refuse_overlaps, rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from importlib.resources.abc import Traversable
    from pathlib import Path

SHIPPED: Final = files("casework.territory") / "data"
GEO_CODE: Final = r"[0-9]{5}"
REGION_CODE: Final = r"0[1-9]|1[0-7]"
MRC_CODE: Final = r"[0-9]{3}"
RESOURCE_CODE: Final = r"[a-z][a-z0-9_]{1,39}"


class Flag(StrEnum):
    in_cmm = "in_cmm"
    in_cma_montreal = "in_cma_montreal"
    host_city = "host_city"


class FlagValue(StrEnum):
    yes = "yes"
    no = "no"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class Region:
    code: str
    name_fr: str
    name_en: str
    population_2021_thousands: int
    source: str


@dataclass(frozen=True, slots=True)
class Municipality:
    """MAMH codes; a territory equivalent to an MRC has no `mrc_code` and `mrc_name` says so."""

    geo_code: str
    name_fr: str
    mrc_code: str | None
    mrc_name: str
    population_2021_thousands: int | None
    source: str


@dataclass(frozen=True, slots=True)
class MunicipalityRegion:
    geo_code: str
    region_code: str
    valid_from: date
    valid_to: date | None
    source: str


@dataclass(frozen=True, slots=True)
class MunicipalityFlag:
    geo_code: str
    flag: Flag
    value: FlagValue
    valid_from: date
    valid_to: date | None
    source: str


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that places are counted in; a new line of the file is a new resource, and no code changes."""

    code: str
    label_fr: str
    label_en: str
    bedrooms: int | None
    valid_from: date
    valid_to: date | None
    source: str


def regions(folder: Traversable | Path = SHIPPED) -> tuple[Region, ...]:
    """The administrative regions. Raises ReferenceDataError, as every reader of this module."""
    read = [
        (
            row,
            Region(
                code=row.text("code", REGION_CODE),
                name_fr=row.text("name_fr"),
                name_en=row.text("name_en"),
                population_2021_thousands=row.integer("population_2021_thousands"),
                source=row.text("source"),
            ),
        )
        for row in rows(folder / "regions.csv", Region.__slots__)
    ]
    refuse_duplicates((row, region.code) for row, region in read)
    return tuple(region for _, region in read)


def municipalities(folder: Traversable | Path = SHIPPED) -> tuple[Municipality, ...]:
    read = [
        (
            row,
            Municipality(
                geo_code=row.text("geo_code", GEO_CODE),
                name_fr=row.text("name_fr"),
                mrc_code=row.optional("mrc_code", MRC_CODE),
                mrc_name=row.text("mrc_name"),
                population_2021_thousands=(
                    row.integer("population_2021_thousands") if row.optional("population_2021_thousands") else None
                ),
                source=row.text("source"),
            ),
        )
        for row in rows(folder / "municipalities.csv", Municipality.__slots__)
    ]
    refuse_duplicates((row, place.geo_code) for row, place in read)
    return tuple(place for _, place in read)


def resources(folder: Traversable | Path = SHIPPED) -> tuple[Resource, ...]:
    read = []
    for row in rows(folder / "resources.csv", Resource.__slots__):
        start, end = row.validity()
        bedrooms = row.integer("bedrooms", r"[1-9][0-9]?") if row.optional("bedrooms") else None
        code = row.text("code", RESOURCE_CODE)
        resource = Resource(code, row.text("label_fr"), row.text("label_en"), bedrooms, start, end, row.text("source"))
        read.append((row, resource))
    refuse_duplicates((row, resource.code) for row, resource in read)
    return tuple(resource for _, resource in read)


def municipality_regions(folder: Traversable | Path = SHIPPED) -> tuple[MunicipalityRegion, ...]:
    """Which region each municipality is in, and when."""
    places = {place.geo_code for place in municipalities(folder)}
    known_regions = {region.code for region in regions(folder)}
    read = []
    for row in rows(folder / "municipality_regions.csv", MunicipalityRegion.__slots__):
        start, end = row.validity()
        geo_code, region_code = row.text("geo_code", GEO_CODE), row.text("region_code", REGION_CODE)
        if geo_code not in places or region_code not in known_regions:
            row.fail("unknown municipality or region")
        read.append((row, MunicipalityRegion(geo_code, region_code, start, end, row.text("source"))))
    refuse_overlaps((row, placed.geo_code, placed) for row, placed in read)
    return tuple(placed for _, placed in read)


def municipality_flags(folder: Traversable | Path = SHIPPED) -> tuple[MunicipalityFlag, ...]:
    places = {place.geo_code for place in municipalities(folder)}
    read = []
    for row in rows(folder / "municipality_flags.csv", MunicipalityFlag.__slots__):
        start, end = row.validity()
        geo_code = row.text("geo_code", GEO_CODE)
        if geo_code not in places:
            row.fail("unknown municipality")
        flag, value = row.member("flag", Flag), row.member("value", FlagValue)
        read.append((row, MunicipalityFlag(geo_code, flag, value, start, end, row.text("source"))))
    refuse_overlaps((row, (flagged.geo_code, str(flagged.flag)), flagged) for row, flagged in read)
    return tuple(flagged for _, flagged in read)


def region_on(placed: Iterable[MunicipalityRegion], geo_code: str, on: date) -> str | None:
    """Region code of a municipality on a day; None when the data does not say."""
    return next((p.region_code for p in placed if p.geo_code == geo_code and in_force(p, on)), None)


def flag_on(flagged: Iterable[MunicipalityFlag], geo_code: str, flag: Flag, on: date) -> FlagValue:
    """Absence of a line is `unknown`."""
    values = (f.value for f in flagged if f.geo_code == geo_code and f.flag is flag and in_force(f, on))
    return next(values, FlagValue.unknown)
