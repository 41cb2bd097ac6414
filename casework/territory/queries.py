from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from casework.kernel.database import Session

# Columns of `capacities`. While lost places are under review, what is left is counted from what will remain.
PLACES_LEFT = "least(total, coalesce(shrinks_to, total)) - held - used"
FLAGS = ("in_cmm", "in_cma_montreal", "host_city")
_FLAG = (
    "coalesce((SELECT f.value FROM municipality_flags f WHERE f.geo_code = m.geo_code AND f.flag = '{flag}'"
    " AND f.valid_from <= %(on)s AND (f.valid_to IS NULL OR f.valid_to >= %(on)s) LIMIT 1), 'unknown') AS {flag}"
)
_SOURCE = (
    "'{flag}', (SELECT f.source FROM municipality_flags f WHERE f.geo_code = m.geo_code AND f.flag = '{flag}'"
    " AND f.valid_from <= %(on)s AND (f.valid_to IS NULL OR f.valid_to >= %(on)s) LIMIT 1)"
)
MUNICIPALITIES = (
    "SELECT * FROM (SELECT m.geo_code, m.name_fr, m.mrc_code, m.mrc_name, (SELECT r.region_code"
    " FROM municipality_regions r WHERE r.geo_code = m.geo_code AND r.valid_from <= %(on)s"
    " AND (r.valid_to IS NULL OR r.valid_to >= %(on)s) LIMIT 1) AS region_code, "
    + ", ".join(_FLAG.format(flag=flag) for flag in FLAGS)
    + ", json_build_object("
    + ", ".join(_SOURCE.format(flag=flag) for flag in FLAGS)
    + ") AS flag_sources"
    + ", m.source FROM municipalities m) AS found WHERE (%(region)s::text IS NULL OR region_code = %(region)s)"
    " AND (%(in_cmm)s::text IS NULL OR in_cmm = %(in_cmm)s) AND (%(after)s::text IS NULL OR geo_code > %(after)s)"
    " ORDER BY geo_code LIMIT %(limit)s"
)
COLUMNS = (
    "geo_code", "name_fr", "mrc_code", "mrc_name", "region_code", *FLAGS, "flag_sources", "source",
)  # fmt: skip
REGION_ON = (
    "SELECT region_code FROM municipality_regions WHERE geo_code = %(geo)s AND valid_from <= %(on)s"
    " AND (valid_to IS NULL OR valid_to >= %(on)s)"
)

IN_FORCE = (
    "SELECT 1 FROM resources WHERE code = %(code)s AND valid_from <= %(on)s"
    " AND (valid_to IS NULL OR valid_to >= %(on)s)"
)


async def municipalities_on(session: Session, on: date, **asked: Any) -> list[dict[str, Any]]:
    """`asked`: region, in_cmm, after (geo_code), limit; None leaves a filter out."""
    rows = await session.rows(MUNICIPALITIES, {"on": on, **asked})
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


async def is_counted(session: Session, resource: str, on: date) -> bool:
    """Whether the resource stands in the list on that day."""
    return bool(await session.rows(IN_FORCE, {"code": resource, "on": on}))


async def is_known(session: Session, resource: str) -> bool:
    return bool(await session.rows("SELECT 1 FROM resources WHERE code = %s", (resource,)))


async def region_on(session: Session, geo_code: str, on: date) -> str | None:
    rows = await session.rows(REGION_ON, {"geo": geo_code, "on": on})
    return rows[0][0] if rows else None
