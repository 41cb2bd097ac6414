"""Sending a sheet of households to a running server: an ordinary client, by the same door as everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from casework.household_imports.sheets import CSV, XLSX

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = httpx.Timeout(30, read=1800)


def send(file: Path, url: str, token: str, office: str | None, *, dry_run: bool) -> dict[str, Any]:
    """The server's report, or the problem it answered."""
    media = CSV if file.suffix.lower() == ".csv" else XLSX
    query = {"dry_run": str(dry_run).lower()} | ({"office_id": office} if office else {})
    answer = httpx.post(
        f"{url}/v1/household-imports", content=file.read_bytes(), params=query, timeout=PATIENCE,
        headers={"Content-Type": media, "Authorization": f"Bearer {token}"},
    )  # fmt: skip
    found: dict[str, Any] = answer.json()
    return found
