"""A fictional shelter's list, as large as wanted, with faults planted in known cells."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass, field
from typing import Any

from casework.demo.families import family

TITLES = (
    "household", "programme", "claimed_on", "bedrooms", "member", "relation", "full_name", "original_script", "birth",
    "phone", "email", "language", "needs_interpreter", "uci",
)  # fmt: skip
# Column -> what is typed there, and the code the report must give for it.
PLANTED = {
    "birth": ("31 mai", "string_pattern_mismatch"),
    "relation": ("cousine", "enum"),
    "needs_interpreter": ("peut-être", "bool_type"),
    "full_name": ("=A1", "formula"),
}
SHARE = 0.05


@dataclass(slots=True)
class Planted:
    """The file, and what a report of it must say: (line, column, code), and the households without a fault."""

    body: bytes = b""
    households: int = 0
    lines: int = 0
    faults: set[tuple[int, str, str]] = field(default_factory=set)
    good: int = 0


def sheet(households: int, seed: int) -> Planted:
    import openpyxl

    rng, made = random.Random(f"import-{seed}"), Planted(households=households)
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet()
    page.append(TITLES)
    for number in range(households):
        before = len(made.faults)
        for row in _rows(f"liste-{seed}-{number}", family(seed + number).body):
            made.lines += 1
            if rng.random() < SHARE:
                column = rng.choice(sorted(PLANTED))
                row[column], code = PLANTED[column]
                made.faults.add((made.lines + 1, column, code))
            page.append([row.get(title) for title in TITLES])
        made.good += len(made.faults) == before
    stream = io.BytesIO()
    book.save(stream)
    made.body = stream.getvalue()
    return made


def _rows(name: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for place, member in enumerate(body["members"]):
        [language] = member["languages"]
        row = {
            "household": name, "member": f"{name}-{place}", "relation": member["relation"],
            "full_name": member["name"]["full"], "original_script": member["name"].get("original_script"),
            "birth": member["birth"]["value"], "language": language["code"],
            "needs_interpreter": "oui" if language["needs_interpreter"] else "non",
            **member.get("contact", {}),
        }  # fmt: skip
        row |= {one["type"]: one["value"] for one in member.get("identifiers", [])}
        if place == 0:
            row |= {name: body[name] for name in ("programme", "claimed_on")} | {"bedrooms": body["needs"]["bedrooms"]}
        rows.append(row)
    return rows
