"""Pure: which status may follow which."""

from __future__ import annotations

from enum import StrEnum


class CaseStatus(StrEnum):
    draft = "draft"
    open = "open"
    closed = "closed"


class ClaimStatus(StrEnum):
    """domain.md §2."""

    intention = "intention"
    acknowledged = "acknowledged"
    ineligible = "ineligible"
    referred = "referred"
    hearing_scheduled = "hearing_scheduled"
    hearing_postponed = "hearing_postponed"
    accepted = "accepted"
    rejected = "rejected"
    withdrawn = "withdrawn"
    abandoned = "abandoned"
    rad_pending = "rad_pending"
    judicial_review = "judicial_review"
    prra = "prra"
    hc_pending = "hc_pending"
    removal_enforceable = "removal_enforceable"
    moratorium = "moratorium"
    pr_pending = "pr_pending"
    pr_granted = "pr_granted"
    departed = "departed"
    deceased = "deceased"
    unknown = "unknown"


class HearingPlace(StrEnum):
    montreal = "montreal"
    elsewhere = "elsewhere"
    video = "video"
    unknown = "unknown"


class Authority(StrEnum):
    """Whom every change of address is told, each apart (domain.md §2 [19])."""

    irb = "irb"  # CISR
    ircc_cbsa = "ircc_cbsa"  # IRCC/ASFC
