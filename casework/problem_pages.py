"""The catalogue of problems: every `type` in an answer resolves here."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from casework.kernel.problems import BASE, CATALOGUE, NotFound, Problem

router = APIRouter(tags=["problems"])


@router.get("/problems", openapi_extra={"security": []})
async def list_problems() -> dict[str, Any]:
    """Le catalogue des problèmes que cette API peut renvoyer.

    The catalogue of the problems this API can answer.
    """
    return {"items": [_entry(problem) for _, problem in sorted(CATALOGUE.items())], "next_cursor": None}


@router.get("/problems/{slug}", openapi_extra={"security": []})
async def read_problem(slug: str) -> dict[str, Any]:
    """Un problème : ce qu'il veut dire et quoi faire.

    One problem: what it means and what to do.
    """
    problem = CATALOGUE.get(slug)
    if problem is None:
        raise NotFound
    return _entry(problem)


def _entry(problem: type[Problem]) -> dict[str, Any]:
    return {
        "type": BASE + problem.slug,
        "status": problem.status,
        "title": {"fr": problem.title.fr, "en": problem.title.en},
        "detail": {"fr": problem.detail.fr, "en": problem.detail.en},
    }
