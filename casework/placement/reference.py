"""What the pure model receives from data: the shipped weights, and inputs frozen by an earlier ranking.

`data/weights.csv` has one line a factor and period; `valid_to` is the last day in force, or empty.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import StrEnum
from importlib.resources import files
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from casework.placement.model import (
    ENGINE_VERSION,
    Factor,
    HouseholdNeeds,
    InvalidInput,
    NotInForce,
    Place,
    Ranking,
    Weights,
    rank,
)
from casework.placement.rules import RuleVersion, Text

WEIGHTS = files("casework.placement") / "data" / "weights.csv"
COLUMNS = ["factor", "weight", "label_fr", "label_en", "owner", "source", "valid_from", "valid_to"]


@dataclass(frozen=True, slots=True)
class WeightLine:
    factor: Factor
    weight: int
    label: Text
    owner: str
    source: str
    valid_from: date
    valid_to: date | None


def weight_lines(on: date, text: str | None = None) -> tuple[WeightLine, ...]:
    """The lines in force that day, of the shipped file or of `text`.

    Raises `InvalidInput` for other columns or two lines of one factor.
    """
    reader = csv.DictReader((text or WEIGHTS.read_text(encoding="utf-8")).splitlines(), strict=True)
    if reader.fieldnames != COLUMNS:
        raise InvalidInput(f"the columns are not {','.join(COLUMNS)}")
    lines = [_weight_line(cells) for cells in reader]
    active = tuple(line for line in lines if line.valid_from <= on and (line.valid_to is None or on <= line.valid_to))
    if len({line.factor for line in active}) != len(active):
        raise InvalidInput(f"two weights for one factor on {on}")
    return active


def default_weights(on: date, text: str | None = None) -> Weights:
    """The default set as it stands that day, its version the day of its latest change.

    Raises `NotInForce` before the first set, `WeightsDoNotSum` for a missing factor or a total not 10,000.
    """
    lines = weight_lines(on, text)
    if not lines:
        raise NotInForce(f"no weights are in force on {on}")
    valid_from = max(line.valid_from for line in lines)
    return Weights(
        version=f"default-{valid_from.isoformat()}",
        owner=" ; ".join(sorted({line.owner for line in lines})),
        source=" ; ".join(sorted({line.source for line in lines})),
        valid_from=valid_from,
        valid_to=min((line.valid_to for line in lines if line.valid_to is not None), default=None),
        by_factor={line.factor: line.weight for line in lines},
    )


def _weight_line(cells: Mapping[str, str]) -> WeightLine:
    return WeightLine(
        factor=Factor(cells["factor"]),
        weight=int(cells["weight"]),
        label=Text(cells["label_fr"], cells["label_en"]),
        owner=cells["owner"],
        source=cells["source"],
        valid_from=date.fromisoformat(cells["valid_from"]),
        valid_to=date.fromisoformat(cells["valid_to"]) if cells["valid_to"] else None,
    )


def replay(frozen: Mapping[str, Any]) -> Ranking:
    """The ranking made again from its `frozen_inputs`, byte for byte; another engine version is refused."""
    if frozen["engine_version"] != ENGINE_VERSION:
        raise InvalidInput(f"frozen by engine {frozen['engine_version']}, this one is {ENGINE_VERSION}")
    return rank(
        _thaw(HouseholdNeeds, frozen["needs"]),
        _thaw(tuple[Place, ...], frozen["places"]),
        _thaw(Weights, frozen["weights"]),
        _thaw(date, frozen["on"]),
        _thaw(tuple[RuleVersion, ...], frozen["rules"]),
    )


def _thaw(kind: Any, value: Any) -> Any:
    """The value of that type that the model froze as JSON: the inverse of `Ranking.frozen_inputs`."""
    options = [option for option in get_args(kind) if option is not NoneType]
    if NoneType in get_args(kind):
        return None if value is None else _thaw(options[0], value)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        given = (entry.name for entry in fields(kind) if entry.init)
        return kind(**{name: _thaw(hints[name], value[name]) for name in given})
    return _thaw_plain(kind, options, value)


def _thaw_plain(kind: Any, options: list[Any], value: Any) -> Any:
    if kind is Text:
        return Text(*value)
    if get_origin(kind) is Mapping:
        return {_thaw(options[0], key): _thaw(options[1], entry) for key, entry in value.items()}
    if get_origin(kind) in (tuple, frozenset):
        return get_origin(kind)(_thaw(options[0], entry) for entry in value)
    if kind is date:
        return date.fromisoformat(value)
    return kind(value) if isinstance(kind, type) and issubclass(kind, StrEnum) else value
