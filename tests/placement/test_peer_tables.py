"""A peer's tables in, proposals out: as CSV and as one page that asks nothing of anybody."""

from __future__ import annotations

import csv
import html
import json
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from casework.cli import main
from casework.placement.engine.check import check
from casework.placement.peer_tables import TableRefused, read_world
from casework.placement.run_page import TILES, Line, as_csv, as_page, region_map

if TYPE_CHECKING:
    from pathlib import Path

CASES = "case_id,size\nvelquindor,3\nombrefeuil,1\n=cmd,2\n"
PREDICTIONS = "case_id,Port-Bleu,Val-Doré\nvelquindor,0.5,0.25\nombrefeuil,0.9,\n=cmd,0.1,0.2\n"
CAPACITIES = "place,capacity,region\nPort-Bleu,3,01\nVal-Doré,2,08\n"


def placed(tmp_path: Path, **changed: str) -> tuple[str, list[dict[str, str]], str]:
    tables = {"cases": CASES, "predictions": PREDICTIONS, "capacities": CAPACITIES, **changed}
    asked = ["place-file", "--csv", str(tmp_path / "out.csv"), "--page", str(tmp_path / "out.html")]
    for name, text in tables.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        asked += [f"--{name}", str(tmp_path / name)]
    done = CliRunner().invoke(main, asked)
    if done.exit_code:
        return done.output, [], ""
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        return done.output, list(csv.DictReader(file)), (tmp_path / "out.html").read_text(encoding="utf-8")


def test_a_peer_s_world_is_placed_and_its_page_carries_a_true_certificate(tmp_path: Path) -> None:
    said, rows, page = placed(tmp_path)
    assert {row["case"]: row["place"] for row in rows} == {
        "velquindor": "Port-Bleu", "ombrefeuil": "", "'=cmd": "Val-Doré",
    }  # fmt: skip
    found = re.search(r"<pre id='certificate'>(.*?)</pre>", page, re.DOTALL)
    assert found is not None
    certificate = json.loads(html.unescape(found[1]))
    assert check(certificate) >= 0
    assert certificate["sha256"] in said


def test_the_page_asks_nothing_of_anybody_and_escapes_what_it_shows() -> None:
    certificate = {"value": 1, "bound": 1_000, "scale": 1_000, "sha256": "0" * 64}
    page = as_page([Line("<script>alert(1)</script>", 2, "Port <b>Bleu</b>", "01", 5)], certificate, "Essai")
    assert "<script" not in page
    assert "<b>" not in page
    assert not re.search(r"""(src|href|url)\s*[=(]|https?:""", page.replace("http-equiv", ""))
    assert "default-src 'none'" in page


def test_the_map_shows_each_of_the_seventeen_regions_once() -> None:
    drawn = region_map(
        [Line("a", 4, "Port-Bleu", "01", 9), Line("b", 3, "Port-Bleu", "01", 9), Line("c", 1, None, None, None)]
    )
    assert drawn.count("<rect") == len(TILES) == len(set(TILES.values())) == 17
    assert "Bas-Saint-Laurent : 7" in drawn
    assert "Estrie : 0" in drawn


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx"])
def test_a_cell_that_a_spreadsheet_would_compute_is_prefixed(cell: str) -> None:
    assert f"'{cell}" in as_csv([Line(cell, 1, None, None, None)])


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("predictions", PREDICTIONS.replace("0.5", "NaN")),
        ("predictions", PREDICTIONS.replace("0.5", "inf")),
        ("predictions", PREDICTIONS.replace("0.5", "1.5")),
        ("predictions", PREDICTIONS.replace("0.5", "-0.1")),
        ("predictions", PREDICTIONS.replace("0.5", "beaucoup")),
        ("predictions", PREDICTIONS + "inconnu,0.1,0.1\n"),
        ("predictions", PREDICTIONS.replace("ombrefeuil,0.9,\n", "")),
        ("predictions", PREDICTIONS + "velquindor,0.1,0.1\n"),
        ("predictions", PREDICTIONS.replace("Val-Doré", "Ailleurs")),
        ("predictions", PREDICTIONS.replace(",0.25", "")),
        ("cases", CASES.replace(",3", ",0")),
        ("cases", CASES.replace(",3", ",trois")),
        ("cases", CASES.replace("size", "taille")),
        ("cases", ""),
        ("capacities", CAPACITIES.replace(",3,", ",-3,")),
        ("capacities", CAPACITIES.replace("08", "18")),
    ],
)
def test_a_table_that_contradicts_itself_is_refused_in_both_languages(tmp_path: Path, table: str, text: str) -> None:
    tables = {"cases": CASES, "predictions": PREDICTIONS, "capacities": CAPACITIES, table: text}
    with pytest.raises(TableRefused) as refused:
        read_world(**tables)
    assert refused.value.text.fr != refused.value.text.en
    said, rows, page = placed(tmp_path, **{table: text})
    assert (rows, page) == ([], "")
    assert refused.value.text.fr in said
    assert refused.value.text.en in said
    assert not (tmp_path / "out.csv").exists()
