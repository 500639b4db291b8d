"""The calendar: of each date its data verdict, the decisions, what became of its publication; a page for each."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from include.retraining.publication.history import History, Publication, read_history
from include.retraining.quality.history import (
    quarantine_counts,
    recorded_dates,
    results_of_dates,
    verdicts,
    worst_verdicts,
)
from include.retraining.run import parse_date
from include.retraining.tables import RUN_COSTS
from include.retraining.warehouse.protocol import Warehouse
from include.ui.at_work import runs_at_work
from include.ui.decided import Decided, read_decided
from include.ui.errors import NotThereError
from include.ui.failed import failed_dates, failed_of
from include.ui.forms import BACKFILL, READMIT, ROLL_BACK
from include.ui.late import late_dates
from include.ui.reading import Reading
from include.ui.rendering import rendered
from include.ui.windows import dates_between, today_of

router = APIRouter()
MONTHS = {"3": "3 months", "12": "a year"}
OF_A_YEAR = 12
FIRST_YEAR, LAST_YEAR = 1970, 9999


@dataclass(frozen=True)
class Day:
    """What became of a date. Empty where nothing did."""

    day: date
    verdict: str
    decided: Sequence[Decided]
    publications: Sequence[Publication]
    failed: bool = False
    gap: bool = False

    @property
    def anything(self) -> bool:
        """Whether a run of it left anything."""
        return bool(self.verdict or self.decided or self.publications or self.failed)

    @property
    def publication(self) -> str:
        """The state of the date's publication that says most: what readers see, else what became of the newest."""
        states = [each.status for each in self.publications]
        return next((state for state in states if state == "current"), states[0] if states else "")

    @property
    def told(self) -> str:
        """All of it in words, for who cannot see the signs."""
        decided = ", ".join(f"{each.surface} {each.in_words}" for each in self.decided)
        publication = self.publication.replace("_", " ")
        parts = (
            f"data {self.verdict}" if self.verdict else "no data checks",
            decided or "nothing decided",
            f"publication {publication}" if publication else "no publication",
        )
        failed = ("its last run failed",) if self.failed else ()
        return f"{self.day}: {'; '.join((*parts, *failed))}"


@dataclass(frozen=True)
class Month:
    """Its weeks, from Monday on; days of its neighbours are None."""

    first: date
    weeks: Sequence[Sequence[Day | None]]


@router.get("/dates")
def all_dates(request: Request, reading: Reading, months: str = "3", until: str = "", as_of_date: str = "") -> Response:
    """Some months, the newest first; the look-up box of a date leads here, and on to its page."""
    if as_of_date:
        return RedirectResponse(f"dates/{parse_date(as_of_date)}")
    if months not in MONTHS:
        raise NotThereError(f"months among {', '.join(MONTHS)}", repr(months), "follow one of the links on the page")
    last = _month_of(until) if until else _newest_month(reading.warehouse, today_of(reading.settings))
    shown = [_earlier(last, back) for back in range(int(months))]
    until_day, dag_id = _earlier(last, -1) - timedelta(days=1), request.app.state.dag_id
    days = days_between(reading.warehouse, dag_id, shown[-1], until_day)
    days = _with_gaps(days, _first_and_last(reading.warehouse, days))
    return rendered(
        request, "dates.html.j2", months=[_weeks(month, days) for month in shown], spans=MONTHS, span=months,
        empty=not any(day.anything for day in days.values()),
        earlier=_earlier(last, int(months)), later=_earlier(last, -int(months)), last=last,
        today=today_of(reading.settings),
    )  # fmt: skip


@router.get("/dates/{as_of_date}")
def one_date(request: Request, reading: Reading, as_of_date: str) -> HTMLResponse:
    """All about a date. AsOfDateError for what is no date, NotThereError for one that has no day before or after."""
    day, warehouse = _of_our_time(parse_date(as_of_date)), reading.warehouse
    stages, dag_id = results_of_dates(warehouse, [day]).get(day, {}), request.app.state.dag_id
    history = read_history(warehouse)
    _, current_date = history.log.pointer
    return rendered(
        request, "date.html.j2", day=day, verdicts=verdicts(stages),
        not_passed=[(stage, each) for stage, found in stages.items() for each in found if each.outcome != "passed"],
        quarantined=sum(rows for *_, rows in quarantine_counts(warehouse, day)),
        decided=read_decided(warehouse, [day]).get(day, []), publications=history.of_date(day),
        seconds=_seconds(warehouse, dag_id, day), before=day - timedelta(days=1), after=day + timedelta(days=1),
        failed=failed_of(warehouse, dag_id, [day]).get(day), late=late_dates(warehouse, dag_id, current_date).get(day),
        at_work=[each for each in runs_at_work(dag_id) if each.as_of_date == day],
        forms=(ROLL_BACK, READMIT, BACKFILL),
    )  # fmt: skip


def days_between(
    warehouse: Warehouse, dag_id: str, first: date, last: date, history: History | None = None
) -> dict[date, Day]:
    """What became of each date, both included."""
    dates = dates_between(first, last)
    checked = worst_verdicts(warehouse, dates)
    decided = read_decided(warehouse, dates)
    publications = _by_date((history or read_history(warehouse)).publications)
    failed = failed_dates(warehouse, dag_id, dates)
    return {
        day: Day(day, checked.get(day, ""), decided.get(day, ()), publications.get(day, ()), day in failed)
        for day in dates
    }


def _first_and_last(warehouse: Warehouse, days: Mapping[date, Day]) -> tuple[date, date] | None:
    """Between which dates runs have left something, of all that is known and of what is shown."""
    known = [*recorded_dates(warehouse), *(day for day, each in days.items() if each.anything)]
    return (min(known), max(known)) if known else None


def _with_gaps(days: Mapping[date, Day], between: tuple[date, date] | None) -> dict[date, Day]:
    """Days that left nothing, though days before and after them did, are gaps."""
    if between is None:
        return dict(days)
    first, last = between
    return {day: each if each.anything else replace(each, gap=first < day < last) for day, each in days.items()}


def _by_date(publications: Sequence[Publication]) -> Mapping[date, list[Publication]]:
    found: dict[date, list[Publication]] = {}
    for each in publications:
        found.setdefault(each.as_of_date, []).append(each)
    return found


def _seconds(warehouse: Warehouse, dag_id: str, day: date) -> float:
    rows = warehouse.read(RUN_COSTS, {"as_of_date": day, "dag_id": dag_id}, ["seconds"])
    return float(sum(seconds for seconds in rows["seconds"].to_pylist() if seconds is not None))


def _newest_month(warehouse: Warehouse, today: date) -> date:
    return min(max(recorded_dates(warehouse)[:1], default=today), today).replace(day=1)


def _month_of(text: str) -> date:
    return _of_our_time(parse_date(f"{text}-01" if text.count("-") == 1 else text)).replace(day=1)


def _of_our_time(day: date) -> date:
    """The date, where months and days beside it can be counted."""
    if not FIRST_YEAR < day.year < LAST_YEAR:
        raise NotThereError("a date of our time", str(day), "follow one of the links above")
    return day


def _earlier(month: date, back: int) -> date:
    """The first day of so many months before."""
    years, number = divmod(month.year * OF_A_YEAR + month.month - 1 - back, OF_A_YEAR)
    return date(years, number + 1, 1)


def _weeks(month: date, days: Mapping[date, Day]) -> Month:
    weeks = calendar.Calendar().monthdatescalendar(month.year, month.month)
    return Month(month, [[days[day] if day.month == month.month else None for day in week] for week in weeks])
