"""Gives the organizations in the facts the names that they have now, beside those under which they applied.

An application keeps the name that it was sent with, and the history never changes. People read the present name.
"""

from __future__ import annotations

from dataclasses import replace

from states.partnership import Application, Partnership, Selection
from workflow.directory import Directory
from workflow.store.rows import Snapshot


def rename_record(directory: Directory, record: Snapshot) -> Snapshot:
    """Return a partnership with the present names of the applicants in its facts."""
    return replace(record, facts=rename(directory, record.facts))


def rename(directory: Directory, facts: Partnership) -> Partnership:
    """Return the facts with the present names of the applicants."""
    return facts.but(
        selection=rename_call(directory, facts.selection) if facts.selection else None,
        earlier_selections=tuple(rename_call(directory, call) for call in facts.earlier_selections),
    )


def rename_call(directory: Directory, call: Selection) -> Selection:
    """Return a call with the present names of its applicants."""
    return call.but(applications={key: _rename(directory, each) for key, each in call.applications.items()})


def _rename(directory: Directory, application: Application) -> Application:
    organization = directory.organizations.get(application.organization)
    if organization is None or organization.name == application.name:
        return application
    return application.but(name=organization.name, applied_as=application.name)
