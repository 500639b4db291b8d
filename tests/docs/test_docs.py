"""What the documentation says exists: sections, links, tables, make targets, settings, commands."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from datetime import date
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from include.embedded import errors as embedded_errors
from include.production import errors as production_errors
from include.recommender import operations, pipeline, review
from include.recommender.outcomes import steps as outcome_steps
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import RECOMMENDER_TABLES
from include.retraining import errors as retraining_errors
from include.retraining.alerting.readers import today_in
from include.retraining.tables import MACHINERY_TABLES
from include.retraining.warehouse.local import LocalWarehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from include.retraining.warehouse.table import Table

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [
    *(path for name in ("README.md", "CHANGELOG.md") if (path := PROJECT / name).exists()),
    *sorted((PROJECT / "docs").rglob("*.md")),
]
RUNBOOK, DATA_MODEL, OPERATE = (PROJECT / "docs" / f"{name}.md" for name in ("runbook", "data_model", "operate"))
DECISIONS = sorted((PROJECT / "docs" / "decisions").glob("*.md"))
TABLES: dict[str, Table] = {table.name: table for table in (*RECOMMENDER_TABLES, *MACHINERY_TABLES)}
PARTS_OF_A_SECTION = ("Symptom", "Readers see", "Causes", "Checks", "Actions", "Confirm")
MOST_LINES_OF_A_DECISION = 30

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def prose(text: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def code(text: str) -> list[str]:
    """The code blocks and the inline code of a page."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", prose(text))]


@cache
def sections(page: Path) -> dict[str, str]:
    """Anchor to the text under each heading, up to the next heading of any level."""
    pieces = re.split(r"^#{1,6} (.+)$", prose(page.read_text()), flags=re.MULTILINE)[1:]
    return {anchor(heading): text for heading, text in zip(pieces[::2], pieces[1::2], strict=True)}


def errors_of(*modules: ModuleType) -> dict[str, str]:
    """Name to runbook section of every error class."""
    return {
        name: value.runbook_section
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, retraining_errors.HigawariError)
    }


def steps() -> list[str]:
    return [
        name
        for module in (pipeline, operations, review, outcome_steps)
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and "**Does**" in (value.__doc__ or "")
    ]


def forms_of(page: Path) -> list[tuple[str, dict[str, Any]]]:
    """DAG and conf of each `airflow dags trigger` and each POST of a dagRun on a page."""
    text = page.read_text()
    found = re.findall(r"airflow dags trigger (\w+) --conf '(\{.+?\})'", text)
    found += re.findall(r"/dags/(\w+)/dagRuns .*\\\n *-d '\{\"logical_date\": null, \"conf\": (\{.+?\})\}'", text)
    return [(dag_id, json.loads(conf)) for dag_id, conf in found]


@pytest.mark.parametrize(("error", "section"), errors_of(retraining_errors, embedded_errors, production_errors).items())
def test_every_error_has_a_section_in_the_runbook(error: str, section: str) -> None:
    assert section in sections(RUNBOOK), f"{error} names #{section}: write that section of docs/runbook.md"


@pytest.mark.parametrize("step", steps())
def test_every_task_has_a_section_in_the_runbook(step: str) -> None:
    assert step in sections(RUNBOOK), f"write the section {step} of docs/runbook.md"


def alerts() -> list[str]:
    """Sections that the code of alerting links to, and those of what it sends."""
    source = "".join(path.read_text() for path in (PROJECT / "include" / "retraining" / "alerting").glob("*.py"))
    return sorted({"run-failed", "alert-channel-broken", *re.findall(r'section\("([a-z-]+)"\)', source)})


@pytest.mark.parametrize("name", alerts())
def test_every_alert_has_a_section_in_the_runbook(name: str) -> None:
    assert name in sections(RUNBOOK), f"write the section {name} of docs/runbook.md"


@pytest.mark.parametrize(
    "name",
    [
        *steps(),
        "check_publication_is_out",
        *alerts(),
        *sorted(set(errors_of(retraining_errors, embedded_errors, production_errors).values())),
    ],
)
def test_every_section_of_the_runbook_has_all_its_parts(name: str) -> None:
    found = re.findall(r"^- \*\*(.+?)\*\*", sections(RUNBOOK)[name], flags=re.MULTILINE)
    assert tuple(found) == PARTS_OF_A_SECTION, f"give #{name} of docs/runbook.md these parts, in this order"


def test_every_form_on_a_page_has_the_fields_it_names() -> None:
    forms = [form for page in PAGES for form in forms_of(page)]
    assert {dag_id for dag_id, _ in forms} >= {"recommender_daily", "rollback_publication"}
    for dag_id, conf in forms:
        source = (PROJECT / "dags" / f"{dag_id}.py").read_text()
        if "RUN_FORM" in source:
            source += (PROJECT / "include" / "retraining" / "run_form.py").read_text()
        fields = set(re.findall(r'^    "?(\w+)"?(?:=|: )Param\(', source, flags=re.MULTILINE))
        assert set(conf) <= fields | ({"reason", "dry_run"} if "operation_form" in source else set()), (
            f"mend the conf on the page: the form of {dag_id} has {sorted(fields)}"
        )


@each_page
def test_every_relative_link_resolves(page: Path) -> None:
    broken = [link for link in relative_links(page) if not resolves(page, link)]
    assert not broken, f"mend these links of {page.name}: no such file or heading"


def relative_links(page: Path) -> list[str]:
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text()))
    return [link for link in links if "://" not in link and not link.startswith("mailto:")]


def resolves(page: Path, link: str) -> bool:
    path, _, fragment = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if fragment and target.suffix == ".md" and target.exists():
        return fragment in sections(target)
    return target.exists()


def test_the_data_model_has_every_table_and_no_other() -> None:
    described = {name for name, text in sections(DATA_MODEL).items() if text.lstrip().count("\nKey: ")}
    assert described == set(TABLES), "add or remove these sections of docs/data_model.md"


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_the_data_model_agrees_with_the_declaration(table: Table) -> None:
    text = sections(DATA_MODEL)[table.name]
    key, partition = re.search(r"^Key: (.+?)\. (.+)$", text, flags=re.MULTILINE).groups()
    mend = f"mend {table.name} in docs/data_model.md"
    assert (quoted(key), quoted(partition)) == (table.key, table.partition), mend
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", text, flags=re.MULTILINE)
    assert [(name, kind) for name, kind, _ in rows] == list(table.columns.items()), f"{mend}: one row a column"


def test_readers_on_bigquery_get_every_view_and_nothing_else() -> None:
    page = (PROJECT / "docs" / "bigquery.md").read_text()
    views = sorted(table.view for table in TABLES.values() if table.view)
    assert sorted(re.findall(r"CREATE VIEW `your-project\.higawari_read\.(\w+)` AS\n", page)) == views
    assert sorted(re.findall(r"SELECT \* FROM `your-project\.higawari\.(\w+)`;", page)) == views
    (authorized,) = re.findall(r"\.access \+= \[\((.+)\)\n", page)
    assert sorted(re.findall(r'"(\w+)"', authorized)) == views
    granted = re.findall(r"GRANT `roles/bigquery.dataViewer` ON (?:SCHEMA|VIEW) `your-project\.(\w+)", page)
    assert set(granted) == {"higawari_read"}


def quoted(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`(\w+)`", text))


@each_page
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {name for piece in code(page.read_text()) for name in re.findall(r"\bmake ([a-z][a-z-]*)", piece)}
    assert named <= targets, f"{page.name} names a target that the Makefile lacks: mend one of them"


@each_page
def test_every_setting_exists(page: Path) -> None:
    unknown = [name for name in settings_named(page.read_text()) if not (is_setting(name) or is_check(name))]
    assert not unknown, f"{page.name} names settings that settings.py lacks: mend one of them"


def settings_named(text: str) -> Iterator[str]:
    """`section.key`, `[section]` and HIGAWARI_SECTION__KEY."""
    fields = RecommenderSettings.model_fields
    for piece in code(text):
        if (found := re.fullmatch(r"([a-z]+)\.(\w+)(?: = .+)?", piece)) and found[1] in fields:
            yield f"{found[1]}.{found[2]}"
        if found := re.fullmatch(r"\[([a-z_]+)\]", piece):
            yield found[1]
        for section, key in re.findall(r"\bHIGAWARI_([A-Z]+)__([A-Z][A-Z_]+)\b", piece):
            yield f"{section}.{key}".lower()


def is_setting(name: str) -> bool:
    section, _, key = name.partition(".")
    field = RecommenderSettings.model_fields.get(section)
    return field is not None and (not key or key in field.annotation.model_fields)


@cache
def checks_source() -> str:
    return "".join(path.read_text() for path in (PROJECT / "include" / "recommender" / "checks").glob("*.py"))


def is_check(name: str) -> bool:
    """Names of checks look like settings where a section has the name of a table."""
    return f'"{name}"' in checks_source()


@pytest.fixture(scope="module")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> LocalWarehouse:
    folder = tmp_path_factory.mktemp("warehouse")
    warehouse = LocalWarehouse(folder / "tables", folder / "spill", threads=1)
    named = " ".join(query for page in PAGES for query in queries(page))
    warehouse.create_tables(table for table in TABLES.values() if re.search(rf"\b{table.name}\b", named))
    return warehouse


def queries(page: Path) -> list[str]:
    return re.findall(r'\bask "(SELECT [^"]+)"', page.read_text())


@each_page
def test_every_query_runs(page: Path, empty_warehouse: LocalWarehouse) -> None:
    for query in queries(page):
        empty_warehouse.query(query.replace("$DAY", "2026-01-31"), {})


def snippets(page: Path) -> list[str]:
    """Python in blocks of its own, and after `python -c` in shell commands."""
    text = page.read_text()
    return [
        *re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL),
        *re.findall(r"python -c '([^']+)'", text),
    ]


@each_page
def test_what_python_imports_exists(page: Path) -> None:
    for snippet in snippets(page):
        for node in ast.walk(ast.parse(snippet)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("include."):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, name.name) for name in node.names), (
                    f"{page.name}: {ast.unparse(node)}: mend the import"
                )


def test_a_catalogue_that_changed_is_mended_where_it_is_kept() -> None:
    """Scoring reads activity and catalogue as build_item_stats kept them, and blocked items as they are now."""
    told = re.sub(r"\s+", " ", str(inspect.getdoc(pipeline.check_publication)))
    assert "`items.inactive` and `items.not_in_catalogue` clear `build_item_stats` with *Downstream*" in told
    (actions,) = re.findall(
        r"\*\*Actions\*\*: (.+?)\n- ", sections(RUNBOOK)["publication-check-error"], flags=re.DOTALL
    )
    assert actions.startswith("an inactive item, or one that is not in the catalogue: clear `build_item_stats` with")


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("page", [OPERATE, DATA_MODEL], ids=attrgetter("stem"))
def test_the_settings_that_are_not_hashed_are_those_that_the_page_names(page: Path) -> None:
    (names,) = re.findall(r"every setting but ((?:`[^`]+`(?:,\s+|\s+and\s+)?)+)", page.read_text())
    named = set(re.findall(r"`\[?([a-z_.]+)\]?`", names))
    assert named == set(not_hashed(RecommenderSettings()))


def not_hashed(settings: RecommenderSettings) -> Iterator[str]:
    """Settings that may change without a change of the hash: a section where all of it may, else its keys."""
    for name, section in settings:
        if isinstance(section, str):
            yield from () if has_another_hash(settings, name, "changed") else (name,)
            continue
        changed = {key: section.model_copy(update={key: "changed"}) for key in type(section).model_fields}
        free = [key for key, value in changed.items() if not has_another_hash(settings, name, value)]
        yield from (name,) if len(free) == len(changed) else (f"{name}.{key}" for key in free)


def has_another_hash(settings: RecommenderSettings, name: str, value: object) -> bool:
    return settings.model_copy(update={name: value}).hash != settings.hash


def run_snippet(naming: str, home: Path, **environment: str) -> str:
    """What the runbook's Python that names this prints in a home."""
    (snippet,) = [snippet for snippet in snippets(RUNBOOK) if naming in snippet]
    variables = {**os.environ, "AIRFLOW_HOME": str(home), "HIGAWARI_HOME": str(home), **environment}
    command = [sys.executable, "-c", snippet]
    return subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_day_of_the_shell_is_that_of_the_business_timezone(tmp_path: Path, timezone: str) -> None:
    """A day and an hour lie between the two: at no time do both have the date of UTC."""
    before = today_in(timezone)
    printed = run_snippet("today_in", tmp_path, HIGAWARI_BUSINESS__TIMEZONE=timezone)
    assert date.fromisoformat(printed.strip()) in {before, today_in(timezone)}


def test_the_errors_of_the_shell_skip_what_a_kill_left_of_a_line(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "dag_id=recommender_daily" / "run_id=r" / "task_id=ingest" / "attempt=1.log"
    log.parent.mkdir(parents=True)
    said = json.dumps({"error_detail": [{"exc_type": "OSError", "exc_value": "disk full"}]})
    log.write_text(f'{{"event": "begun"}}\n{said[:30]}\n7\n{said}\n')
    assert run_snippet("error_detail", tmp_path).splitlines()[1:3] == ["OSError", "disk full"]


def test_decisions_are_numbered_without_holes() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)], (
        "give the new decision the next free number"
    )


@pytest.mark.parametrize("page", DECISIONS, ids=lambda path: path.name)
def test_a_decision_is_short_and_complete(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.name[:4]}: "), "begin with the number of the file name"
    assert re.findall(r"^\*\*(\w+)\*\*", text, flags=re.MULTILINE) == ["Context", "Decision", "Consequences"], (
        "a decision has these three parts"
    )
    assert len(text.splitlines()) <= MOST_LINES_OF_A_DECISION, "shorten it: reasons, not history"
