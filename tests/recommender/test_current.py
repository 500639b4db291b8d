"""What applications read, and what they must not take for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from include.recommender.current import current_user_recommendations, open_current
from include.retraining.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from include.retraining.warehouse.local import LocalWarehouse


def test_an_application_with_a_wrong_home_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_HOME", str(tmp_path / "typo"))
    with pytest.raises(SettingsError, match="set HIGAWARI_HOME"):
        open_current()


def test_a_surface_that_does_not_exist_is_no_empty_list(warehouse: LocalWarehouse) -> None:
    assert current_user_recommendations(warehouse, "u1", "for_you").num_rows == 0
    with pytest.raises(SettingsError, match="for_you"):
        current_user_recommendations(warehouse, "u1", "for_yuo")
