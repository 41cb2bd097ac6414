"""A sealed value opens with its person's key, in its own row and column, and nowhere else (access.md §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.kernel.ids import new_id
from casework.kernel.sealing import CannotOpen, KeyAway, Keyring, LocalKeys, SubjectKey, commitment, derive

if TYPE_CHECKING:
    from uuid import UUID

PLACE = "persons/sealed_name"
NAME = {"full": "Ondine Valcourtois-Fictive"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(LocalKeys({"kek-1": derive(b"a secret of the tests", "sealing/kek-1")}, "kek-1"))


@pytest.fixture
def row() -> UUID:
    return new_id()


@given(value=json_values)
def test_what_is_sealed_opens_unchanged(value: Any) -> None:
    key, row = SubjectKey(new_id(), b"r" * 32), new_id()
    assert key.open(PLACE, row, key.seal(PLACE, row, value)) == value


def test_the_same_name_is_never_sealed_twice_alike(keyring: Keyring, row: UUID) -> None:
    key, _ = keyring.new_key(new_id())
    first, second = key.seal(PLACE, row, NAME), key.seal(PLACE, row, NAME)
    assert first != second
    assert b"Ondine" not in first


def test_a_value_moved_to_another_row_or_column_does_not_open(keyring: Keyring, row: UUID) -> None:
    key, _ = keyring.new_key(new_id())
    sealed = key.seal(PLACE, row, NAME)
    for place, where in ((PLACE, new_id()), ("persons/sealed_contact", row)):
        with pytest.raises(CannotOpen):
            key.open(place, where, sealed)


def test_another_persons_key_does_not_open_it(keyring: Keyring, row: UUID) -> None:
    (hers, _), (his, _) = keyring.new_key(new_id()), keyring.new_key(new_id())
    with pytest.raises(CannotOpen):
        his.open(PLACE, row, hers.seal(PLACE, row, NAME))


def test_no_bit_of_a_sealed_value_can_be_changed(keyring: Keyring, row: UUID) -> None:
    key, _ = keyring.new_key(new_id())
    sealed = key.seal(PLACE, row, NAME)
    for place in range(len(sealed)):
        with pytest.raises(CannotOpen):
            key.open(PLACE, row, sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])


@pytest.mark.parametrize("kept", [0, 9, 13, 20])
def test_a_value_cut_short_does_not_open(keyring: Keyring, row: UUID, kept: int) -> None:
    key, _ = keyring.new_key(new_id())
    with pytest.raises(CannotOpen):
        key.open(PLACE, row, key.seal(PLACE, row, NAME)[:kept])


def test_a_rotated_key_does_not_open_what_stood_before(row: UUID) -> None:
    subject = new_id()
    sealed = SubjectKey(subject, b"r" * 32, version=1).seal(PLACE, row, NAME)
    with pytest.raises(CannotOpen):
        SubjectKey(subject, b"r" * 32, version=2).open(PLACE, row, sealed)


# The envelope


def test_a_data_key_comes_back_from_its_wrapping(keyring: Keyring, row: UUID) -> None:
    subject = new_id()
    key, wrapped = keyring.new_key(subject)
    assert keyring.unwrap(subject, "kek-1", wrapped).open(PLACE, row, key.seal(PLACE, row, NAME)) == NAME


def test_a_wrapped_key_given_to_somebody_else_does_not_unwrap(keyring: Keyring) -> None:
    _, wrapped = keyring.new_key(new_id())
    with pytest.raises(CannotOpen):
        keyring.unwrap(new_id(), "kek-1", wrapped)


def test_an_unknown_wrapping_key_is_named_and_no_secret_is(keyring: Keyring) -> None:
    subject = new_id()
    _, wrapped = keyring.new_key(subject)
    with pytest.raises(KeyAway, match="kek-0 is not configured"):
        keyring.unwrap(subject, "kek-0", wrapped)


def test_a_newer_wrapping_key_wraps_and_the_older_still_unwraps(keyring: Keyring) -> None:
    subject = new_id()
    _, before = keyring.new_key(subject)
    keys = {name: derive(b"a secret of the tests", f"sealing/{name}") for name in ("kek-1", "kek-2")}
    both = Keyring(LocalKeys(keys, "kek-2"))
    _, after = both.new_key(subject)
    both.unwrap(subject, "kek-1", before)
    both.unwrap(subject, "kek-2", after)
    with pytest.raises(CannotOpen):
        both.unwrap(subject, "kek-1", after)


def test_a_renewed_key_opens_what_was_sealed_before_it_and_keeps_its_pseudonyms(keyring: Keyring, row: UUID) -> None:
    first, _ = keyring.new_key(new_id())
    sealed = first.seal(PLACE, row, NAME)
    second = first.renewed()
    kept = keyring.unwrap(second.subject_id, "kek-1", keyring.wrap(second), second.version)
    assert kept.version == 2
    assert kept.open(PLACE, row, sealed) == NAME
    assert kept.pseudonym("x") == first.pseudonym("x")
    with pytest.raises(CannotOpen):
        first.open(PLACE, row, kept.seal(PLACE, row, NAME))


def test_a_key_renewed_twice_opens_only_what_was_sealed_one_key_ago(keyring: Keyring, row: UUID) -> None:
    first, _ = keyring.new_key(new_id())
    second = first.renewed()
    third = second.renewed()
    assert third.open(PLACE, row, second.seal(PLACE, row, NAME)) == NAME
    assert third.pseudonym("x") == first.pseudonym("x")
    with pytest.raises(CannotOpen):
        third.open(PLACE, row, first.seal(PLACE, row, NAME))


# What is derived


def test_no_derived_key_serves_two_purposes() -> None:
    purposes = ("context", "tokens", "cursors", "idempotency", "answers", "log-signer", "sealing/kek-1")
    keys = {derive(b"one secret", purpose) for purpose in purposes}
    assert len(keys) == len(purposes)
    assert derive(b"one secret", "context") != derive(b"another secret", "context")


def test_a_pseudonym_is_stable_under_its_key_and_foreign_under_another() -> None:
    case, subject = new_id(), new_id()
    key = SubjectKey(subject, b"r" * 32)
    assert key.pseudonym(case) == key.pseudonym(case)
    assert len({key.pseudonym(case), key.pseudonym(new_id()), SubjectKey(subject, b"s" * 32).pseudonym(case)}) == 3
    assert key.pseudonym("a", "b") != key.pseudonym("ab")


def test_a_commitment_hides_a_value_that_could_be_guessed() -> None:
    first, second = commitment(b"salt of one....." * 2, "2026-11-23"), commitment(b"salt of another." * 2, "2026-11-23")
    assert first != second
    assert commitment(b"salt of one....." * 2, "2026-11-23") == first
