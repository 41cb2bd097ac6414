"""The exports as a page: it reads aloud, French then English, and every code is a word."""

from __future__ import annotations

from enum import StrEnum
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from casework.authz.policy import FieldGroup, Role
from casework.cases.lifecycle import CaseStatus, ClaimStatus
from casework.cases.schemas import ChoiceKind
from casework.kernel.language import Text
from casework.kernel.programme import Programme
from casework.milestones.models import EvidenceKind, NotApplicableReason, Outcome
from casework.people.models import ConsentPurpose, IdentifierType
from casework.people.schemas import Channel, LanguageLevel, Relation
from casework.pilots.models import EnrolmentStatus
from casework.placement.models import Answer, AssignmentStatus, DeclineReason, OfferStatus, RefusalReason
from casework.privacy.document import Section, page
from casework.privacy.export_schemas import ExportPurpose
from casework.privacy.models import ErasureReason, ErasureStatus
from casework.privacy.queries import SECTIONS
from casework.privacy.readable_titles import COLUMNS, SHOWN, TITLES
from casework.privacy.redaction import MASK, Redactor
from casework.privacy.words import words
from casework.sponsorship.lifecycle import Duty, DutyState
from tests.builders import a_case
from tests.privacy.ombrefeuils import export, of, the_ombrefeuils

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


class Reader(HTMLParser):
    """What a screen reader relies on, and any tag left open."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.broken: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.broken.append(tag)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]

    def count(self, tag: str) -> int:
        return len(self.attributes(tag))


@pytest.mark.parametrize(("query", "headers"), [("?format=html", {}), ("", {"Accept": "text/html,*/*;q=0.8"})])
async def test_the_document_reads_aloud_in_french_then_in_english(
    world: World, query: str, headers: dict[str, str]
) -> None:
    case = await the_ombrefeuils(world)
    answer = await export(world, of(case), query, **headers)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-language"] == "fr, en"
    reader = Reader(answer.text)
    assert (reader.broken, reader.open) == ([], [])
    assert [html["lang"] for html in reader.attributes("html")] == ["fr"]
    assert [article["lang"] for article in reader.attributes("article")] == ["fr", "en"]
    assert reader.count("h1") == 2
    assert reader.count("title") == 1
    assert reader.count("table") == reader.count("caption") == reader.count("thead") > 20
    heads = [attributes.get("scope") for attributes in reader.attributes("th")]
    assert set(heads) == {"col", "row"}
    assert not {"script", "img", "iframe", "form"} & {tag for tag, _ in reader.seen}
    assert not [attributes for tag, attributes in reader.seen if {"src", "onclick", "style"} & set(attributes)]
    assert answer.text.index("Renseignements détenus") < answer.text.index("Information held about you")
    for told in ("Zoraïde Ombrefeuil", "+1 514 555 0142", "00-1111-2222", "Personne principale", "Principal person",
                 "Par interprète", "Through an interpreter", "Agente ou agent au dossier"):  # fmt: skip
        assert told in answer.text, told


async def test_format_wins_over_accept(world: World) -> None:
    case = await a_case(world, size=1)
    answer = await export(world, of(case), "?format=json", Accept="text/html")
    assert answer.headers["content-type"] == "application/json"
    assert (await export(world, of(case), "?format=pdf")).status_code in {400, 422}


def test_words_that_look_like_markup_stay_words() -> None:
    sly = "<script>alert(1)</script>"
    section = Section(Text(sly, sly), (Text(sly, sly),), ((sly,),), Text(sly, sly))
    text = page(Text(sly, sly), [Text(sly, sly)], [section])
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 10


def test_every_column_and_section_has_its_name_in_both_languages() -> None:
    assert set(TITLES) == set(SHOWN) == set(SECTIONS) | {"disclosures"}
    for section, columns in SHOWN.items():
        assert set(columns) <= set(COLUMNS), section
    assert all(text.fr and text.en for text in (*TITLES.values(), *COLUMNS.values()))


CODED: tuple[type[StrEnum], ...] = (
    Programme, CaseStatus, ClaimStatus, Relation, Channel, LanguageLevel, IdentifierType, ConsentPurpose, OfferStatus,
    AssignmentStatus, Answer, DeclineReason, RefusalReason, Outcome, NotApplicableReason, EvidenceKind, Role, FieldGroup,
    ErasureReason, ErasureStatus, ExportPurpose, ChoiceKind, EnrolmentStatus, Duty, DutyState,
)  # fmt: skip


@pytest.mark.parametrize("codes", CODED)
def test_every_code_has_a_word(codes: type[StrEnum]) -> None:
    assert {str(code) for code in codes} <= set(words())


def test_the_redactor_masks_whole_words_whatever_their_case_and_script() -> None:
    redactor = Redactor(["Zoraïde", "Ombrefeuil"], ["Tiburce Ombrefeuil", "Tiburce", "Ombrefeuil", "نورفال", "X"])
    assert redactor.clean("TIBURCE Ombrefeuil, Tiburcette, نورفال et X.") == f"{MASK}, Tiburcette, {MASK} et X."
    assert redactor.masked == 2
    assert redactor.clean(None) is None
    assert Redactor([], []).clean("Tiburce") == "Tiburce"
