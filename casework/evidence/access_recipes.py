"""One line a route: a route without a line fails `drill access` by name."""

from __future__ import annotations

from casework.evidence import (
    access_following,
    access_keeping,
    access_lodging,
    access_moving,
    access_observing,
    access_offices,
    access_people,
    access_pilots,
    access_placing,
    access_sponsoring,
    access_supply,
)
from casework.evidence.access_aims import Aim, Listed, Recipe

__all__ = ["LISTS", "RECIPES", "Aim", "Listed", "Recipe"]
PARTS = (
    access_supply, access_placing, access_moving, access_observing, access_following, access_people, access_keeping,
    access_sponsoring, access_pilots, access_lodging, access_offices,
)  # fmt: skip
RECIPES: tuple[Recipe, ...] = tuple(recipe for part in PARTS for recipe in part.RECIPES)
LISTS: dict[str, Listed] = {name: listed for part in PARTS for name, listed in part.LISTS.items()}
