"""Sets up Django for the programs that run with it, and makes models over the tables that are there.

It is imported by an interpreter that has Django and django-viewflow, and nothing of this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django
from django.conf import settings


def configure(database: Mapping[str, Any]) -> None:
    """Begin Django with one database. Only afterwards can a program import `django.db` and viewflow."""
    settings.configure(
        DEBUG=False,
        USE_TZ=True,
        TIME_ZONE="UTC",
        INSTALLED_APPS=["viewflow"],
        DATABASES={"default": dict(database)},
    )
    django.setup()


def model(table: str, **fields: Any) -> Any:
    """Make a model over a table, with its columns; `fields` are those that are more than the database knows."""
    from django.db import connection, models

    kinds: dict[str, Any] = {
        "BigIntegerField": models.IntegerField,
        "IntegerField": models.IntegerField,
        "BooleanField": models.BooleanField,
        "DateField": models.DateField,
        "DateTimeField": models.DateTimeField,
        "BinaryField": models.BinaryField,
    }
    columns: dict[str, Any] = {}
    look = connection.introspection
    with connection.cursor() as cursor:
        for column in look.get_table_description(cursor, table):
            kind = kinds.get(str(look.get_field_type(column.type_code, column)), models.TextField)
            # What the database fills in itself: no tries yet, and not held.
            filled = {"default": 0} if column.default is not None else {}
            columns[column.name] = kind(null=True, **filled)
    if "id" in columns:
        columns["id"] = models.AutoField(primary_key=True)
    else:
        columns["pk"] = models.CompositePrimaryKey("partnership", "seq")
    columns |= fields
    meta = type("Meta", (), {"app_label": "viewflow", "managed": False, "db_table": table})
    return type(table.title(), (models.Model,), {**columns, "Meta": meta, "__module__": __name__})
