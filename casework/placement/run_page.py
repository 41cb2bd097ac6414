"""Pure: a run as one HTML page that asks nothing of anybody, and as CSV: a map of the regions, proposals, certificate.

The map is schematic and of our own making: one tile a region, about where it lies.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TILES = {
    "10": (3, 0), "09": (6, 0), "08": (0, 1), "02": (4, 1), "04": (3, 2), "03": (4, 2), "01": (6, 2), "11": (7, 2),
    "07": (0, 3), "15": (1, 3), "14": (2, 3), "17": (4, 3), "12": (5, 3), "13": (1, 4), "06": (2, 4), "16": (3, 4),
    "05": (4, 4),
}  # fmt: skip
NAMES = {
    "01": "Bas-Saint-Laurent", "02": "Saguenay–Lac-Saint-Jean", "03": "Capitale-Nationale", "04": "Mauricie",
    "05": "Estrie", "06": "Montréal", "07": "Outaouais", "08": "Abitibi-Témiscamingue", "09": "Côte-Nord",
    "10": "Nord-du-Québec", "11": "Gaspésie–Îles-de-la-Madeleine", "12": "Chaudière-Appalaches", "13": "Laval",
    "14": "Lanaudière", "15": "Laurentides", "16": "Montérégie", "17": "Centre-du-Québec",
}  # fmt: skip
SIDE = 92
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid #767676;padding:.3rem .6rem;text-align:left}"
    "svg text{font:12px system-ui,sans-serif;fill:#1b1b1b}pre{white-space:pre-wrap;word-break:break-all;font-size:12px}"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Line:
    """One proposal: `place` and `score` None for a case that found none, `persons` for one left out of the model."""

    case: str
    persons: int | None
    place: str | None
    region: str | None
    score: int | None


def as_csv(lines: Sequence[Line]) -> str:
    """RFC 4180; a cell that a spreadsheet would compute is prefixed, never stripped."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["case", "persons", "place", "region", "score"])
    for line in lines:
        told = (line.case, line.persons, line.place, line.region, line.score)
        writer.writerow(["" if value is None else _safe(str(value)) for value in told])
    return out.getvalue()


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(STARTS_A_FORMULA) else text


def as_page(lines: Sequence[Line], certificate: Mapping[str, Any], title: str) -> str:
    """French first, English beside it."""
    placed = sum(line.place is not None for line in lines)
    gap = certificate["bound"] - certificate["scale"] * certificate["value"]
    share = 100 * gap / certificate["bound"] if certificate["bound"] else 0
    french = f"{placed} dossiers sur {len(lines)} ont un lieu proposé ; une personne décide de chacun."
    missed = f"Au plus {share:.2f} % de la valeur possible a pu être manquée."
    english = f"{placed} of {len(lines)} cases have a place proposed; a person decides about each."
    bounded = f"At most {share:.2f} % of the possible value may have been missed."
    return (
        '<!doctype html>\n<html lang="fr"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n"
        f'<p>{french} {missed}</p>\n<p lang="en">{english} {bounded}</p>\n'
        f"<h2>Régions / <span lang='en'>Regions</span></h2>\n{region_map(lines)}\n"
        f"<h2>Propositions / <span lang='en'>Proposals</span></h2>\n{_table(lines)}\n"
        f"<h2>Certificat / <span lang='en'>Certificate</span></h2>\n<p>SHA-256 : <code>{certificate['sha256']}</code></p>\n"
        "<details><summary>Le texte à vérifier avec check.py / <span lang='en'>the text to check with check.py</span>"
        f"</summary><pre id='certificate'>{escape(json.dumps(certificate, ensure_ascii=False))}</pre></details>\n"
        "</body></html>\n"
    )


def region_map(lines: Sequence[Line]) -> str:
    """Persons proposed to each region, as a number and a shade; the number alone is enough to read it."""
    persons = dict.fromkeys(TILES, 0)
    for line in lines:
        if line.region is not None:
            persons[line.region] += line.persons or 0
    most = max(persons.values()) or 1
    tiles = "".join(_tile(code, persons[code], 0.7 * persons[code] / most) for code in sorted(TILES))
    return (
        f'<svg role="img" viewBox="0 0 {8 * SIDE} {5 * SIDE}" width="100%"><title>Personnes proposées par région,'
        f" carte schématique / Persons proposed by region, schematic map</title>{tiles}</svg>"
    )


def _tile(code: str, persons: int, shade: float) -> str:
    x, y = (SIDE * part for part in TILES[code])
    return (
        f'<g><title>{NAMES[code]} : {persons}</title><rect x="{x + 2}" y="{y + 2}" width="{SIDE - 4}" height="{SIDE - 4}"'
        f' fill="#1a7f5a" fill-opacity="{shade:.2f}" stroke="#1b1b1b"/><text x="{x + 8}" y="{y + 20}">{code}</text>'
        f'<text x="{x + 8}" y="{y + 40}">{NAMES[code][:12]}</text><text x="{x + 8}" y="{y + 70}" font-weight="700">{persons}'
        "</text></g>"
    )


def _table(lines: Sequence[Line]) -> str:
    head = "<tr><th>Dossier</th><th>Personnes</th><th>Lieu</th><th>Région</th><th>Points</th></tr>"
    rows = "".join(
        f"<tr><td>{escape(line.case)}</td><td>{'—' if line.persons is None else line.persons}</td><td>{escape(line.place or '—')}</td>"
        f"<td>{escape(line.region or '—')}</td><td>{'—' if line.score is None else line.score}</td></tr>"
        for line in lines
    )
    return f"<table>{head}{rows}</table>"
