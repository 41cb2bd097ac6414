"""Ten times the file is not ten times the memory."""

from __future__ import annotations

from casework.evidence.bench_import import BYTES_A_HOUSEHOLD, _load, _read, growth


def test_what_is_held_does_not_grow_with_the_file_as_a_loaded_workbook_does() -> None:
    flat, loaded = growth(_read, 400, 7), growth(_load, 400, 7)
    assert flat < BYTES_A_HOUSEHOLD < loaded
    assert loaded > 4 * flat
