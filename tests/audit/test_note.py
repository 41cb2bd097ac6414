"""Checkpoints are signed notes that Go's tools read, and that are read in one way only."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.audit import note
from casework.audit.note import NoteRefused, Verifier

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "vectors" / "signed_note.json").read_text(encoding="utf-8")
)
ORIGIN = "journal.exemple.test/jalons"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG = Verifier(ORIGIN, LOG_KEY.public_key())
ROOT = bytes(range(100, 132))
BODY = note.checkpoint_text(ORIGIN, 7, ROOT)

unhurried = settings(deadline=None, max_examples=100)


@pytest.mark.parametrize("vector", VECTORS["notes"], ids=lambda vector: vector["name"])
def test_published_notes_open_under_their_keys(vector: dict[str, Any]) -> None:
    opened = note.open_note(vector["text"], [Verifier.parse(vkey) for vkey in vector["vkeys"]])
    assert (opened.body, list(opened.names)) == (vector["body"], vector["names"])


def test_signing_gives_the_note_that_go_publishes() -> None:
    signing = VECTORS["signing"]
    _, _, name, _, material = signing["skey"].split("+", 4)
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(material)[1:])
    assert note.sign(signing["body"], name, key) == signing["text"]
    assert note.vkey(name, key.public_key()) == VECTORS["notes"][0]["vkeys"][0]


def test_no_part_and_no_mangling_of_a_verifier_key_is_one() -> None:
    vkey = VECTORS["notes"][0]["vkeys"][0]
    parts = {vkey[i:j] for i in range(len(vkey)) for j in range(i + 1, len(vkey) + 1)} - {vkey}
    mangled = {vkey[:i] + chr(ord(vkey[i]) + 1) + vkey[i + 1 :] for i in range(len(vkey))}
    for text in [*parts, *mangled, *VECTORS["bad_vkeys"], vkey + "\n", vkey.swapcase(), "\ud800" + vkey]:
        with pytest.raises(NoteRefused):
            Verifier.parse(text)
    with pytest.raises(NoteRefused, match="key id"):
        Verifier.parse(vkey.replace("c74f20a3", "C74F20A3"))


def test_a_note_without_a_known_key_is_refused() -> None:
    stranger = Verifier("autre.exemple.test", Ed25519PrivateKey.generate().public_key())
    for verifiers in ([], [stranger]):
        with pytest.raises(NoteRefused, match="no signature by a known key"):
            note.open_note(note.sign(BODY, ORIGIN, LOG_KEY), verifiers)


def test_a_key_of_the_same_name_does_not_vouch() -> None:
    namesake = Verifier(ORIGIN, Ed25519PrivateKey.generate().public_key())
    with pytest.raises(NoteRefused, match="no signature by a known key"):
        note.open_note(note.sign(BODY, ORIGIN, LOG_KEY), [namesake])


def test_one_wrong_signature_under_a_known_key_refuses_the_note() -> None:
    good = note.sign(BODY, ORIGIN, LOG_KEY)
    wrong = note.sign(BODY.replace("7", "8", 1), ORIGIN, LOG_KEY).rpartition("\n\n")[2]
    with pytest.raises(NoteRefused, match="wrong signature"):
        note.open_note(good + wrong, [LOG])


def test_witnesses_are_ignored_until_their_key_is_known() -> None:
    witness_key = Ed25519PrivateKey.generate()
    witness = Verifier("temoin.exemple.test", witness_key.public_key())
    line = note.sign(BODY, witness.name, witness_key).rpartition("\n\n")[2]
    cosigned = note.sign(BODY, ORIGIN, LOG_KEY) + line
    assert note.open_note(cosigned, [LOG]).names == (ORIGIN,)
    assert note.open_note(cosigned, [LOG, witness]).names == (ORIGIN, witness.name)
    assert note.open_note(cosigned + line, [witness]).names == (witness.name,)


def test_two_verifiers_with_one_identity_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="share a name"):
        note.open_note(note.sign(BODY, ORIGIN, LOG_KEY), [LOG, LOG])


GOOD = note.sign(BODY, ORIGIN, LOG_KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        BODY,
        BODY + "\n",
        GOOD[:-1],
        GOOD + "\n",
        GOOD + "trailing\n",
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("7", "\x01", 1),
        GOOD.replace("7", "\ud800", 1),
        GOOD.replace("— ", "- "),
        GOOD.replace("— ", "—  "),
        GOOD.replace("\n\n—", "\n—"),
        GOOD[:-1] + " \n",
        GOOD[:-1] + "=\n",
        BODY + "\n— " + ORIGIN + " AAAA\n",
        BODY + "\n— " + ORIGIN + "\n",
        BODY + "\n— a+b " + base64.b64encode(bytes(68)).decode() + "\n",
        BODY + "\n" + GOOD.rpartition("\n\n")[2] * 101,
        "a" * note.MAX_NOTE_BYTES + "\n" + GOOD,
    ],
)
def test_what_is_not_exactly_a_note_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        note.open_note(text, [LOG])


@unhurried
@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_no_changed_character_leaves_a_note_valid(place: int, character: str) -> None:
    changed = GOOD[:place] + character + GOOD[place + 1 :]
    if changed != GOOD:
        with pytest.raises(NoteRefused):
            note.open_note(changed, [LOG])


@unhurried
@given(st.text())
def test_hostile_text_is_refused_and_nothing_else(text: str) -> None:
    for read in (Verifier.parse, note.parse_checkpoint, lambda hostile: note.open_note(hostile, [LOG])):
        with pytest.raises(NoteRefused):
            read(text)


TOO_LONG = "a" * note.MAX_NOTE_BYTES + "\n"


@pytest.mark.parametrize(
    ("body", "name"), [("no newline", "a"), ("tab\t\n", "a"), ("x\n", ""), ("x\n", "a b"), (TOO_LONG, "a")]
)
def test_what_could_not_be_read_back_is_not_signed(body: str, name: str) -> None:
    with pytest.raises(NoteRefused):
        note.sign(body, name, LOG_KEY)


def test_the_published_checkpoint_is_read() -> None:
    checkpoint = note.parse_checkpoint(VECTORS["checkpoint_body"])
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert note.checkpoint_text(checkpoint.origin, checkpoint.size, checkpoint.root) == VECTORS["checkpoint_body"]


@unhurried
@given(st.integers(0, note.MAX_TREE_SIZE), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_comes_back_from_its_note(size: int, root: bytes) -> None:
    text = note.sign(note.checkpoint_text(ORIGIN, size, root, ["une ligne"]), ORIGIN, LOG_KEY)
    read = note.parse_checkpoint(note.open_note(text, [LOG]).body)
    assert read == note.Checkpoint(ORIGIN, size, root, ("une ligne",))


ROOT64 = base64.b64encode(ROOT).decode()


@pytest.mark.parametrize(
    "body",
    [
        "",
        f"{ORIGIN}\n7\n",
        f"{ORIGIN}\n7\n{ROOT64}",
        f"\n7\n{ROOT64}\n",
        f"{ORIGIN}\n\n7\n{ROOT64}\n",
        f"{ORIGIN}\n07\n{ROOT64}\n",
        f"{ORIGIN}\n+7\n{ROOT64}\n",
        f"{ORIGIN}\n7 \n{ROOT64}\n",
        f"{ORIGIN}\n٧\n{ROOT64}\n",
        f"{ORIGIN}\n-7\n{ROOT64}\n",
        f"{ORIGIN}\n{note.MAX_TREE_SIZE + 1}\n{ROOT64}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{ROOT64}\n",
        f"{ORIGIN}\n7\n{ROOT64[:-2]}B=\n",
        f"{ORIGIN}\n7\n{ROOT64.rstrip('=')}\n",
        f"{ORIGIN}\n7\n{base64.b64encode(ROOT[:31]).decode()}\n",
        f"{ORIGIN}\n7\n{ROOT64}\n\n",
        f"{ORIGIN}\r\n7\r\n{ROOT64}\r\n",
    ],
)
def test_what_is_not_exactly_a_checkpoint_is_refused(body: str) -> None:
    with pytest.raises(NoteRefused):
        note.parse_checkpoint(body)


@pytest.mark.parametrize("origin", ["", "two\nlines", "tab\t"])
def test_an_origin_that_could_not_be_read_back_is_not_written(origin: str) -> None:
    with pytest.raises(NoteRefused):
        note.checkpoint_text(origin, 7, ROOT)
