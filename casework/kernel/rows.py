"""New rows as plain values: twenty of them cost less than one ORM object does (house-style.md §4.7).

For transactions that write many rows and change none of them. The table model still says what a row is: its
columns, its defaults, how a value is stored. What is missing or unknown is refused before anything is sent.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from psycopg.types.json import Jsonb
from pydantic_core import PydanticUndefined
from sqlalchemy.dialects.postgresql import JSONB

from casework.kernel.records import TextEnum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlmodel import SQLModel


class NewRow(NamedTuple):
    model: type[SQLModel]
    values: tuple[Any, ...]


class Column(NamedTuple):
    name: str
    stored: Callable[[Any], Any] | None
    default: Callable[[], Any] | None


def new_row(model: type[SQLModel], **values: Any) -> NewRow:
    """A row of `model`'s table; raises TypeError for an unknown column, or one without value or default."""
    row = []
    for column in columns(model):
        if column.name in values:
            value = values.pop(column.name)
        elif column.default is not None:
            value = column.default()
        else:
            raise TypeError(f"{model.__name__} needs {column.name}")
        row.append(value if value is None or column.stored is None else column.stored(value))
    if values:
        raise TypeError(f"{model.__name__} has no {', '.join(sorted(values))}")
    return NewRow(model, tuple(row))


@cache
def columns(model: type[SQLModel]) -> tuple[Column, ...]:
    table = model.__table__  # type: ignore[attr-defined]
    return tuple(Column(column.name, _stored(column.type), _default(model, column.name)) for column in table.c)


def _stored(kind: object) -> Callable[[Any], Any] | None:
    if isinstance(kind, JSONB):
        return Jsonb
    # A value outside the enum is refused here, as on the ORM's road.
    return (lambda value: str(kind.members(value))) if isinstance(kind, TextEnum) else None


def _default(model: type[SQLModel], name: str) -> Callable[[], Any] | None:
    field = model.model_fields[name]
    if field.default_factory is not None:
        return cast("Callable[[], Any]", field.default_factory)  # none of ours takes the validated data
    value = field.default
    return None if value is PydanticUndefined else lambda: value


def statements(rows: Iterable[NewRow]) -> Iterator[tuple[str, list[Any]]]:
    """One INSERT a table, tables in the order they first appear: parents first is the caller's care."""
    by_model: dict[type[SQLModel], list[tuple[Any, ...]]] = {}
    for row in rows:
        by_model.setdefault(row.model, []).append(row.values)
    for model, some in by_model.items():
        yield _insert(model, len(some)), [value for values in some for value in values]


@cache
def _insert(model: type[SQLModel], count: int) -> str:
    names = [column.name for column in columns(model)]
    row = f"({', '.join(['%s'] * len(names))})"
    return f"INSERT INTO {model.__tablename__} ({', '.join(names)}) VALUES {', '.join([row] * count)}"
