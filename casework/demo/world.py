"""The fictional world of the demo and of the tests: offices, organizations with agreements and places, fourteen users.

Every person and organization here is invented. Written by the owner, because the server's role may not create users.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlmodel import Session, select

from casework.authz.policy import Role
from casework.identity.clients import CLIENT_SCOPES
from casework.identity.models import ApiClient, ClientSecret, Office, RoleGrant, User
from casework.kernel import clock
from casework.partners.models import Agreement, Organization
from casework.territory.models import Capacity

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

NAMESPACE = uuid.UUID("6f1c0f0e-2b1a-5d5e-9c58-0c5e5eed0001")


def key(name: str) -> UUID:
    """The same id for the same name in every demo database, so that examples can be copied."""
    return uuid.uuid5(NAMESPACE, name)


OFFICES = {
    "praida": ("PRAIDA (démo)", "praida", None),
    "mifi-montreal": ("Bureau de Montréal (démo)", "ministry", "06"),
    "dr-bas-saint-laurent": ("Direction régionale du Bas-Saint-Laurent (démo)", "regional_branch", "01"),
}


@dataclass(frozen=True, slots=True)
class Partner:
    """An organization, its region, host places: (municipality, persons), and its languages and services."""

    name: str
    region: str
    places: tuple[tuple[str, int], ...]
    languages: tuple[str, ...]
    services: tuple[str, ...]
    programmes: tuple[str, ...] = ("asylum", "collective_sponsorship")


_COMMON = ("francization", "housing_search", "employment")
PARTNERS = {
    "le-phare": Partner("Le Phare du Bas-du-Fleuve", "01", (("10043", 140), ("12072", 80)), ("ar", "es", "fr", "en"),
                        (*_COMMON, "school_support")),
    "la-boussole": Partner("La Boussole saguenéenne", "02", (("94068", 70), ("93042", 30)), ("es", "fr", "en", "ht"),
                           (*_COMMON, "health_specialist")),
    "maison-des-rives": Partner("Maison des Rives", "03", (("23027", 120),), ("ar", "es", "fr", "en", "tr", "ht"),
                                (*_COMMON, "health_specialist", "mental_health", "school_support")),
    "racines-d-estrie": Partner("Racines d'Estrie", "05", (("43027", 160), ("47017", 80)), ("ar", "es", "fr", "en", "sw"),
                                (*_COMMON, "mental_health", "school_support")),
    "portes-du-nord": Partner("Portes du Nord", "08", (("86042", 45), ("89008", 35)), ("es", "fr", "en"), _COMMON),
    "coeur-du-quebec": Partner("Accueil Cœur-du-Québec", "17", (("49058", 80), ("39062", 45)),
                               ("ar", "es", "fr", "en", "ht"), (*_COMMON, "school_support")),
}  # fmt: skip

# username, name shown, role, office, region, organization
USERS: tuple[tuple[str, str, Role, str | None, str | None, str | None], ...] = (
    ("ines", "Inès Ventdoré", Role.intake_worker, "praida", None, None),
    ("octave", "Octave Lunerel", Role.intake_worker, "mifi-montreal", None, None),
    ("camille", "Camille Boisclair-Fictif", Role.caseworker, "mifi-montreal", None, None),
    ("basile", "Basile Roquefeuil", Role.caseworker, "mifi-montreal", None, None),
    ("coralie", "Coralie Estrane", Role.coordinator, "dr-bas-saint-laurent", "01", None),
    ("edmee", "Edmée Granderive", Role.coordinator, None, "05", None),
    ("prosper", "Prosper Montclar", Role.programme_manager, None, None, None),
    ("pelagie", "Pélagie Duphare", Role.partner, None, "01", "le-phare"),
    ("raoul", "Raoul Destrie", Role.partner, None, "05", "racines-d-estrie"),
    ("sidonie", "Sidonie Porteclair", Role.sponsor_spokesperson, None, None, None),
    ("sylvain", "Sylvain Portevent", Role.sponsor_spokesperson, None, None, None),
    ("melchior", "Melchior Villeclaire", Role.municipal_viewer, None, "01", None),
    ("aurele", "Aurèle Témoin", Role.auditor, None, None, None),
    ("adele", "Adèle Serrurier", Role.administrator, None, None, None),
)
CLIENT = "le-phare-api"
CLIENT_SECRET = "demo-only-secret-of-le-phare-0000000000000"  # noqa: S105 -- demo data on a local server


def populate(owner_url: str, hashed: Callable[[str], bytes]) -> bool:
    """Write the world; False when it is there already. `hashed` is the client sign-in's keyed hash."""
    engine = create_engine(make_url(owner_url).set(drivername="postgresql+psycopg"), hide_parameters=True)
    try:
        with Session(engine) as session:
            if session.exec(select(Office)).first() is not None:
                return False
            for level in (
                _offices(),
                _organizations(),
                _agreements(),
                _capacities(),
                _users(),
                _grants(),
                [_client()],
                [_client_secret(hashed)],
            ):
                session.add_all(level)
                session.flush()
            session.commit()
            return True
    finally:
        engine.dispose()


def _offices() -> list[Any]:
    return [
        Office(id=key(slug), name=name, kind=kind, region_code=region) for slug, (name, kind, region) in OFFICES.items()
    ]


def _organizations() -> list[Any]:
    return [
        Organization(id=key(slug), name=p.name, kind="obnl", region_code=p.region, languages=list(p.languages),
                     services=list(p.services))
        for slug, p in PARTNERS.items()
    ]  # fmt: skip


def _period() -> tuple[date, date]:
    today = clock.today()
    return date(today.year, 1, 1), date(today.year + 1, 12, 31)


def _agreements() -> list[Any]:
    start, end = _period()
    return [
        Agreement(id=key(f"{slug}/agreement"), organization_id=key(slug), funding="PASI", edition="2025-2028", stream="4",
                  programmes=list(p.programmes), region_code=p.region, volume=sum(n for _, n in p.places),
                  starts_on=start, ends_on=end)
        for slug, p in PARTNERS.items()
    ]  # fmt: skip


def _capacities() -> list[Any]:
    start, end = _period()
    return [
        Capacity(id=key(f"{slug}/{geo_code}"), geo_code=geo_code, region_code=p.region, organization_id=key(slug),
                 agreement_id=key(f"{slug}/agreement"), resource="persons", starts_on=start, ends_on=end, total=total)
        for slug, p in PARTNERS.items()
        for geo_code, total in p.places
    ]  # fmt: skip


def _users() -> list[Any]:
    return [User(id=key(username), username=username, display_name=name) for username, name, *_ in USERS]


def _grants() -> list[Any]:
    return [
        RoleGrant(id=key(f"{username}/grant"), user_id=key(username), role=role, office_id=key(office) if office else None,
                  region_code=region, organization_id=key(organization) if organization else None,
                  valid_from=clock.now() - timedelta(days=400))
        for username, _, role, office, region, organization in USERS
    ]  # fmt: skip


def _client() -> ApiClient:
    return ApiClient(
        id=key(CLIENT), name="Le Phare, système de suivi", organization_id=key("le-phare"), role=Role.partner,
        scopes=sorted(CLIENT_SCOPES), valid_until=clock.now() + timedelta(days=365),
    )  # fmt: skip


def _client_secret(hashed: Callable[[str], bytes]) -> ClientSecret:
    return ClientSecret(
        id=key(f"{CLIENT}/secret"), client_id=key(CLIENT), organization_id=key("le-phare"),
        secret_hash=hashed(CLIENT_SECRET), valid_until=clock.now() + timedelta(days=365),
    )  # fmt: skip


def fingerprint(text: str) -> int:
    """A small stable number from a text, for seeded choices."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
