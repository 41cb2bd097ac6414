"""Files as people would make them: CSV text and XLSX workbooks, of invented households."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import openpyxl

from casework.household_imports.sheets import CSV, XLSX

if TYPE_CHECKING:
    import httpx

TITLES = (
    "household",
    "programme",
    "claimed_on",
    "member",
    "relation",
    "full_name",
    "birth",
    "phone",
    "uci",
    "bedrooms",
)


def of_two(name: str = "M-1") -> list[list[Any]]:
    """A principal and a child, the child's line leaving the household's facts unsaid."""
    return [
        [name, "asylum", "2026-02-03", f"{name}-a", "principal", "Orsane Velquindor", "1988-04", "+1 514 555 0101", "00-1", 2],
        [name, None, None, f"{name}-b", "child", "Milo Velquindor", "2019-05-06", None, None, None],
    ]  # fmt: skip


def workbook(rows: list[list[Any]], titles: tuple[str, ...] = TITLES) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (titles, *rows):
        sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def text(rows: list[list[Any]], separator: str = ",", titles: tuple[str, ...] = TITLES) -> bytes:
    lines = [separator.join("" if cell is None else str(cell) for cell in row) for row in (titles, *rows)]
    return "\n".join(lines).encode()


async def imported(client: httpx.AsyncClient, body: bytes, media: str = XLSX, **query: Any) -> httpx.Response:
    return await client.post("/v1/household-imports", content=body, params=query, headers={"Content-Type": media})


async def report_of(client: httpx.AsyncClient, body: bytes, media: str = XLSX, **query: Any) -> dict[str, Any]:
    answer = await imported(client, body, media, **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def cells(report: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(fault["line"], fault["column"], fault["code"]) for fault in report["faults"]]


__all__ = ["CSV", "XLSX"]
