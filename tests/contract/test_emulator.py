"""The emulator runs, and what the suite relies on is there."""

from __future__ import annotations

import json
import urllib.request

import pytest

pytestmark = pytest.mark.service


def test_the_emulator_answers(emulator: str) -> None:
    with urllib.request.urlopen(f"{emulator}/bigquery/v2/projects", timeout=10) as answer:
        assert json.load(answer)["projects"][0]["id"] == "demo-project"
