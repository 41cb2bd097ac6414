"""What `casework serve` hands to the process that serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from casework.serving import _environment
from casework.settings import Settings

if TYPE_CHECKING:
    import pytest

OTHERS: dict[str, Any] = {
    "database_url": SecretStr("postgresql://server@127.0.0.1/casework"),
    "secret": SecretStr("tB3vQ8mXz0Lr5sYw2KfH7nCe9PjDa4Ug-Tx6Ro1Ei_Wk8Vq"),
    "sealing_key": SecretStr("m1Zc7Xw4Jq9Ly2Nf5Bt8Gd3Ks6Hv0Rp_Ue-Ao4Ti7Ob2Mx5"),
    "sealing_old_keys": {"kek-0": SecretStr("Wq4Jq9Ly2Nf5Bt8Gd3Ks6Hv0Rp_Ue-Ao4Ti7Ob2Mx5m1Zc7X")},
    "oidc_issuer": "https://identite.exemple.test", "oidc_acr": "urn:a urn:b", "oidc_max_age_seconds": 900,
    "local_sign_in": False, "trusted_proxies": "10.0.0.0/8", "caller_rate": 7.5, "max_connections": 77,
    "drain_seconds": 3.0, "log_level": "warning", "pool_size": 4,
}  # fmt: skip


def test_the_server_understands_each_setting_as_the_command_did(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings(**OTHERS)
    for name, value in _environment(given).items():
        monkeypatch.setenv(name, value)
    assert Settings() == given


def test_the_server_is_not_told_who_owns_the_tables() -> None:
    owner = Settings(**OTHERS, owner_database_url=SecretStr("postgresql://owner@127.0.0.1/casework"))
    assert "CASEWORK_OWNER_DATABASE_URL" not in _environment(owner)
