from __future__ import annotations

from fastapi import APIRouter

from casework.authz.guard import GuardedRoute
from casework.sponsorship import draw_routes, settling_routes, sponsor_routes, undertaking_routes

router = APIRouter(route_class=GuardedRoute)
for part in (sponsor_routes, undertaking_routes, settling_routes, draw_routes):
    router.include_router(part.router)
