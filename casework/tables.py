"""Every table model, imported so that the metadata is whole: for migrations, their check, and tests."""

from __future__ import annotations

from sqlmodel import SQLModel

import casework.audit.models
import casework.cases.models
import casework.duplicates.models
import casework.following.models
import casework.households.models
import casework.identity.models
import casework.kernel.idempotency
import casework.lodging.models
import casework.milestones.models
import casework.notices.models
import casework.partners.models
import casework.people.models
import casework.pilots.models
import casework.placement.models
import casework.placement.run_models
import casework.placement.transfer_models
import casework.privacy.models
import casework.protection.models
import casework.search.models
import casework.sponsorship.models
import casework.territory.models  # noqa: F401 -- imported for its tables, as all of the above

metadata = SQLModel.metadata
