"""A challenger's model card: what it says, that it stands alone, and that nothing trivial keeps it from being made."""

from __future__ import annotations

import re
import shutil
import warnings
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pytest

from include.recommender import model_card as card
from include.recommender.features import FEATURE_NAMES
from include.recommender.model_card import model_card
from include.recommender.model_card_drawing import spread
from include.recommender.office import decide_and_record
from include.recommender.ranker import Ranker
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import CHOSEN_PARAMETERS, TRAINING_SET
from include.retraining.landing import LandingZone
from include.retraining.run import Run
from include.retraining.tables import EVALUATION_RESULTS, PROMOTION_DECISIONS
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.workspace import Workspace
from tests.recommender.small_world import DAY, FakeRegistry, days_ago, evaluation_rows, quick_ranker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from include.retraining.registry import ModelRegistry

    Recommender = Workspace[RecommenderSettings]

RUN = Run(DAY, "run-1", "scheduled")
SURFACE = "for_you"
WHERE = {"as_of_date": DAY, "surface": SURFACE}
SECRET = "somebody-nobody-may-know"
GROUPS = {"1 event": 0.02, "known users": -0.01, "category: cat": 0.05}


def training_rows(positives: int = 10, rows: int = 40, **columns: float) -> pa.Table:
    """Rows at two snapshots; `columns` are features with one value everywhere."""
    features = np.random.default_rng(1).normal(0, 100, (rows, len(FEATURE_NAMES))).astype(np.float32)
    table = {name: features[:, at] for at, name in enumerate(FEATURE_NAMES)}
    table |= {name: np.full(rows, value, np.float32) for name, value in columns.items()}
    keys = {
        "as_of_date": [DAY] * rows,
        "surface": [SURFACE] * rows,
        "snapshot_date": [days_ago(14 if row % 2 else 21) for row in range(rows)],
        "user_id": [f"{SECRET}-{row // 8}" for row in range(rows)],
        "item_id": [f"i{row:03d}" for row in range(rows)],
        "label": [int(row < positives) for row in range(rows)],
    }
    return pa.table(keys | table).cast(TRAINING_SET.schema)


def more(rows: list[tuple[str, str, str, str, float, int]]) -> pa.Table:
    """Rows of `evaluation_results`: contender, versus, segment, metric, mean, users."""
    return pa.Table.from_pylist(
        [
            WHERE | {"contender": of, "versus": versus, "segment": segment, "metric": metric, "model_version": of}
            | {"mean": mean, "low": mean - 0.01, "high": mean + 0.01, "users": users}
            for of, versus, segment, metric, mean, users in rows
        ],
        schema=EVALUATION_RESULTS.schema,
    )  # fmt: skip


MORE = more(
    [
        ("challenger", "", "all", "hitrate@10", 0.5, 100),
        ("own_history", "", "all", "hitrate@10", 0.4, 100),
        ("challenger", "own_history", "all", "hitrate@10", 0.1, 100),
        ("list_for_everybody", "", "no history", "ndcg@10", 0.07, 33),
        ("candidates", "", "all", "candidate_recall", 0.6, 100),
        ("source:own_history", "", "all", "candidate_recall", 0.4, 100),
        ("source:own_history", "", "all", "candidate_recall_alone", 0.3, 100),
        ("source:rising", "", "all", "candidate_recall", 0.0, 100),
        ("source:rising", "", "all", "candidate_recall_alone", 0.0, 100),
    ]
)


def card_of(
    workspace: Recommender,
    registry: FakeRegistry,
    evaluated: pa.Table,
    training: pa.Table | None = None,
    ranker: Ranker | None = None,
    **tags: str,
) -> dict[str, str]:
    """What the steps from training to decision leave in the tables, and the card made from it."""
    warehouse = workspace.warehouse
    warehouse.replace(TRAINING_SET, WHERE, training_rows() if training is None else training)
    warehouse.replace(EVALUATION_RESULTS, WHERE, evaluated)
    chosen = {"as_of_date": DAY, "parameter": "lists.popularity_days", "metric": "ndcg@10", "users": 0}
    rows = [chosen | {"value": value, "mean": None, "chosen": value == "28"} for value in ("28", "7")]
    warehouse.replace(
        CHOSEN_PARAMETERS, {"as_of_date": DAY}, pa.Table.from_pylist(rows, schema=CHOSEN_PARAMETERS.schema)
    )
    model = registry.add(ranker or quick_ranker("user_gap"), workspace.settings, **tags)
    decision = decide_and_record(RUN, workspace, SURFACE, model.label)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model_card(workspace, workspace.settings, DAY, SURFACE, decision)


@dataclass(frozen=True)
class Usual:
    """A usual card and the workspace in which it was made."""

    workspace: Recommender
    files: dict[str, str]


@pytest.fixture(scope="module")
def usual(empty_tables: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Usual]:
    """Promoted, no champion, groups, sources, one feature left out; made once, as drawing takes a while."""
    folder, tables = empty_tables
    home = tmp_path_factory.mktemp("usual")
    shutil.copytree(folder, home / "warehouse")
    warehouse = LocalWarehouse(home / "warehouse", home / "spill", "500MB", 1, dict(tables))
    evaluated = pa.concat_tables([evaluation_rows(DAY, 0.05, segments=GROUPS), MORE])
    tags = {"chosen_snapshots": "1", "code_version": "c0de", "learnt_until": "2026-04-24"}
    registry = FakeRegistry()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIGAWARI_CONFIG", str(home / "none.toml"))
        workspace = Workspace(
            RecommenderSettings(), warehouse, LandingZone(home / "landing"), cast("ModelRegistry", registry)
        )
        files = card_of(workspace, registry, evaluated, features_left_out='["item_value"]', **tags)
        yield Usual(workspace, files)


@pytest.fixture
def files(usual: Usual) -> dict[str, str]:
    return usual.files


def text_of(files: Mapping[str, str]) -> str:
    """The Markdown in one line."""
    return " ".join(files["model_card/model_card.md"].split())


LOADING = ("src", "href", "xlink:href", "data", "srcset", "action")


class Page(HTMLParser):
    """What a page says, and what it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.labels: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attributes)
        self.labels += [named["aria-label"] or ""] if "aria-label" in named else []
        self.loads += [
            f"{tag} {name}={value}" for name, value in attributes
            if name in LOADING and not (value or "").startswith(("#", "data:"))
        ]  # fmt: skip

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_card_states_the_decision_and_its_reasons(files: dict[str, str]) -> None:
    text = text_of(files)
    assert "**Decision: it takes over**, with the lists of 2026-05-01." in text
    assert "- ndcg@10 over own_history +0.0500 [+0.0490, +0.0510]" in text
    assert "- there is no champion yet" in text
    assert "it is surely no more than 0.010 below the ranker in use;" in text


def test_the_summary_compares_with_the_best_rule_in_words(files: dict[str, str]) -> None:
    assert (
        "The new ranker is better than the rule “what you turned to before”: NDCG@10 0.250 against 0.200 "
        "(+25.0%, with 95 % certainty between +24.5% and +25.5%)."
    ) in text_of(files)
    assert "50% of people find at least one thing they then wanted among its first ten;" in text_of(files)


def test_metrics_have_intervals_and_differences_of_shares_are_points(files: dict[str, str]) -> None:
    text = text_of(files)
    assert "| NDCG@10 | 0.250 (0.249 to 0.251) | 0.200 (0.199 to 0.201) | 0.100 (0.099 to 0.101) |" in text
    assert "| Hit rate@10 | 50.0% (49.0 to 51.0) | 40.0% (39.0 to 41.0) | not measured |" in text
    assert "| NDCG@10 | +0.050 (+0.049 to +0.051) | +0.050 (+0.049 to +0.051) |" in text
    assert "| Hit rate@10 | +10.0 points (+9.0 to +11.0) | not measured |" in text


def test_groups_that_lose_are_named(files: dict[str, str]) -> None:
    text = text_of(files)
    assert "| known users | 100 | 0.250 (0.249 to 0.251) | -0.010 (-0.011 to -0.009) |" in text
    assert "- Worse than the rule “what you turned to before” for: known users (100 people)." in text
    assert "Sure among all that are compared (3, Holm's correction): known users." in text
    assert "loses more than 10%, where sure means sure among all groups together (Holm's correction);" in text
    assert "in 3 groups of people: better in 2, worse in 1, not sure in 0." in text


def test_the_card_states_what_the_numbers_cannot_say(files: dict[str, str]) -> None:
    text = text_of(files)
    assert "100 users in 2 weeks are enough to tell a change of 1% or more from chance: smaller changes than" in text
    assert "Only the latest week (2026-04-24) was ranked by this very model." in text
    assert "NDCG@10 0.070 for 33 of them." in text
    assert "Of people with 1 event little is known: NDCG@10 0.250 for 100." in text
    assert "Sources that proposed nothing anybody then wanted: `rising`." in text
    assert "People chose without having seen these lists." in text
    assert "Left out, as they were the same in every row it could learn from: `item_value`." in text


def test_rule_8_the_card_says_what_the_ranker_was_made_from(files: dict[str, str], usual: Usual) -> None:
    text = text_of(files)
    assert "| Dates it learnt at | 2026-04-17 |" in text
    assert "| Dates it could choose from | 2, each with the 7 days that follow |" in text
    assert "| Rows | 40 proposed items, 10 of them wanted |" in text
    assert "| Lists | 10 of 5 people |" in text
    assert "| It knows nothing from | 2026-04-24 on |" in text
    assert "| Judged on the weeks from | 2026-04-17, 2026-04-24 |" in text
    assert "| Training set | `training-set-1` |" in text
    assert f"| Settings | `{usual.workspace.settings.hash}` |" in text
    assert "| Code | `c0de` |" in text
    assert "| `lists.popularity_days` | 28 | the first of its list: there was no past week |" in text


def test_the_card_says_what_the_ranker_looks_at(files: dict[str, str]) -> None:
    text = text_of(files)
    features = text[text.index("| feature |") :]
    first = re.search(r"\| `(\w+)` \| ([\d.]+) \| ([\d.]+)% \| (.+?) \|", features)
    assert first is not None
    assert (first[1], first[4]) == ("user_gap", "mean days between the user's visits")
    assert "The sources together proposed 60% of what people then wanted" in text


def test_no_user_is_in_the_card(files: dict[str, str]) -> None:
    assert not [name for name, content in files.items() if SECRET in content]


def test_the_page_needs_nothing_but_itself(files: dict[str, str]) -> None:
    html = files["model_card/model_card.html"]
    page = Page(html)
    assert page.loads == []
    assert not {"script", "link", "iframe", "img", "object"} & set(page.tags)
    assert not re.findall(r"@import|url\((?!#)", html)


def test_the_page_says_what_the_text_says_and_shows_its_pictures_with_a_description_of_each(
    files: dict[str, str],
) -> None:
    page = Page(files["model_card/model_card.html"])
    linked = dict(re.findall(r"!\[(.+?)\]\((\w+)\.svg\)", files["model_card/model_card.md"]))
    assert list(linked.values()) == ["weeks_plot", "segments_plot", "contributions_plot", "sample_plot", "sources_plot"]
    assert page.labels == list(linked)
    assert page.tags.count("svg") == len(linked)
    assert page.tags.count("table") == 6
    assert "Decision: it takes over" in page.text
    assert "0.250 (0.249 to 0.251)" in page.text


def test_every_picture_of_the_text_lies_beside_it(files: dict[str, str]) -> None:
    linked = {f"model_card/{name}" for name in re.findall(r"\((\w+\.svg)\)", files["model_card/model_card.md"])}
    pictures = {name: content for name, content in files.items() if name.endswith(".svg")}
    assert set(pictures) == linked
    assert {ET.fromstring(content).tag for content in pictures.values()} == {"{http://www.w3.org/2000/svg}svg"}


def test_rule_3_the_same_evidence_gives_the_same_card(usual: Usual) -> None:
    (row,) = usual.workspace.warehouse.read(PROMOTION_DECISIONS).to_pylist()
    decision = {"choice": row["choice"], "model": row["model_version"], "decision_id": row["decision_id"]}
    assert model_card(usual.workspace, usual.workspace.settings, DAY, SURFACE, decision) == usual.files


def test_a_model_made_again_shares_the_decision_about_its_first_version(
    workspace: Recommender, registry: FakeRegistry
) -> None:
    for _ in range(2):
        files = card_of(workspace, registry, evaluation_rows(DAY, 0.05))
    assert "`recommender_for_you/2`" in text_of(files)
    assert "- ndcg@10 over own_history" in text_of(files)


def test_a_ranker_that_is_kept_out_is_told_against_the_one_in_use(
    workspace: Recommender, registry: FakeRegistry
) -> None:
    text = text_of(card_of(workspace, registry, evaluation_rows(DAY, 0.05, champion_gain=-0.05)))
    assert "**Decision: it does not take over**; the ranker in use makes the lists." in text
    assert "The new ranker is worse than the ranker in use: NDCG@10 0.150 against 0.200" in text
    assert "- may be worse than the champion: ndcg@10 -0.0500 [-0.0510, -0.0490], margin 0.010" in text


def test_the_summary_compares_shares_of_people_in_the_weeks_that_both_were_measured_on(
    workspace: Recommender, registry: FakeRegistry
) -> None:
    """The challenger did worse in weeks that the champion has no figures of: that is nothing against it."""
    shares = more(
        [
            ("challenger", "", "all", "hitrate@10", 0.38, 300),
            ("champion", "", "all", "hitrate@10", 0.40, 100),
            ("challenger", "champion", "all", "hitrate@10", 0.02, 100),
        ]
    )
    evaluated = pa.concat_tables([evaluation_rows(DAY, 0.05, champion_gain=0.05), shares])
    text = text_of(card_of(workspace, registry, evaluated))
    assert "42% of people find at least one thing they then wanted among its first ten; with the ranker in use" in text
    assert "with the ranker in use 40% do." in text


def test_a_category_may_be_called_anything(workspace: Recommender, registry: FakeRegistry) -> None:
    name = r"category: <script>x</script>|![a](b.svg) [c](http://d) $\frac$ `e`"
    files = card_of(workspace, registry, evaluation_rows(DAY, 0.05, segments={name: -0.01}))
    page = Page(files["model_card/model_card.html"])
    assert page.loads == []
    assert "script" not in page.tags
    # In the table, twice among those who lose, by itself and among all; the picture is text as well.
    assert page.text.count(name) == 4


def one_week(rows: pa.Table) -> pa.Table:
    kept = [row for row in rows.to_pylist() if row["segment"] != f"week {days_ago(14)}"]
    return pa.Table.from_pylist(kept, schema=rows.schema)


def without_users(rows: pa.Table) -> pa.Table:
    """As where a contender met nobody in a segment."""
    nobody = {"mean": float("nan"), "low": float("nan"), "high": float("nan"), "users": 0}
    found = [row | (nobody if row["segment"] in GROUPS else {}) for row in rows.to_pylist()]
    return pa.Table.from_pylist(found, schema=rows.schema)


USUAL = evaluation_rows(DAY, 0.05, segments=GROUPS)


@pytest.mark.parametrize(
    ("evaluated", "says"),
    [
        (evaluation_rows(DAY, 0.05), "No groups of people could be told apart."),
        (without_users(USUAL), "No groups of people could be told apart."),
        (one_week(USUAL), "100 users in 1 week are enough to tell"),
        (evaluation_rows(DAY, 0.0, users=1), "only 1 users in the evaluated weeks"),
        (evaluation_rows(DAY, -0.2), "NDCG@10 0.000 against 0.200"),
        (evaluation_rows(DAY, 0.05, segments={f"category: {at}": 0.01 for at in range(33)}), "3 smaller groups"),
    ],
    ids=["no groups", "groups without people", "one week", "one person", "nothing found", "many groups"],
)  # fmt: skip
def test_little_or_much_evidence_still_makes_a_card(
    workspace: Recommender, registry: FakeRegistry, evaluated: pa.Table, says: str
) -> None:
    assert says in text_of(card_of(workspace, registry, evaluated))


def only(name: str) -> Ranker:
    """A ranker that looks at one feature, and never learnt anything about it."""
    import xgboost

    matrix = xgboost.DMatrix(np.arange(20.0).reshape(-1, 1), np.ones(20), feature_names=[name])
    booster = xgboost.train({"max_depth": 1, "nthread": 1}, matrix, 1)
    return Ranker(bytes(booster.save_raw("ubj")), (name,))


@pytest.mark.parametrize(
    ("training", "ranker"),
    [
        (training_rows(positives=0), None),
        (training_rows(positives=40), None),
        (training_rows(rows=1), None),
        (training_rows(rows=0), None),
        (training_rows(user_gap=np.nan), None),
        (training_rows(user_gap=3.0), only("user_gap")),
    ],
    ids=["no positives", "no negatives", "one row", "no rows", "a feature without values", "one constant feature"],
)  # fmt: skip
def test_little_to_explain_still_makes_a_card(
    workspace: Recommender, registry: FakeRegistry, training: pa.Table, ranker: Ranker | None
) -> None:
    files = card_of(workspace, registry, evaluation_rows(DAY, 0.05), training, ranker, features_left_out="[]")
    shown = "model_card/sample_plot.svg" in files
    assert shown == (training.num_rows > 0)
    assert ("There were no rows to explain." in text_of(files)) == (not shown)


def test_marks_that_lie_together_are_spread_within_their_line() -> None:
    together, apart = spread(np.zeros(300)), spread(np.arange(5.0))
    assert len(set(together)) == 300
    assert np.abs(together).max() < 0.45
    assert list(apart) == [0.0] * 5


@pytest.mark.integration
def test_the_card_is_an_artifact_of_the_run_that_made_the_model(
    workspace: Recommender, registry: FakeRegistry, mlflow_store: Path, tmp_path: Path
) -> None:
    import xgboost
    from mlflow import MlflowClient

    from include.retraining.registry import CARD_PAGE, ModelPackage, ModelRegistry

    store = tmp_path / "mlflow" / "mlflow.db"
    store.parent.mkdir()
    shutil.copy(mlflow_store, store)
    ranker = quick_ranker("user_gap")
    real = ModelRegistry(f"sqlite:///{store}")
    booster = xgboost.Booster(model_file=bytearray(ranker.model))
    names = list(ranker.feature_names)
    model = real.register(
        ModelPackage("recommender_for_you", booster, names, {}, {}, {}, {"surface": SURFACE}, ranker.sha256)
    )
    files = card_of(workspace, registry, evaluation_rows(DAY, 0.05))
    for _ in range(2):
        real.attach(model, files)
    client = MlflowClient(tracking_uri=real.tracking_uri)
    run_id = client.get_model_version(model.name, model.version).run_id
    assert real.run_id(model) == run_id
    attached = {artifact.path for artifact in client.list_artifacts(run_id, card.FOLDER)}
    assert attached == set(files)
    page = client.download_artifacts(run_id, CARD_PAGE, str(tmp_path))
    assert (tmp_path / page).read_text() == files[CARD_PAGE]
