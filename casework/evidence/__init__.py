"""Programs behind every figure of the README: benches measure against a floor, drills try to break a promise.

Each returns one JSON object (see `report.py`) and carries a control, the naive variant, that must fail.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Program = Callable[..., dict[str, Any]]

_BENCHES = {
    "export": "bench_export",
    "import": "bench_import",
    "intake": "bench_intake",
    "log-cost": "bench_log_cost",
    "online": "bench_online",
    "placement": "bench_placement",
    "read-case": "bench_read_case",
    "recommend": "bench_recommend",
    "search": "bench_search",
    "worklist": "bench_worklist",
}
_DRILLS = {
    "access": "drill_access",
    "auditor": "drill_auditor",
    "canary": "drill_canary",
    "draw": "drill_draw",
    "erasure": "drill_erasure",
    "existence": "drill_existence",
    "hostile": "drill_hostile",
    "households": "drill_households",
    "names": "drill_names",
    "oversell": "drill_oversell",
    "reads": "drill_reads",
    "slow": "drill_slow",
    "tamper": "drill_tamper",
}


def benches() -> dict[str, Program]:
    """Name → `run(short: bool, seed: int)`; a program's module loads when it is called."""
    return _lazy(_BENCHES)


def drills() -> dict[str, Program]:
    """Name → `run(short: bool, seed: int)`; a program's module loads when it is called."""
    return _lazy(_DRILLS)


def _lazy(modules: Mapping[str, str]) -> dict[str, Program]:
    def program(module: str) -> Program:
        def run(*, short: bool, seed: int, **given: Any) -> dict[str, Any]:
            found = import_module(f"casework.evidence.{module}")
            return cast("dict[str, Any]", found.run(short=short, seed=seed, **given))

        return run

    return {name: program(module) for name, module in modules.items()}
