"""The milestone log as a table, for those who work in a spreadsheet or a data frame: the columns and their meaning.

Each row is one entry; `leaf_hash` ties it to the tree, so that `GET /v1/log/proofs/inclusion` proves it.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from casework.kernel.language import Text

if TYPE_CHECKING:
    from collections.abc import Iterable


class Kind(StrEnum):
    """In Parquet: INT64, TIMESTAMP (microseconds, UTC), BOOLEAN, STRING."""

    whole = "integer"
    instant = "timestamp"
    yes_no = "boolean"
    text = "text"


class Column(NamedTuple):
    name: str
    kind: Kind
    meaning: Text


def _text(name: str, fr: str, en: str) -> Column:
    return Column(name, Kind.text, Text(fr, en))


COLUMNS = (
    Column("index", Kind.whole, Text("Rang dans le journal, à partir de 0.", "Position in the log, from 0.")),
    Column("recorded_at", Kind.instant, Text("Moment de l'inscription, UTC.", "When it was recorded, UTC.")),
    _text("type", "Acte, par exemple milestone.recorded.", "Act, milestone.recorded for instance."),
    _text("code", "Code du jalon au catalogue.", "The milestone's code in the catalogue."),
    _text("programme", "Programme.", "Programme."),
    _text("region", "Région administrative, 01 à 17.", "Administrative region, 01 to 17."),
    _text(
        "organization", "Organisme qui a inscrit ; vide pour l'État.", "Recording organization; empty for the State."
    ),
    _text("role", "Rôle de qui a inscrit.", "Role of who recorded."),
    _text("actor", "Pseudonyme de qui a inscrit.", "Pseudonym of who recorded."),
    _text(
        "case",
        "Pseudonyme du dossier, propre au mandat ; vide une fois le ménage effacé.",
        "Pseudonym of the case, of this mandate only; empty once the household was erased.",
    ),
    _text("subject", "Engagement envers la personne ou le ménage.", "Commitment to the person or household."),
    _text("milestone", "Renvoi de ce jalon, repris par of.", "This milestone's own reference, repeated in of."),
    _text("of", "Renvoi du jalon annulé.", "Reference of the milestone that is voided."),
    Column("household", Kind.yes_no, Text("Jalon du ménage entier.", "A milestone of the whole household.")),
    _text("outcome", "Issue : done, not_applicable ou unknown.", "Outcome: done, not_applicable or unknown."),
    _text("reason_code", "Motif d'un jalon sans objet.", "Why it does not apply."),
    _text("occurred_on", "Date de l'événement, partielle au besoin.", "When it happened, a partial date at need."),
    _text("occurred_precision", "Précision : day, month, year ou unknown.", "Precision: day, month, year or unknown."),
    _text(
        "leaf_hash",
        "Empreinte de la feuille (RFC 9162), en hexadécimal.",
        "The leaf's hash (RFC 9162), in hexadecimal.",
    ),
)
NAMES = tuple(column.name for column in COLUMNS)
# The first two and the last are not the leaf's own fields, or are read from elsewhere.
_OF_THE_LEAF = tuple(
    name for name in NAMES if name not in {"index", "case", "occurred_on", "occurred_precision", "leaf_hash"}
)

# What a spreadsheet takes for the beginning of a formula, its wide forms and the blanks that some programs skip included.
FORMULA_STARTS = frozenset("=+-@\t\r\n|%＝＋－＠")


def row(index: int, body: str, case: str | None) -> list[Any]:
    """The values of one entry, in the order of COLUMNS; `body` is the committed text."""
    leaf = json.loads(body)
    occurred = leaf.get("occurred_on")
    when = occurred if isinstance(occurred, dict) else {}
    found = {name: leaf.get(name) for name in _OF_THE_LEAF}
    found |= {
        "index": index,
        "case": case,
        "occurred_on": when.get("value"),
        "occurred_precision": when.get("precision"),
    }
    found["leaf_hash"] = hashlib.sha256(b"\x00" + body.encode()).hexdigest()
    return [found[name] for name in NAMES]


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would compute gets an apostrophe before it; nothing is ever taken away."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in FORMULA_STARTS and cell else cell


def as_csv(rows: Iterable[list[Any]]) -> bytes:
    """RFC 4180, UTF-8, with a header line; an absent value is an empty cell, a boolean true or false."""
    import csv
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(NAMES)
    for values in rows:
        writer.writerow([str(cell).lower() if isinstance(cell, bool) else harmless(cell) for cell in values])
    return text.getvalue().encode()


def as_parquet(rows: Iterable[list[Any]], stated: dict[str, Any]) -> bytes:
    """One row group; `stated` stands in the file's metadata under `casework`."""
    import io
    from datetime import datetime

    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    place = NAMES.index("recorded_at")
    columns[place] = tuple(datetime.fromisoformat(text) for text in columns[place])
    types = {
        Kind.whole: pa.int64(),
        Kind.instant: pa.timestamp("us", tz="UTC"),
        Kind.yes_no: pa.bool_(),
        Kind.text: pa.string(),
    }
    schema = pa.schema(
        [pa.field(column.name, types[column.kind]) for column in COLUMNS], {"casework": json.dumps(stated)}
    )
    table = pa.Table.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema
    )
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()
