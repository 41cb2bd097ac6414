"""Casework: placement and follow-up of asylum seekers and sponsored refugees in the regions of Québec."""
