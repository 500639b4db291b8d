"""The documentation inside the UI: complete, with anchors, and nothing else of the disk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from include.ui.documents import html_of
from tests.docs.test_docs import RUNBOOK, sections

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

PAGES = ("README.md", "docs/runbook.md", "docs/operate.md", "docs/data_model.md")


def test_every_section_of_the_runbook_can_be_linked_to(reader: TestClient) -> None:
    text = reader.get("/documents/docs/runbook.md").text
    assert "<h1 id=" in text
    assert set(sections(RUNBOOK)) <= set(re.findall(r'<h\d id="([^"]+)"', text))


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_between_documents_lead_somewhere(reader: TestClient, page: str) -> None:
    address = f"/documents/{page}"
    text = reader.get(address).text
    article = text[text.index("<article>") :]
    targets = {urljoin(address, found) for found in re.findall(r'(?:href|src)="([^"#:]+)[^":]*"', article)}
    assert targets, page
    for target in targets:
        assert reader.get(target).status_code == 200, target


@pytest.mark.parametrize(
    "path", ["../include/__init__.py", "%2e%2e/pyproject.toml", "config/recommender.toml", "/etc/passwd", "docs", ""]
)
def test_no_other_file_is_shown(reader: TestClient, path: str) -> None:
    assert reader.get(f"/documents/{path}").status_code == 404


def test_html_in_a_document_stays_text() -> None:
    assert "&lt;script&gt;" in html_of("# A\n\n<script>alert(1)</script>")
    assert "javascript:" not in re.findall(r'href="[^"]*"', html_of("[a](javascript:alert(1))"))
