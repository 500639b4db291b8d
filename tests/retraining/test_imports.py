"""The machinery knows no use case, and only what makes tasks or alerts knows Airflow (DESIGN section 3)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from include.retraining.settings import PROJECT

MODULES = sorted((PROJECT / "include").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names that a module imports anywhere in it, functions and TYPE_CHECKING blocks included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, path)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            names |= {str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)}
    return names


def absolute(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(PROJECT).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def importers(module: str, folder: str) -> list[str]:
    return [
        path.relative_to(PROJECT).as_posix()
        for path in MODULES
        if path.is_relative_to(PROJECT / folder)
        and any(name == module or name.startswith(f"{module}.") for name in imported(path))
    ]


@pytest.mark.parametrize("use_case", ["include.recommender", "include.demo", "include.embedded", "include.ui"])
def test_the_machinery_never_imports_a_use_case(use_case: str) -> None:
    assert importers(use_case, "include/retraining") == []


@pytest.mark.parametrize("use_case", ["include.recommender", "include.demo", "include.embedded"])
def test_the_pages_serve_any_use_case(use_case: str) -> None:
    assert importers(use_case, "include/ui") == []


def test_only_what_meets_airflow_imports_it() -> None:
    assert sorted(importers("airflow", "include")) == [
        "include/embedded/local_executor.py",
        "include/production/access.py",
        "include/production/celery_config.py",
        "include/retraining/airflow_steps.py",
        "include/retraining/alerting/airflow_side.py",
        "include/retraining/approval_task.py",
        "include/retraining/run_form.py",
        "include/retraining/warehouse/bigquery/jobs.py",
        "include/retraining/warehouse/bigquery/labels.py",
        "include/ui/addresses.py",
        "include/ui/app.py",
        "include/ui/at_work.py",
        "include/ui/task_links.py",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import include.recommender.tables",
        "from include import recommender",
        "from include.recommender import tables",
        "from ..recommender import tables",
        "from .. import recommender",
        "def f():\n    from include.recommender.tables import EVENTS",
        "import importlib\nimportlib.import_module('include.recommender.tables')",
    ],
)
def test_every_way_to_import_is_found(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "include" / "retraining" / "module.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    monkeypatch.setitem(globals(), "PROJECT", tmp_path)
    assert any(name.startswith("include.recommender") for name in imported(path))
