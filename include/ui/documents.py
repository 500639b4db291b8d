"""The documentation of this very version, readable without internet; links between its pages work as they stand."""

import posixpath
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from markdown_it import MarkdownIt
from markdown_it.token import Token

from include.retraining.settings import PROJECT
from include.ui.errors import NotThereError
from include.ui.rendering import rendered

router = APIRouter()
RUNBOOK = "documents/docs/runbook.md"


@router.get("/documents/{path:path}")
def document(request: Request, path: str) -> Response:
    """A page or a picture of docs/, README.md or CHANGELOG.md; NotThereError for any other file."""
    file = _documents().get(path)
    if file is None:
        raise NotThereError("a page of the documentation", repr(path), f"choose one: {', '.join(_pages())}")
    if file.suffix != ".md":
        return FileResponse(file)
    text = file.read_text(encoding="utf-8")
    return rendered(request, "document.html.j2", title=_title(text), body=html_of(text, path))


def html_of(markdown: str, path: str = "") -> str:
    """Markdown as HTML, with the anchors that GitHub gives to headings; HTML in it stays text.

    A link to a file that is no document, as seen from `path`, becomes text too.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    for heading, content in pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrSet("id", anchor(content))
        _drop_dead_links(content.children or [], path)
    html: str = parser.renderer.render(tokens, parser.options, {})
    wide = '<div class="wide" role="region" tabindex="0" aria-label="table"><table>'
    return html.replace("<table>", wide).replace("</table>", "</table></div>")


def anchor(heading: Token) -> str:
    """The anchor of a heading: its words, without marks."""
    words = "".join(part.content for part in heading.children or [])
    return re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")


def _drop_dead_links(parts: list[Token], path: str) -> None:
    within = False
    for part in parts:
        if part.type == "link_open":
            within = _is_dead(str(part.attrGet("href")), path)
        if within and part.type in ("link_open", "link_close"):
            part.hidden, part.type, part.tag = True, "text", ""
            within = part.nesting == 1


def _is_dead(target: str, path: str) -> bool:
    address = urlsplit(target)
    if address.scheme or not address.path:
        return False
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), address.path)) not in _documents()


def _title(markdown: str) -> str:
    return next((line.lstrip("# ") for line in markdown.splitlines() if line.startswith("#")), "Documentation")


def _pages() -> list[str]:
    return [name for name in _documents() if name.endswith(".md") and "decisions" not in name]


@cache
def _documents() -> dict[str, Path]:
    """What may be shown, by its path in the project: no path from outside ever reaches the disk."""
    folder = PROJECT / "docs"
    found = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *folder.rglob("*.md"), *folder.glob("images/*.png")]
    return {file.relative_to(PROJECT).as_posix(): file for file in sorted(found) if file.is_file()}
