"""The command that writes a landing zone."""

from pathlib import Path

import pytest

from include.demo.simulate import main

SMALL = ["--days", "3", "--until", "2026-11-20", "--users", "100", "--items", "80", "--events-per-day", "300"]


def test_it_writes_the_days_up_to_the_last_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*SMALL, "--out", str(tmp_path)])
    assert sorted(path.name for path in (tmp_path / "events").iterdir()) == ["2026-11-19", "2026-11-20", "2026-11-21"]
    line = capsys.readouterr().out
    assert line.startswith("3 days, ")
    assert line.endswith("events/s)\n")
    assert line.count("\n") == 1


def test_it_can_write_only_later_folders(tmp_path: Path) -> None:
    main([*SMALL, "--out", str(tmp_path), "--first-arrival", "2026-11-21"])
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["2026-11-21"]


@pytest.mark.parametrize("wrong", [["--days", "0"], ["--users", "-1"], ["--first-arrival", "2027-01-01"]])
def test_it_refuses_impossible_wishes(tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*SMALL, "--out", str(tmp_path), *wrong])
    assert stopped.value.code == 2
    assert "Expected: " in capsys.readouterr().err
