"""What `casework migrate` does: roles, schema, the wall, reference data. Runs as the owner; the server never does."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import make_url

from casework.authz.apply import apply_policies, ensure_roles
from casework.kernel import migration
from casework.milestones import models as milestone_tables
from casework.milestones import reference as milestone_reference
from casework.notices import models as notice_tables
from casework.notices import reference as notice_reference
from casework.territory import models as territory_tables
from casework.territory import reference as territory_reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlmodel import SQLModel

    from casework.kernel.sealing import Keyring


def install(owner_url: str, login: str, context_key: bytes, keyring: Keyring | None = None) -> None:
    """Bring a database to this version; running it again changes nothing. `keyring`: see kernel/migration.py."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        ensure_roles(connection, login)
    migration.upgrade(owner_url, keyring=keyring)
    shield(owner_url, login, context_key)
    load_reference_data(owner_url)


def shield(owner_url: str, login: str, context_key: bytes) -> None:
    with psycopg.connect(owner_url) as connection:
        apply_policies(connection, login, context_key)


def load_reference_data(owner_url: str) -> None:
    """Upsert: a corrected source or a new dated row reaches installations that already run."""
    tables: list[tuple[type[SQLModel], Iterable[dict[str, Any]]]] = [
        (territory_tables.AdminRegion, map(asdict, territory_reference.regions())),
        (territory_tables.Municipality, map(asdict, territory_reference.municipalities())),
        (territory_tables.MunicipalityRegion, map(asdict, territory_reference.municipality_regions())),
        (territory_tables.MunicipalityFlag, map(asdict, territory_reference.municipality_flags())),
        (territory_tables.Resource, map(asdict, territory_reference.resources())),
        (notice_tables.ConsentNotice, map(asdict, notice_reference.notices())),
        (milestone_tables.MilestoneType, map(_type_row, milestone_reference.milestone_types())),
    ]
    engine = create_engine(make_url(owner_url).set(drivername="postgresql+psycopg"), hide_parameters=True)
    with engine.begin() as connection:
        for model, rows in tables:
            table = model.__table__  # type: ignore[attr-defined]
            statement = insert(table)
            others = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
            connection.execute(statement.on_conflict_do_update(table.primary_key, set_=others), list(rows))
    engine.dispose()


def _type_row(kind: milestone_reference.MilestoneType) -> dict[str, Any]:
    row = asdict(kind)
    programmes = row.pop("programmes")
    row["programme"] = str(next(iter(programmes))) if len(programmes) == 1 else "both"
    row["recorded_by"] = sorted(str(role) for role in kind.recorded_by)
    return {name: str(value) if name in {"subject", "anchor", "applies_to"} else value for name, value in row.items()}
