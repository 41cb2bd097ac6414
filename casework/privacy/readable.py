"""The exports of `subject_access` and `disclosure` as tables that a person reads (document.py draws them)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from casework.kernel.clock import QUEBEC
from casework.kernel.language import Text
from casework.privacy.document import Section, page
from casework.privacy.readable_titles import COLUMNS, SHOWN, TITLES, WORDED
from casework.privacy.words import word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from casework.privacy.document import Cell

YES_NO = {True: Text("oui", "yes"), False: Text("non", "no")}
NAMES = {"name": Text("Nom", "Name"), "birth": Text("Naissance", "Birth"), "contact": Text("Coordonnées", "Contact"),
         "description": Text("Comment vous vous décrivez", "How you describe yourself"),
         "death": Text("Décès", "Death"), "unaccompanied_minor": Text("Mineur non accompagné", "Unaccompanied minor"),
         "languages": Text("Langues", "Languages"), "is_adult": Text("Adulte", "Adult"),
         "external_id": Text("Identifiant externe", "External identifier"),
         "created_at": Text("Inscrit le", "Recorded on")}  # fmt: skip


def subject_access_page(export: dict[str, Any]) -> str:
    made, said = export["manifest"], export["redactions"]
    introduction = (
        *_introduction(made),
        Text(
            f"Ce document dit tout ce qui est détenu à votre sujet. Ce qui concerne {said['other_members']} autre(s)"
            f" membre(s) du ménage en est retiré : {said['words_masked']} mot(s) masqué(s), {said['words_withheld']}"
            " note(s) du ménage non communiquée(s) (RLRQ, c. A-2.1, a. 88).",
            f"This document says everything held about you. What concerns {said['other_members']} other member(s) of"
            f" the household was taken out: {said['words_masked']} word(s) masked, {said['words_withheld']} household"
            " note(s) not released (CQLR, c. A-2.1, s. 88).",
        ),
    )
    person = Section(
        Text("Identité", "Identity"),
        (Text("Renseignement", "Information"), Text("Inscrit", "Recorded")),
        tuple((label, _cell(name, export["person"][name])) for name, label in NAMES.items()),
    )
    sections = [person, *(_section(name, export["sections"][name]) for name in export["sections"])]
    title = Text("Renseignements détenus à votre sujet", "Information held about you")
    return page(title, introduction, [*sections, *_recommendations(export["recommendations"])])


def disclosure_page(statement: dict[str, Any]) -> str:
    title = Text("À qui vos renseignements ont été communiqués", "To whom your information was disclosed")
    return page(title, _introduction(statement["manifest"]), [_section("disclosures", statement["disclosures"])])


def _introduction(made: dict[str, Any]) -> tuple[Text, ...]:
    on, rows = _instant(made["produced_at"]), sum(made["rows"].values())
    return (
        Text(
            f"Produit le {on}. Dossier de la demande : {made['reference']}. Lignes : {rows}."
            f" Empreinte (SHA-256) : {made['content_sha256']}.",
            f"Produced on {on}. File of the request: {made['reference']}. Rows: {rows}."
            f" Digest (SHA-256): {made['content_sha256']}.",
        ),
    )


def _section(name: str, rows: Sequence[dict[str, Any]]) -> Section:
    shown = SHOWN[name]
    return Section(
        TITLES[name],
        tuple(COLUMNS[column] for column in shown),
        tuple(tuple(_shown(column, row) for column in shown) for row in rows),
    )


def _shown(column: str, row: dict[str, Any]) -> Cell:
    if column == "label":
        return Text(row["label_fr"] or row["code"], row["label_en"] or row["code"])
    return _cell(column, row[column])


def _cell(column: str, value: Any) -> Cell:
    if value is None or value in ([], {}):
        return None
    if isinstance(value, bool):
        return YES_NO[value]
    if isinstance(value, list):
        return _joined(", ", (_cell(column, one) for one in value))
    if isinstance(value, dict):
        return _joined(" · ", (_cell(name, one) for name, one in value.items() if name != "precision"))
    if column in WORDED:
        return word(value)
    return _instant(value) if column.endswith("_at") or column == "at" else str(value)


def _joined(separator: str, cells: Iterable[Cell]) -> Text:
    texts = [cell if isinstance(cell, Text) else Text(cell, cell) for cell in cells if cell]
    return Text(separator.join(text.fr for text in texts), separator.join(text.en for text in texts))


def _instant(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(QUEBEC):%Y-%m-%d %H:%M}"


def _recommendations(shown: Sequence[dict[str, Any]]) -> list[Section]:
    """One table for each, places in their order, with the sentences that were shown."""
    columns = (Text("Lieu", "Place"), Text("Rang", "Rank"), Text("Raisons", "Reasons"),
               Text("Ce qui le changerait", "What would change it"))  # fmt: skip
    return [
        Section(
            Text(f"Recommandation du {_instant(one['fr']['created_at'])}",
                 f"Recommendation of {_instant(one['fr']['created_at'])}"),
            columns,
            (*map(_ranked, one["fr"]["ranked"], one["en"]["ranked"]),
             *map(_excluded, one["fr"]["excluded"], one["en"]["excluded"])),
        )
        for one in shown
    ]  # fmt: skip


def _ranked(fr: dict[str, Any], en: dict[str, Any]) -> tuple[Cell, ...]:
    said = [" ".join(c["sentence"] for c in half["contributions"]) for half in (fr, en)]
    return fr["name"], str(fr["rank"]), Text(*said), Text(fr["what_would_change_it"], en["what_would_change_it"])


def _excluded(fr: dict[str, Any], en: dict[str, Any]) -> tuple[Cell, ...]:
    changes = Text(fr["what_would_change_it"], en["what_would_change_it"])
    return fr["name"], Text("exclu", "excluded"), Text(fr["sentence"], en["sentence"]), changes
