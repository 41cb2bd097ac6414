"""Pure: which claim status may follow which (domain.md §2), and what a household's statuses mean for a move.

What happened before a person came here is entered as it is found: the first status known may be any. `unknown` says
that a stretch was not seen, so anything may come after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from casework.cases.lifecycle import ClaimStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from uuid import UUID

    from casework.cases.lifecycle import HearingPlace

_S = ClaimStatus
# Whoever is refused, or has no claim before the tribunal, has these ways (domain.md §2; C-12 for `prra`).
_AFTER_A_NO: Final = frozenset({
    _S.rad_pending, _S.judicial_review, _S.prra, _S.hc_pending, _S.removal_enforceable, _S.moratorium,
})  # fmt: skip
_ENDS: Final = frozenset({_S.withdrawn, _S.abandoned})
_HEARD: Final = frozenset({_S.accepted, _S.rejected, _S.hearing_scheduled, _S.hearing_postponed, _S.ineligible}) | _ENDS
FOLLOWS: Final[Mapping[ClaimStatus, frozenset[ClaimStatus]]] = {
    _S.intention: frozenset({_S.acknowledged, _S.withdrawn}),
    _S.acknowledged: frozenset({_S.ineligible, _S.referred}) | _ENDS,
    _S.ineligible: _AFTER_A_NO - {_S.rad_pending},
    _S.referred: _HEARD,
    _S.hearing_scheduled: _HEARD,
    _S.hearing_postponed: _HEARD,
    _S.accepted: frozenset({_S.pr_pending, _S.pr_granted, _S.rad_pending, _S.judicial_review}),
    _S.rejected: _AFTER_A_NO,
    _S.withdrawn: frozenset({_S.referred, _S.prra, _S.hc_pending, _S.removal_enforceable}),
    _S.abandoned: frozenset({_S.referred, _S.judicial_review, _S.prra, _S.hc_pending, _S.removal_enforceable}),
    _S.rad_pending: frozenset({_S.accepted, _S.rejected, _S.referred, _S.judicial_review}) | _ENDS,
    _S.judicial_review: _AFTER_A_NO | {_S.accepted, _S.rejected, _S.referred, _S.ineligible},
    _S.prra: frozenset({_S.accepted, _S.rejected, _S.judicial_review, _S.hc_pending, _S.removal_enforceable, _S.moratorium}),
    _S.hc_pending: frozenset({_S.pr_pending, _S.pr_granted, _S.rejected, _S.removal_enforceable}),
    _S.removal_enforceable: frozenset({_S.prra, _S.hc_pending, _S.judicial_review, _S.moratorium}),
    _S.moratorium: frozenset({_S.prra, _S.hc_pending, _S.removal_enforceable, _S.pr_pending}),
    _S.pr_pending: frozenset({_S.pr_granted, _S.rejected}),
    _S.pr_granted: frozenset(),
    _S.departed: frozenset({_S.intention, _S.acknowledged}),
    _S.deceased: frozenset(),
    _S.unknown: frozenset(ClaimStatus),
}  # fmt: skip
# What can come after anything but a death.
ALWAYS: Final = frozenset({_S.unknown, _S.departed, _S.deceased})
HEARINGS: Final = frozenset({_S.hearing_scheduled, _S.hearing_postponed})
# Placement stops for these alone (domain.md §7.18: only on rule); every other status leaves the case placeable.
NOT_PLACEABLE: Final = frozenset({_S.withdrawn, _S.abandoned, _S.departed, _S.deceased})


class Standing(NamedTuple):
    """Where one member's claim stands: the latest that occurred; without a status, a member without a claim."""

    person_id: UUID
    status: ClaimStatus | None
    since: date | None
    hearing_on: date | None
    hearing_place: HearingPlace | None

    def awaits_hearing(self, today: date) -> bool:
        """A hearing without a printed day is awaited until something else is known."""
        return self.status in HEARINGS and (self.hearing_on is None or self.hearing_on >= today)


def may_follow(before: ClaimStatus, after: ClaimStatus) -> bool:
    if before is _S.deceased:
        return False
    return after in ALWAYS or after in FOLLOWS[before]


def stops_placement(household: Iterable[Standing]) -> ClaimStatus | None:
    """The status that does, once every member who has a claim has one of `NOT_PLACEABLE`: with mixed statuses the
    household is placed as long as one of its claims lives."""
    claims = [one.status for one in household if one.status is not None]
    ended = [status for status in claims if status in NOT_PLACEABLE]
    return ended[0] if claims and len(ended) == len(claims) else None
