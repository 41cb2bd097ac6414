"""Run by `casework migrate` (connection handed over in the attributes) or by the alembic command with an owner URL."""

from __future__ import annotations

import os

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from alembic import context
from casework.tables import metadata

# A migration waits a moment for its locks and gives up rather than queueing the whole service behind itself.
LOCK_TIMEOUT = "SET lock_timeout = '5s'"


def owner_url() -> str:
    return os.environ["CASEWORK_OWNER_DATABASE_URL"]


def run(connection) -> None:  # noqa: ANN001 -- SQLAlchemy connection, handed over by the caller
    connection.exec_driver_sql(LOCK_TIMEOUT)
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    engine = create_engine(make_url(owner_url()).set(drivername="postgresql+psycopg"))
    with engine.connect() as fresh:
        run(fresh)
        fresh.commit()
