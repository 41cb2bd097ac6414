"""Linear and integer programs over some of the pairs (case, place), by HiGHS: one thread, a fixed seed, no clock.

A limit in seconds could not be replayed; integer programs stop at a number of nodes instead.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from casework.placement.engine.instance import Floats, Instance, Ints


class SolverFailed(RuntimeError):
    """HiGHS ended without a solution; its own word is the message."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Columns of a program: pair k sends case `case[k]` to place `place[k]`."""

    case: Ints
    place: Ints

    def __len__(self) -> int:
        return len(self.case)


@dataclass(frozen=True, slots=True)
class Solved:
    """`x`: a share for each pair; `dual`: what one unit more of each pool would be worth, at least 0."""

    x: Floats
    dual: Floats


def solve(
    instance: Instance, pairs: Pairs, room: Ints, *, nodes: int | None = None, start: Floats | None = None
) -> Solved:
    """The best shares of these pairs within `room` units a pool; whole ones when `nodes` is given.

    Raises SolverFailed.
    """
    import highspy

    if not len(pairs):
        return Solved(np.zeros(0), np.zeros(len(room)))
    solver = new_solver(_options(nodes))
    solver.passModel(model_of(instance, pairs, room, whole=nodes is not None))
    if start is not None:
        known = highspy.HighsSolution()
        known.col_value = start.tolist()
        solver.setSolution(known)
    solver.run()
    status = solver.getModelStatus()
    ends = highspy.HighsModelStatus
    if status not in {ends.kOptimal, ends.kSolutionLimit, ends.kInterrupt, ends.kIterationLimit}:
        raise SolverFailed(solver.modelStatusToString(status))
    found = solver.getSolution()
    if not found.value_valid:
        raise SolverFailed("no solution within the nodes allowed")
    dual = np.zeros(len(room)) if nodes is not None else np.maximum(0.0, np.array(found.row_dual)[-len(room) :])
    return Solved(np.array(found.col_value), dual)


def new_solver(options: dict[str, Any]) -> Any:
    """HiGHS with these options. It greets on standard output when made, where a caller may be writing JSON."""
    import highspy

    with silent():
        solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, setting in {"output_flag": False, "threads": 1, **options}.items():
        solver.setOptionValue(option, setting)
    return solver


@contextmanager
def silent() -> Iterator[None]:
    """What native code prints meanwhile is thrown away, what it still holds in its buffer included."""
    sys.stdout.flush()
    kept, away = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(away, 1)
    try:
        yield
        ctypes.CDLL(None).fflush(None)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(away)


def _options(nodes: int | None) -> dict[str, Any]:
    fixed = {"random_seed": 20_231_101, "parallel": "off"}
    if nodes is None:
        return fixed
    heuristics = ("rens", "rins", "feasibility_jump")
    searching: dict[str, Any] = {f"mip_heuristic_run_{name}": False for name in heuristics}
    searching |= {"mip_allow_restart": False, "mip_pscost_minreliable": 0}
    return {**fixed, **searching, "mip_max_nodes": nodes, "mip_rel_gap": 0.0, "mip_abs_gap": 0.5}


def model_of(instance: Instance, pairs: Pairs, room: Ints, *, whole: bool) -> Any:
    """One row a case (at most one place), one row a pool (at most its room), one column a pair."""
    import highspy

    cases, line = np.unique(pairs.case, return_inverse=True)
    start, index, value = _matrix(instance, pairs, line, len(cases))
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(pairs), len(cases) + len(room)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = instance.values[pairs.case, pairs.place].astype(np.float64)
    model.col_lower_, model.col_upper_ = np.zeros(len(pairs)), np.ones(len(pairs))
    model.row_lower_ = np.full(model.num_row_, -highspy.kHighsInf)
    model.row_upper_ = np.concatenate([np.ones(len(cases)), room.astype(np.float64)])
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = start, index, value
    if whole:
        model.integrality_ = [highspy.HighsVarType.kInteger] * len(pairs)
    return model


def _matrix(
    instance: Instance, pairs: Pairs, line: Ints, cases: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    pools = instance.pools_of[pairs.place]
    units = np.where(pools < 0, 0, instance.demand[pairs.case[:, None], instance.pool_resource[pools]])
    rows = np.concatenate([line[:, None], cases + pools], axis=1)
    entries = np.concatenate([np.ones((len(pairs), 1), dtype=np.int64), units], axis=1)
    kept = entries > 0
    start = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    return start, rows[kept].astype(np.int32), entries[kept].astype(np.float64)
