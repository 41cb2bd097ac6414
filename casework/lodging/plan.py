"""Who of a closing site goes where: pure, and the same answer for the same facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Stay(NamedTuple):
    """A household lodged at the site; `group` names those who are kept together, itself where nobody is."""

    lodging_id: UUID
    case_id: UUID
    persons: int
    group: UUID


def planned(stays: Sequence[Stay], free: Mapping[UUID, int]) -> dict[UUID, UUID | None]:
    """Lodging → site, or None for want of beds. A household is never parted; those kept together stay together where
    a site has room for all of them, else each goes where there is room. The largest first: they are the hardest.

    `free`: beds left by site, in the order in which the sites were named.
    """
    left, found = dict(free), dict[UUID, UUID | None]()
    groups: dict[UUID, list[Stay]] = {}
    for stay in stays:
        groups.setdefault(stay.group, []).append(stay)
    for group in sorted(groups.values(), key=lambda one: (-_persons(one), min(stay.lodging_id for stay in one))):
        together = _room(left, _persons(group))
        for stay in sorted(group, key=lambda one: (-one.persons, one.lodging_id)):
            site = together or _room(left, stay.persons)
            found[stay.lodging_id] = site
            if site is not None:
                left[site] -= stay.persons
    return found


def short(stays: Sequence[Stay], found: Mapping[UUID, UUID | None]) -> int:
    """How many persons have no bed."""
    return _persons([stay for stay in stays if found[stay.lodging_id] is None])


def _persons(stays: Sequence[Stay]) -> int:
    return sum(stay.persons for stay in stays)


def _room(left: Mapping[UUID, int], persons: int) -> UUID | None:
    return next((site for site, beds in left.items() if beds >= persons), None)
