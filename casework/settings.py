"""Every setting of the product, from `CASEWORK_*` environment variables; only `main` and `cli` import this."""

from __future__ import annotations

import base64
import json
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from casework.kernel.language import Text
from casework.kernel.sealing import Keyring, LocalKeys, derive

PLACEHOLDER = "change-me"
SECRET_BYTES = 32


class SettingsRefused(Exception):
    def __init__(self, text: Text) -> None:
        super().__init__(f"{text.fr} {text.en}")
        self.text = text


def _serious(secret: str) -> bool:
    return PLACEHOLDER not in secret and len(secret) >= SECRET_BYTES and len(set(secret)) >= SECRET_BYTES // 4


class Settings(BaseSettings):
    """`secret` is the root of the installation's derived keys (tokens, cursors, context); `sealing_key` wraps people's
    data keys and should live apart from it, in a key store. `sealing_old_keys` (JSON: id to key) are those that rows
    may still be wrapped under; `sealing_keys_file` holds the same JSON, the current key included. `index_key` is the
    root of the blind indexes; changing it asks for `casework reindex-names`. `oidc_issuer`: an OpenID Connect provider
    whose access tokens are accepted for people; `local_sign_in` false then leaves them no other way in. `oidc_acr`
    (separated by spaces) and `oidc_max_age_seconds`: how strongly and how lately they must have signed in there.
    `bound_client_tokens`: partners' clients get tokens bound to a key of theirs (RFC 9449) or none.
    `trusted_proxies`: networks of our own proxies, separated by commas, whose `X-Forwarded-For` is believed."""

    model_config = SettingsConfigDict(env_prefix="CASEWORK_", frozen=True, hide_input_in_errors=True)

    environment: Literal["development", "production"] = "development"
    database_url: SecretStr | None = None
    owner_database_url: SecretStr | None = None
    login_role: str | None = None
    data_dir: Path | None = None
    secret: SecretStr = SecretStr(PLACEHOLDER)
    sealing_key: SecretStr | None = None
    sealing_key_id: str = "kek-1"
    sealing_old_keys: dict[str, SecretStr] = {}
    sealing_keys_file: Path | None = None
    index_key: SecretStr | None = None
    log_key: SecretStr | None = None
    public_url: str = "http://127.0.0.1:8000"
    log_origin: str = "casework.example/log"
    witnesses: str = ""
    oidc_issuer: str | None = None
    oidc_audience: str = "casework"
    oidc_acr: str = Field(default="", pattern=r'^[^"\\\s]*( [^"\\\s]+)*$')
    oidc_max_age_seconds: int | None = Field(default=None, ge=60)
    local_sign_in: bool = True
    bound_client_tokens: bool = False
    trusted_proxies: str = ""
    pool_size: int = Field(default=10, ge=2, le=100)
    background: bool = True
    max_connections: int = Field(default=1_000, ge=10, le=100_000)
    # Seconds of answering as before between SIGTERM and the end, for a balancer to see that readiness is 503.
    drain_seconds: float = Field(default=0.0, ge=0, le=120)
    # Requests a second, in the long run and at once, of one signed-in caller and of one network address; per process.
    caller_rate: float = Field(default=100.0, gt=0)
    caller_burst: int = Field(default=300, ge=1)
    address_rate: float = Field(default=300.0, gt=0)
    address_burst: int = Field(default=1_000, ge=1)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, given: str) -> str:
        return ",".join(str(ip_network(part.strip())) for part in given.split(",") if part.strip())

    @model_validator(mode="after")
    def _people_can_sign_in(self) -> Self:
        if self.oidc_issuer is None and not self.local_sign_in:
            raise SettingsRefused(
                Text(
                    "CASEWORK_LOCAL_SIGN_IN=false demande CASEWORK_OIDC_ISSUER : personne n'entrerait plus.",
                    "CASEWORK_LOCAL_SIGN_IN=false needs CASEWORK_OIDC_ISSUER: nobody could come in.",
                )
            )
        return self

    @field_validator("database_url", "owner_database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("not a PostgreSQL address")
        return url

    @model_validator(mode="after")
    def _production_is_serious(self) -> Self:
        if self.environment == "production":
            self.require_secrets()
        return self

    def require_secrets(self) -> None:
        """Raises SettingsRefused for a placeholder, a short or repetitive secret, a missing sealing key, or one secret
        that serves twice."""
        secret = self.secret.get_secret_value()
        sealing = self._sealing_secrets()[self.sealing_key_id]
        derived = self.sealing_key is None and self.sealing_keys_file is None
        if derived or not _serious(secret) or not _serious(sealing) or secret == sealing:
            raise SettingsRefused(
                Text(
                    "CASEWORK_SECRET et CASEWORK_SEALING_KEY doivent être deux vrais secrets d'au moins 32 caractères"
                    " (par exemple `openssl rand -base64 48`).",
                    "CASEWORK_SECRET and CASEWORK_SEALING_KEY must be two real secrets of at least 32 characters"
                    " (for example `openssl rand -base64 48`).",
                )
            )

    def proxies(self) -> list[str]:
        return self.trusted_proxies.split(",") if self.trusted_proxies else []

    def key(self, purpose: str) -> bytes:
        return derive(self.secret.get_secret_value().encode(), purpose)

    def keyring(self) -> Keyring:
        found = self._sealing_secrets()
        keys = {key_id: derive(secret.encode(), f"sealing/{key_id}") for key_id, secret in found.items()}
        return Keyring(LocalKeys(keys, self.sealing_key_id))

    def blind_index_key(self) -> bytes:
        """Of its own root, so that rotating key-encryption keys leaves the indexes as they are."""
        return derive((self.index_key or self.secret).get_secret_value().encode(), "blind-index")

    def _sealing_secrets(self) -> dict[str, str]:
        """Key id -> secret, the current one included; raises SettingsRefused for a file that cannot serve."""
        found = {key_id: secret.get_secret_value() for key_id, secret in self.sealing_old_keys.items()}
        if self.sealing_keys_file is not None:
            found |= _keys_in(self.sealing_keys_file)
        if self.sealing_key is not None:
            found[self.sealing_key_id] = self.sealing_key.get_secret_value()
        elif self.sealing_keys_file is None:
            found[self.sealing_key_id] = self.secret.get_secret_value()
        if self.sealing_key_id not in found:
            raise SettingsRefused(NO_CURRENT_KEY)
        return found

    def log_seed(self) -> bytes:
        """The Ed25519 seed that signs checkpoints: 32 bytes in base64, or derived from the secret."""
        if self.log_key is None:
            return self.key("log-signer")
        try:
            seed = base64.b64decode(self.log_key.get_secret_value(), validate=True)
        except ValueError:
            seed = b""
        if len(seed) != SECRET_BYTES:
            raise SettingsRefused(
                Text("CASEWORK_LOG_KEY : 32 octets en base64.", "CASEWORK_LOG_KEY: 32 bytes in base64.")
            )
        return seed


NO_CURRENT_KEY = Text(
    "CASEWORK_SEALING_KEYS_FILE : un objet JSON, id de clé → clé, où figure celle de CASEWORK_SEALING_KEY_ID.",
    "CASEWORK_SEALING_KEYS_FILE: a JSON object, key id → key, with the one of CASEWORK_SEALING_KEY_ID among them.",
)


def _keys_in(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise SettingsRefused(NO_CURRENT_KEY) from None
    if not isinstance(found, dict) or not all(isinstance(secret, str) for secret in found.values()):
        raise SettingsRefused(NO_CURRENT_KEY)
    return found
