"""Where the sealing keys come from: the environment, a file, or both; and what production refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from casework.kernel.ids import new_id
from casework.settings import Settings, SettingsRefused

FIRST, SECOND = "the-first-sealing-key-of-the-tests-0001", "the-second-sealing-key-of-the-tests-002"


def settings(**given: Any) -> Settings:
    return Settings(secret=SecretStr("a-secret-of-the-tests-that-is-long-enough-0001"), **given)


def test_an_old_key_still_unwraps_and_the_current_one_wraps(tmp_path: Path) -> None:
    before = settings(sealing_key=SecretStr(FIRST)).keyring()
    subject = new_id()
    _, wrapped = before.new_key(subject)
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"kek-1": FIRST, "kek-2": SECOND}), encoding="utf-8")
    for after in (
        settings(sealing_key=SecretStr(SECOND), sealing_key_id="kek-2", sealing_old_keys={"kek-1": SecretStr(FIRST)}),
        settings(sealing_key_id="kek-2", sealing_keys_file=file),
    ):
        ring = after.keyring()
        assert (ring.current, ring.knows("kek-1"), ring.knows("kek-2"), ring.knows("kek-3")) == (
            "kek-2",
            True,
            True,
            False,
        )
        assert ring.unwrap(subject, "kek-1", wrapped).subject_id == subject


@pytest.mark.parametrize("content", ["", "[]", '{"kek-1": 1}', '{"kek-9": "another-key"}'])
def test_a_file_without_the_current_key_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsRefused, match="CASEWORK_SEALING_KEYS_FILE"):
        settings(sealing_keys_file=file).keyring()
    with pytest.raises(SettingsRefused):
        settings(sealing_keys_file=tmp_path / "absent.json").keyring()


def test_production_refuses_a_sealing_key_derived_from_the_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused):
        settings().require_secrets()
    settings(sealing_key=SecretStr(FIRST)).require_secrets()
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"kek-1": FIRST}), encoding="utf-8")
    settings(sealing_keys_file=file).require_secrets()


def test_rotating_the_sealing_key_leaves_the_blind_indexes_as_they_are() -> None:
    one, other = settings(sealing_key=SecretStr(FIRST)), settings(sealing_key=SecretStr(SECOND), sealing_key_id="kek-2")
    assert one.blind_index_key() == other.blind_index_key()
    assert one.blind_index_key() != settings(index_key=SecretStr(SECOND)).blind_index_key()
