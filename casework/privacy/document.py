"""A readable document: one self-contained HTML page, French first, then English (SGQRI 008 3.0, WCAG 2.1 AA).

No script, no image, nothing fetched; `lang` on each half, headings in order, a caption and header cells on each
table, so that it reads aloud, prints and zooms.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from casework.kernel.language import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from casework.kernel.language import Language

STYLE = (
    "body{font:1.0625rem/1.5 'Open Sans',Arial,sans-serif;color:#223654;background:#fff;max-width:70rem;"
    "margin:0 auto;padding:1rem}h1,h2,h3{line-height:1.25;color:#095797}a{color:#095797}"
    "table{border-collapse:collapse;width:100%;margin:0 0 2rem}caption{text-align:left;font-weight:700;padding:.5rem 0}"
    "th,td{border:1px solid #6b778a;padding:.4rem .6rem;text-align:left;vertical-align:top}"
    "thead th{background:#dae6f0}.scroll{overflow-x:auto}article+article{border-top:3px solid #095797;margin-top:3rem}"
    "@media print{body{max-width:none}nav{display:none}tr{break-inside:avoid}}"
)
EMPTY = Text("Rien n'est inscrit.", "Nothing is recorded.")
NEITHER = Text("non inscrit", "not recorded")
JUMP = {"fr": ("English version below", "en"), "en": ("Version française ci-dessus", "fr")}

Cell = str | Text | None


@dataclass(frozen=True, slots=True)
class Section:
    """One table; the first cell of each row names it. `note` stands before the table."""

    title: Text
    columns: tuple[Text, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: Text | None = None


def page(title: Text, introduction: Sequence[Text], sections: Sequence[Section]) -> str:
    """The whole page in both languages, as text to be encoded in UTF-8."""
    halves: tuple[Language, Language] = ("fr", "en")
    articles = "".join("".join(_half(title, introduction, sections, language)) for language in halves)
    return (
        '<!DOCTYPE html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title.fr)} – {escape(title.en)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{articles}</main>\n</body>\n</html>\n"
    )


def _half(title: Text, introduction: Sequence[Text], sections: Sequence[Section], language: Language) -> Iterator[str]:
    words, other = JUMP[language]
    yield f'<article lang="{language}" id="{language}">\n<h1>{escape(title.to(language))}</h1>\n'
    yield f'<nav><a href="#{other}" lang="{other}" hreflang="{other}">{escape(words)}</a></nav>\n'
    yield from (f"<p>{escape(sentence.to(language))}</p>\n" for sentence in introduction)
    for section in sections:
        yield from _section(section, language)
    yield "</article>\n"


def _section(section: Section, language: Language) -> Iterator[str]:
    title = escape(section.title.to(language))
    yield f"<section>\n<h2>{title}</h2>\n"
    if section.note is not None:
        yield f"<p>{escape(section.note.to(language))}</p>\n"
    if not section.rows:
        yield f"<p>{escape(EMPTY.to(language))}</p>\n</section>\n"
        return
    heads = "".join(f'<th scope="col">{escape(column.to(language))}</th>' for column in section.columns)
    # A region that scrolls can be reached and named by keyboard and reader.
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{title}">\n<table>\n'
    yield f"<caption>{title}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
    for first, *others in section.rows:
        cells = "".join(f"<td>{_cell(cell, language)}</td>" for cell in others)
        yield f'<tr><th scope="row">{_cell(first, language)}</th>{cells}</tr>\n'
    yield "</tbody>\n</table>\n</div>\n</section>\n"


def _cell(cell: Cell, language: Language) -> str:
    said = NEITHER if cell is None or cell == "" else cell
    return escape(said.to(language) if isinstance(said, Text) else said)
