from __future__ import annotations

from fastapi import APIRouter

from casework.authz.guard import GuardedRoute
from casework.privacy import access_routes, erasure_routes, incident_routes

router = APIRouter(route_class=GuardedRoute)
for part in (erasure_routes, access_routes, incident_routes):
    router.include_router(part.router)
