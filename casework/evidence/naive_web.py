"""The control of `drill hostile`: a plain FastAPI + SQLModel application as tutorials write it, guarded by nothing.

Typed parameters, a table model, a session a request. What Casework refuses reaches the driver, the database or the JSON
encoder here, and comes back as a 500.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
from fastapi import FastAPI
from sqlalchemy import JSON, Column, MetaData, create_engine, func, select
from sqlalchemy.engine import make_url
from sqlmodel import Field, Session, SQLModel

from casework.evidence.hostile_corpus import BODIES, TEXTS, VALUES

if TYPE_CHECKING:
    from sqlalchemy import Engine


class NaiveHouseholdBase(SQLModel):
    name: str = "x"
    size: int = 1
    score: float = 0.5
    arrives_at: datetime | None = None
    details: dict[str, Any] = Field(default={}, sa_column=Column(JSON))


class NaiveHousehold(NaiveHouseholdBase, table=True):
    """In a catalogue of its own: the product's tables are compared with their migrations."""

    metadata: ClassVar[MetaData] = MetaData()
    __tablename__ = "naive_households"

    id: int | None = Field(default=None, primary_key=True)


def naive_app(engine: Engine) -> FastAPI:
    app = FastAPI()

    @app.post("/households", status_code=201)
    def create(body: NaiveHouseholdBase) -> NaiveHousehold:
        with Session(engine) as session:
            row = NaiveHousehold(**body.model_dump())
            session.add(row)
            session.commit()
            session.refresh(row)
            return row

    @app.get("/households")
    def listed(limit: int = 50, offset: int = 0, name: str | None = None) -> list[NaiveHousehold]:
        with Session(engine) as session:
            query = select(NaiveHousehold).limit(limit).offset(offset)
            return list(session.scalars(query.where(NaiveHousehold.name == name) if name else query))  # type: ignore[arg-type]

    @app.get("/households/{household_id}")
    def one(household_id: int) -> NaiveHousehold | None:
        with Session(engine) as session:
            return session.get(NaiveHousehold, household_id)

    return app


async def besieged(owner_url: str) -> dict[str, Any]:
    """The same corpus at the naive application's few places; it must fail."""
    engine = create_engine(make_url(owner_url).set(drivername="postgresql+psycopg"))
    NaiveHousehold.metadata.create_all(engine, [NaiveHousehold.__table__])  # type: ignore[attr-defined]
    transport = httpx.ASGITransport(naive_app(engine), raise_app_exceptions=False)
    statuses: list[int] = []
    headers = {"Content-Type": "application/json"}
    async with httpx.AsyncClient(transport=transport, base_url="http://naive.test") as client:
        for name in ("name", "size", "score", "arrives_at", "details"):
            for value in VALUES:
                body = f'{{"{name}": {value}}}'.encode()
                statuses.append((await client.post("/households", content=body, headers=headers)).status_code)
        statuses += [(await client.post("/households", content=body, headers=headers)).status_code for body in BODIES]
        for text in TEXTS:
            for address in (f"?limit={text}", f"?offset={text}", f"?name={text}", f"/{text}"):
                try:
                    statuses.append((await client.get(f"/households{address}")).status_code)
                except httpx.InvalidURL:
                    continue
    with Session(engine) as session:
        kept = session.scalar(select(func.count()).select_from(NaiveHousehold))
    engine.dispose()
    errors = sum(status >= 500 for status in statuses)
    return {
        "what": "a plain FastAPI + SQLModel application with typed parameters and no guard",
        "inputs": len(statuses),
        "server_errors": errors,
        "hostile_rows_kept": kept,
        "failed": errors > 0,
    }
