"""The parts that both the server and `casework token` build from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.authz.apply import BootRefused
from casework.identity.provider import Provider, is_safe
from casework.identity.tokens import Issuer, Strength
from casework.kernel.addresses import Addresses
from casework.kernel.blind_index import BlindIndex
from casework.kernel.database import Database
from casework.kernel.language import Text

if TYPE_CHECKING:
    from casework.settings import Settings


def database_of(settings: Settings) -> Database:
    """Raises BootRefused when no database is named."""
    if settings.database_url is None:
        raise BootRefused(Text("CASEWORK_DATABASE_URL manque.", "CASEWORK_DATABASE_URL is missing."))
    return Database(
        settings.database_url.get_secret_value(),
        context_key=settings.key("context"),
        log_secret=settings.key("log-pseudonyms"),
        keyring=settings.keyring(),
        blind=BlindIndex(settings.blind_index_key()),
        pool_size=settings.pool_size,
    )


def issuer_of(settings: Settings) -> Issuer:
    return Issuer(settings.public_url, settings.key("tokens"))


def provider_of(settings: Settings) -> Provider | None:
    """Raises BootRefused for an issuer whose keys anybody on the road could replace."""
    if settings.oidc_issuer is None:
        return None
    if not is_safe(settings.oidc_issuer):
        raise BootRefused(
            Text("CASEWORK_OIDC_ISSUER : une adresse https est exigée.", "CASEWORK_OIDC_ISSUER: https is required.")
        )
    strength = Strength(tuple(settings.oidc_acr.split()), settings.oidc_max_age_seconds)
    return Provider(settings.oidc_issuer, settings.oidc_audience, strength)


def addresses_of(settings: Settings) -> Addresses:
    return Addresses(settings.proxies(), settings.key("addresses"))
