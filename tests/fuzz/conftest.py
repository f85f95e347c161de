"""Bad files are given to the district of the engine's tests."""

from tests.workflow.conftest import _templates_checked_once, begin, settings, stations

__all__ = ["_templates_checked_once", "begin", "settings", "stations"]
