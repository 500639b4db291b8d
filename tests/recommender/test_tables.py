"""A change of columns is a new schema version: an older release must know that it cannot read the table."""

from __future__ import annotations

import hashlib

import pytest

from include.recommender.features import FEATURES
from include.recommender.tables import RECOMMENDER_TABLES
from include.retraining.tables import MACHINERY_TABLES
from include.retraining.warehouse.table import Table

TABLES = (*RECOMMENDER_TABLES, *MACHINERY_TABLES)
# Schema version and digest of the columns. Features come and go with models, and are left out.
KNOWN = {
    "events": (1, "c21775383d49"),
    "items": (1, "6b167c95609b"),
    "item_stats": (1, "71c51dc2580b"),
    "user_stats": (1, "04caf7acd182"),
    "user_items": (1, "1aadf8347218"),
    "item_similarities": (1, "bd9796fb0ed8"),
    "chosen_parameters": (1, "7c0d797b3062"),
    "training_set": (1, "e96633799d9f"),
    "draft_user_recommendations": (2, "19fa056b7636"),
    "draft_popular_items": (1, "51f5fe8bcd15"),
    "draft_similar_items": (1, "534ce2863b3b"),
    "user_recommendations": (2, "11eac5e3cc51"),
    "popular_items": (1, "9c598cb7cb60"),
    "similar_items": (1, "2678f4e0c248"),
    "exposures": (1, "2b09906442f7"),
    "list_explanations": (1, "ac47f1966cfb"),
    "blocked_lists": (1, "f19b48566dbc"),
    "quarantined_rows": (1, "acacdab8d2e9"),
    "readmissions": (1, "c53cc0f206b7"),
    "data_quality_results": (1, "a0b8ab0f0498"),
    "evaluation_results": (2, "4dcddd1e3f68"),
    "promotion_decisions": (2, "fc7ff9099d0f"),
    "publications": (2, "00e13469643b"),
    "publication_switches": (1, "a95be2dad308"),
    "blocked_items": (1, "54d7652f523e"),
    "task_failures": (1, "9802cec01e22"),
    "alerts": (1, "c8f4641453a6"),
    "run_costs": (2, "4f1a40933f2f"),
    "erasures": (1, "84e42d54d7c6"),
    "erased_rows": (1, "869acbaa281e"),
    "outcome_metrics": (1, "f37dca8f7579"),
    "arm_comparisons": (2, "bbcacf538fbf"),
    "distributions": (1, "220e149d9901"),
    "drift_metrics": (1, "ed12ec83f3dd"),
    "reproductions": (1, "1a5e91f0f6aa"),
}


def digest(table: Table) -> str:
    """Of columns with their types, key and partition."""
    names = {feature.name for feature in FEATURES} if table.name == "training_set" else set()
    columns = [f"{name} {kind}" for name, kind in table.columns.items() if name not in names]
    return hashlib.sha256("\n".join([*columns, *table.key, *table.partition]).encode()).hexdigest()[:12]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_change_with_the_schema_version_only(table: Table) -> None:
    found = (table.schema_version, digest(table))
    assert KNOWN.get(table.name) == found, (
        f"{table.name} changed. Raise its schema_version, put {found} into KNOWN, and say in CHANGELOG.md what an "
        "upgrade does: new nullable columns are added by themselves, anything else is refused"
    )


def test_no_table_is_known_that_is_not_there() -> None:
    assert set(KNOWN) == {table.name for table in TABLES}
