"""French first: which language an `Accept-Language` header (RFC 9110 §12.5.4) gets."""

from __future__ import annotations

import pytest

from casework.kernel.language import Text, preferred


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "*",
        "fr",
        "fr-CA,fr;q=0.9,en;q=0.8",
        "FR-ca",
        "en;q=0.5, fr;q=0.5",
        "es, de",
        "en;q=0",
        "en;q=zero",
        "en;q=7",
        "french",
        "; ,, ;q=",
    ],
)
def test_french_is_the_answer_unless_english_is_preferred(header: str | None) -> None:
    assert preferred(header) == "fr"


@pytest.mark.parametrize("header", ["en", "en-CA", "EN", "fr;q=0.2, en;q=0.9", "es, en;q=0.3", "fr;q=0, en;q=0.1"])
def test_english_is_the_answer_where_it_ranks_higher(header: str) -> None:
    assert preferred(header) == "en"


def test_a_header_of_any_length_costs_no_more_than_its_beginning() -> None:
    assert preferred("x," * 100_000 + "en") == "fr"


def test_a_text_is_told_in_the_language_asked() -> None:
    text = Text("Bonjour", "Good day")
    assert (text.to("fr"), text.to("en")) == ("Bonjour", "Good day")
