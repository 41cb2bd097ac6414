from __future__ import annotations

from fastapi import APIRouter

from casework.households import household_routes, person_routes

router = APIRouter()
router.include_router(person_routes.router)
router.include_router(household_routes.router)
