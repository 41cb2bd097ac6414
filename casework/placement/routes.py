from __future__ import annotations

from fastapi import APIRouter

from casework.authz.guard import GuardedRoute
from casework.placement import (
    assignment_routes,
    handover_routes,
    observation_routes,
    offer_routes,
    recommendation_routes,
    run_routes,
    transfer_routes,
)

router = APIRouter(route_class=GuardedRoute)
for part in (
    recommendation_routes, observation_routes, offer_routes, assignment_routes, transfer_routes, handover_routes,
    run_routes,
):  # fmt: skip
    router.include_router(part.router)
