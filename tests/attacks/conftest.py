"""What the attacks on a running daemon share: houses of a district that has much to do."""

from tests.faults.conftest import build, figures, rich_foundation
from tests.workflow.admin.conftest import sit
from tests.workflow.daemon.conftest import foundation

__all__ = ["build", "figures", "foundation", "rich_foundation", "sit"]
