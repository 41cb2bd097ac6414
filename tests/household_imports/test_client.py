"""`casework import-households FILE` is a client like any other: the file, the media type, the token, the report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from click.testing import CliRunner

from casework.cli import main
from tests.household_imports.sheets import CSV, XLSX, of_two, text, workbook

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("name", "media", "faulty"), [("liste.csv", CSV, 0), ("liste.xlsx", XLSX, 2)])
def test_a_file_is_sent_as_it_is_and_its_report_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, media: str, faulty: int
) -> None:
    file, sent = tmp_path / name, []
    file.write_bytes(text(of_two()) if media == CSV else workbook(of_two()))

    def post(url: str, **asked: Any) -> httpx.Response:
        sent.append((url, asked))
        return httpx.Response(200, json={"faulty_lines": faulty})

    monkeypatch.setattr(httpx, "post", post)
    told = CliRunner().invoke(main, ["import-households", str(file), "--dry-run"], env={"CASEWORK_TOKEN": "un-jeton"})
    [(url, asked)] = sent
    assert url == "http://127.0.0.1:8000/v1/household-imports"
    assert asked["content"] == file.read_bytes()
    assert asked["headers"] == {"Content-Type": media, "Authorization": "Bearer un-jeton"}
    assert asked["params"] == {"dry_run": "true"}
    assert (told.exit_code, json.loads(told.output)) == (int(faulty > 0), {"faulty_lines": faulty})
