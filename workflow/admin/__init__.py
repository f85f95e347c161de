"""Door 2, staff: the admin script `partnershipctl`."""

from workflow.admin.program import main

__all__ = ["main"]
