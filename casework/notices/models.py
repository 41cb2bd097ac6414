from __future__ import annotations

from datetime import date

from sqlmodel import Field, SQLModel


class ConsentNotice(SQLModel, table=True):
    """One text that people are given, in one language: never changed, a new wording is a new version."""

    __tablename__ = "consent_notices"

    version: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    title: str
    text: str
    valid_from: date
    valid_to: date | None
    source: str
