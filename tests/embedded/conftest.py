"""Fixtures of the embedded Airflow's tests."""

from pathlib import Path

import pytest

from tests import ports


@pytest.fixture
def free_port() -> int:
    return ports.free_port()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
