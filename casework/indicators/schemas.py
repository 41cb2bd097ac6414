from __future__ import annotations

from datetime import date

from casework.indicators.figures import By, Figure
from casework.kernel.schemas import Output


class IndicatorRow(Output):
    """One group, or the total (`group` null). A count is null when it is small, or would give a small one away."""

    code: str | None
    group: str | None
    suppressed: bool
    counts: dict[str, int | None]
    values: dict[str, int | None]


class IndicatorRead(Output):
    """Computed from the first `log_size` entries of the milestone log; `on` is the day as of which things are due."""

    name: Figure
    by: By
    on: date
    log_size: int
    threshold: int
    definition_fr: str
    definition_en: str
    rows: list[IndicatorRow]
