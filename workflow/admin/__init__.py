"""partnershipctl, the admin script of the staff: one file for each command."""
