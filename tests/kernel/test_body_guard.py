"""The guard reads a hostile body once, however it is made, and finds its depth."""

from __future__ import annotations

import re

import pytest

from casework.kernel import body_guard
from casework.kernel.problems import MalformedRequest


@pytest.mark.parametrize(
    "body",
    [b'"' + b'\\"' * 32_000, b'["' * 32_000, b'"\\' * 32_000, b'"' * 64_000, b'{"a":"' + b"x\\" * 30_000],
    ids=["escaped quotes", "open strings", "backslashes", "quotes", "no end"],
)
def test_a_string_without_an_end_is_read_once(body: bytes) -> None:
    """Each byte belongs to one match at most: a search that starts again at every quote is quadratic."""
    matches = [found.span() for found in body_guard.STRING.finditer(body)]
    assert sum(end - start for start, end in matches) <= len(body)
    after_the_last = body[matches[-1][1] :] if matches else body
    assert b'"' not in after_the_last, "a quote left unmatched is searched to the end of the body, and so is the next"
    with pytest.raises(MalformedRequest):
        body_guard.refuse_hostile_json(body)


def test_a_pattern_that_wants_the_closing_quote_would_start_again_at_each() -> None:
    """The control: the naive pattern matches nothing in an endless string, having tried from every quote."""
    naive = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
    assert naive.search(b'"' + b'\\"' * 1_000) is None


@pytest.mark.parametrize(
    ("body", "depth"),
    [(b'{"a":"[[[["}', 1), (b'{"a":["\\"[",[]]}', 3), (b'"\\\\"', 0), (b'[[["]]]"', 3), (b"[" * 40, 40)],
)
def test_brackets_in_strings_are_no_depth(body: bytes, depth: int) -> None:
    assert body_guard._depth(body) == depth
