"""Collects the tables of all modules of this folder, and names their constraints."""

from __future__ import annotations

from sqlalchemy import MetaData

# Constraints have fixed names, since a migration can change a constraint only by its name.
METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
