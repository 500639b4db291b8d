"""What is or was blocked, called as people call it: what that is, the use case says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.retraining.publication.blocked import called_item, read_blockings
from include.retraining.tables import BLOCKED_ITEMS

if TYPE_CHECKING:
    from fastapi import Request

    from include.retraining.publication.blocked import Blocking
    from include.retraining.warehouse.protocol import Warehouse
    from include.ui.lists import LookUp


def blockings_of(request: Request, warehouse: Warehouse) -> list[Blocking]:
    """Every row about it; of items only, where the use case has no look-up."""
    look_up: LookUp | None = request.app.state.look_up
    return read_blockings(warehouse, look_up.called if look_up else {BLOCKED_ITEMS: called_item})
