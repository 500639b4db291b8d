"""Settings are checked before anything costs money, and every message says what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.recommender.settings import RecommenderSettings
from include.retraining.errors import SettingsError
from include.retraining.publication.freshness import MachinerySettings
from include.retraining.settings import Publication, config_file, home_folder, load_settings


def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    monkeypatch.setenv("HIGAWARI_CONFIG", str(path))
    return path


def refusal(settings_class: type = RecommenderSettings) -> SettingsError:
    with pytest.raises(SettingsError) as refused:
        load_settings(settings_class)
    return refused.value


def test_the_shipped_config_says_exactly_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shipped = load_settings(RecommenderSettings)
    config(monkeypatch, tmp_path, "")
    assert load_settings(RecommenderSettings) == shipped


def test_an_unknown_key_is_named_with_the_keys_that_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = config(monkeypatch, tmp_path, "[publication]\nlist_siez = 3\n")
    error = refusal()
    assert error.found == "unknown key publication.list_siez"
    assert error.expected == f"publication.list_siez to be one of: {', '.join(sorted(Publication.model_fields))}"
    assert str(path) in error.next_step


def test_an_unknown_section_is_named_with_the_sections_that_exist(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config(monkeypatch, tmp_path, "[publicaton]\nlist_size = 3\n")
    error = refusal()
    assert error.found == "unknown key publicaton"
    assert "promotion, publication, quality" in error.expected


def test_every_wrong_key_is_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config(monkeypatch, tmp_path, "[publication]\nshards = 0\n[promotion]\nmetric = 'clicks'\n")
    error = refusal()
    assert "publication.shards = 0" in error.found
    assert "promotion.metric = 'clicks'" in error.found
    assert "'ndcg@10'" in error.expected


def test_the_environment_overrides_one_key_and_leaves_its_neighbours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config(monkeypatch, tmp_path, "[publication]\nlist_size = 7\nvalid_days = 5\n")
    monkeypatch.setenv("HIGAWARI_PUBLICATION__LIST_SIZE", "9")
    publication = load_settings(RecommenderSettings).publication
    assert (publication.list_size, publication.valid_days, publication.shards) == (9, 5, 2)


def test_lists_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_QUALITY__VALUE_RANGE", "[0, 5]")
    monkeypatch.setenv("HIGAWARI_INGEST__EVENT_COLUMNS", '{"user_id": "customer"}')
    settings = load_settings(RecommenderSettings)
    assert settings.quality.value_range == (0, 5)
    assert settings.ingest.event_columns == {"user_id": "customer"}


def test_a_variable_that_is_no_json_is_not_blamed_on_the_config_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_QUALITY__VALUE_RANGE", "0 to 5")
    error = refusal()
    assert "JSON" in error.expected
    assert "quality" in error.found
    assert "TOML" not in str(error)


def test_an_unknown_key_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_PUBLICATION__SHRADS", "3")
    assert refusal().found == "unknown key publication.shrads"


def test_an_unknown_section_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_PUBLICATON__SHARDS", "3")
    error = refusal()
    assert "HIGAWARI_PUBLICATON__SHARDS" in error.found
    assert "publication" in error.expected


def test_the_machinery_alone_passes_over_the_sections_of_a_use_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_TRAINING__ROUNDS", "[20]")
    monkeypatch.setenv("HIGAWARI_PUBLICATION__VALID_DAYS", "4")
    assert load_settings(MachinerySettings).publication.valid_days == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[quality]\nquarantine_warn_share = 0.2\n", "quarantine_warn_share must not exceed quarantine_stop_share"),
        ("[quality]\nvolume_stop_ratio = 0.9\n", "volume_stop_ratio must not exceed volume_warn_ratio"),
        (
            "[quality]\nunknown_item_warn_share = 0.5\n",
            "unknown_item_warn_share must not exceed unknown_item_stop_share",
        ),
        ("[features]\nhistory_days = 76\n", "features.history_days of at least 77"),
        ("[evaluation]\nweeks = 12\n[features]\nhistory_days = 100\n", "features.history_days of at least 140"),
        ("[training]\nsnapshots = [2, 1]\n", "greater than or equal to 2"),
        ("[training]\nsnapshots = 4\n", "training.snapshots: Input should be a valid tuple"),
        ("[ease]\nregularisation = []\n", "ease.regularisation: Tuple should have at least 1 item"),
        ("[lists]\npopularity_days = [28, 14]\n", "Input should be 1, 3, 7 or 28"),
        (
            "[lists]\nsimilar_method = ['jaccard']\n",
            "Input should be 'cosine', 'basket', 'next_basket', 'ease_10d' or 'ease_60d'",
        ),
        ("[promotion]\napproval = 'sometimes'\n", "Input should be 'never', 'always' or 'when_uncertain'"),
        ("[promotion]\napproval_hours = 23\n", "promotion.approval_hours: Input should be less than or equal to 22"),
        ("[promotion]\napproval_hours = 0\n", "promotion.approval_hours: Input should be greater than 0"),
        ("[promotion]\napprovers = ['']\n", "String should have at least 1 character"),
        ("[publication]\nlist_size = 1001\n", "publication.list_size: Input should be less than or equal to 1000"),
        ("[ingest]\nlookback_days = -1\n", "ingest.lookback_days: Input should be greater than or equal to 0"),
        ("[storage]\nmemory_limit = '2 gigs'\n", "storage.memory_limit: String should match"),
    ],
)
def test_impossible_settings_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, words: str
) -> None:
    config(monkeypatch, tmp_path, text)
    assert words in refusal().expected


def test_a_short_list_can_be_given_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_TRAINING__SNAPSHOTS", "[3]")
    monkeypatch.setenv("HIGAWARI_LISTS__SIMILAR_METHOD", '["basket", "cosine"]')
    settings = load_settings(RecommenderSettings)
    assert settings.training.snapshots == (3,)
    assert settings.lists.similar_method == ("basket", "cosine")


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "", "Asia"])
def test_a_bad_timezone_is_refused_with_examples(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HIGAWARI_BUSINESS__TIMEZONE", name)
    error = refusal()
    assert error.found == f"business.timezone = {name!r}"
    assert "Asia/Tokyo" in error.expected


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"HIGAWARI_BUSINESS__RUN_AT": "07:00"}, "a run at 07:00, due at 07:00"),
        ({"HIGAWARI_DRIFT__RUN_AT": "03:00"}, "a run at 03:00, drift at 03:00"),
        (
            {"HIGAWARI_RETENTION__PUBLICATIONS_DAYS": "10"},
            "publications_days = 10, window_days = 14, mature_days = 3: outcomes would go silent",
        ),
        (
            {"HIGAWARI_OUTCOMES__MATURE_DAYS": "23"},
            "publications_days = 30, window_days = 14, mature_days = 23: outcomes would go silent",
        ),
        ({"HIGAWARI_WAREHOUSE": "bigquery"}, 'none, and warehouse = "bigquery"'),
        ({"HIGAWARI_BIGQUERY__LABELS": '{"Team": "growth"}'}, "bigquery.labels.Team.[key] = 'Team'"),
        ({"HIGAWARI_BIGQUERY__LABELS": '{"task": "x"}'}, "bigquery.labels = {'task': 'x'}"),
        (
            {"HIGAWARI_INGEST__EVENTS_TABLE": "shop.events", "HIGAWARI_INGEST__ITEMS_TABLE": "shop.items"},
            'warehouse = "local"',
        ),
    ],
)
def test_settings_that_contradict_each_other_are_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], found: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert refusal().found == found


def test_lists_may_be_kept_just_as_long_as_their_outcomes_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_OUTCOMES__MATURE_DAYS", "22")
    monkeypatch.setenv("HIGAWARI_OUTCOMES__WINDOW_DAYS", "29")
    load_settings(RecommenderSettings)
    monkeypatch.setenv("HIGAWARI_OUTCOMES__WINDOW_DAYS", "30")
    assert refusal().expected.startswith("retention.publications_days of at least 31")


@pytest.mark.parametrize("time_of_day", ["24:00", "3:00", "03:60", "03:00:00", "noon"])
def test_a_time_of_day_is_hours_and_minutes(monkeypatch: pytest.MonkeyPatch, time_of_day: str) -> None:
    monkeypatch.setenv("HIGAWARI_BUSINESS__RUN_AT", time_of_day)
    assert refusal().found == f"business.run_at = {time_of_day!r}"


def test_the_start_of_a_run_changes_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_settings(RecommenderSettings)
    monkeypatch.setenv("HIGAWARI_BUSINESS__RUN_AT", "05:30")
    after = load_settings(RecommenderSettings)
    assert (after.business.run_cron, after.hash) == ("30 5 * * *", before.hash)


def test_broken_toml_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = config(monkeypatch, tmp_path, "[publication]\nlist_size = = 3\n")
    error = refusal()
    assert error.expected == f"TOML in {path}"
    assert "line 2" in error.found


def test_a_missing_config_file_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIGAWARI_CONFIG", str(tmp_path / "none.toml"))
    assert refusal().found == f"nothing at {tmp_path / 'none.toml'}"


def test_settings_cannot_be_changed_after_the_check() -> None:
    settings = load_settings(RecommenderSettings)
    with pytest.raises(ValueError, match="frozen"):
        settings.publication.shards = 3  # type: ignore[misc]


def test_rule_3_the_hash_leaves_out_where_things_are_stored_and_how_they_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = load_settings(RecommenderSettings).hash
    monkeypatch.setenv("HIGAWARI_STORAGE__WAREHOUSE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("HIGAWARI_STORAGE__THREADS", "8")
    monkeypatch.setenv("HIGAWARI_DRIFT__SHORT_FLOOR", "0.5")
    monkeypatch.setenv("HIGAWARI_COSTS__PER_TASK_HOUR", "0.5")
    assert load_settings(RecommenderSettings).hash == before


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HIGAWARI_BUSINESS__TIMEZONE", "Asia/Tokyo"),
        ("HIGAWARI_TRAINING__SEED", "1"),
        ("HIGAWARI_PUBLICATION__AFTER_ROLLBACK", "resume"),
    ],
)
def test_rule_8_the_hash_changes_with_every_other_setting(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    before = load_settings(RecommenderSettings).hash
    monkeypatch.setenv(variable, value)
    assert load_settings(RecommenderSettings).hash != before


def test_relative_folders_start_at_home_and_absolute_ones_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIGAWARI_STORAGE__LANDING", "/data/landing")
    storage = load_settings(RecommenderSettings).storage
    assert home_folder() == tmp_path.resolve()
    assert storage.warehouse_folder == tmp_path.resolve() / "warehouse"
    assert storage.spill_folder == tmp_path.resolve() / "spill"
    assert storage.landing_folder == Path("/data/landing")


def test_without_variables_the_project_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIGAWARI_HOME")
    assert home_folder().parts[-2:] == ("var", "main")
    assert config_file().parts[-2:] == ("config", "recommender.toml")
