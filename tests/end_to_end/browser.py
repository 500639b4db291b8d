"""A person at the Airflow UI: headless Chromium that is told what to press."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
# Of root in a container; nothing that is shown here is a stranger's.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
MILLISECONDS = 30_000
# Where pictures for the documentation go; without it none is taken.
PICTURES = os.environ.get("HIGAWARI_PICTURES", "")


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in."""

    page: Page
    url: str

    def open(self, path: str) -> None:
        """Go to an address of the UI."""
        self.page.goto(self.url + path)

    def press(self, name: str, role: str = "link") -> None:
        """Press the first link or button of that name."""
        self.page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]

    @property
    def ours(self) -> FrameLocator:
        """Our page within Airflow's frame."""
        return self.page.frame_locator("iframe")

    def form(self, dag_id: str) -> Locator:
        """The trigger form of a DAG, opened."""
        self.open(f"/dags/{dag_id}")
        self.press("Trigger", "button")
        return self.page.get_by_role("dialog")

    def trigger(self, dag_id: str, fields: Mapping[str, str], dry_run: bool, picture: str = "") -> str:
        """Fill in a form and send it; the id of the run."""
        form = self.form(dag_id)
        for name, value in fields.items():
            form.locator(f"[name=element_{name}]").fill(value)
        if not dry_run:
            form.locator("label", has=self.page.locator("[name=element_dry_run]")).click()
        if picture:
            self.picture(picture)
        with self.page.expect_response(re.compile(f"/api/v2/dags/{dag_id}/dagRuns$")) as answer:
            form.get_by_role("button", name="Trigger").click()
        return str(answer.value.json()["dag_run_id"])

    def picture(self, name: str) -> None:
        """Take a picture for the documentation, where pictures are asked for."""
        if PICTURES:
            # What moves has come to rest by then.
            self.page.wait_for_timeout(1500)
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png")


@contextmanager
def logged_in(url: str, user: str, password: str, **options: object) -> Iterator[Person]:
    """Open a browser and log in; `options` are those of a browser context."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(MILLISECONDS)
        expect.set_options(timeout=MILLISECONDS)
        page.goto(url)
        page.locator("input[name=username]").fill(user)
        page.locator("input[name=password]").fill(password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda address: "/auth/login" not in address)
        yield Person(page, url)
        chromium.close()
