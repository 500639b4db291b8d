"""The pictures: born daily, rising and fading in popularity, sometimes deleted."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from include.demo.arrays import Flags, Floats, Ints, append_rows
from include.demo.clock import DAY, midnight, times_of_day
from include.demo.photo_service import PhotoService
from include.demo.randomness import lifetimes, stream
from include.demo.taste import kind_prior
from include.demo.titles import write_titles

ITEMS_SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("category", pa.string()),
        ("title", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("is_active", pa.bool_()),
    ]
)
_OLDEST_DAYS = 120
_DAYS_TO_PEAK = (4, 16)
_ZIPF_EXPONENT = 0.7


@dataclass(frozen=True)
class Pictures:
    """Hidden properties, one entry per picture; days count from the start and may be negative."""

    category: Ints
    style: Ints
    appeal: Floats
    peak_days: Floats
    evergreen: Floats
    born_on: Floats
    deleted_on: Floats


class Catalogue:
    """Every picture ever uploaded, in order of upload; a picture's number is the position."""

    def __init__(self, service: PhotoService) -> None:
        """Upload the pictures that exist on the first day."""
        self._service = service
        rng = stream(service.seed, "items", 0)
        ages = np.sort(rng.integers(1, _OLDEST_DAYS, service.items))[::-1]
        self.pictures = _draw_pictures(rng, service, -ages.astype(np.float64))
        self._described = self._describe(rng, self.pictures, first_number=0)

    def __len__(self) -> int:
        """Return how many pictures were ever uploaded."""
        return len(self.pictures.category)

    def upload(self, day: int) -> None:
        """Add the pictures of a day; they show from the next day on, once reviewed."""
        rng = stream(self._service.seed, "births", day)
        count = int(rng.poisson(self._service.births_per_day))
        newborn = _draw_pictures(rng, self._service, np.full(count, float(day)))
        self._described = pa.concat_tables([self._described, self._describe(rng, newborn, first_number=len(self))])
        self.pictures = append_rows(self.pictures, newborn)

    def on_show(self, day: int) -> Flags:
        """Say for each picture whether users can open it on a day."""
        return (self.pictures.born_on < day) & (self.pictures.deleted_on >= day)

    def pull(self, day: int) -> Floats:
        """Return how strongly each picture draws views on a day: it rises, fades, and keeps an evergreen rest."""
        pictures = self.pictures
        phase = np.maximum(day - pictures.born_on, 0) / pictures.peak_days
        life = pictures.evergreen + phase * np.exp(1 - phase)
        return np.where(self.on_show(day), pictures.appeal * life, 0.0)

    def snapshot(self, day: int) -> pa.Table:
        """Return the items table as of the beginning of a day: uploads and deletions of earlier days only."""
        known = self.pictures.born_on < day
        is_active = pa.array(self.pictures.deleted_on >= day)
        return self._described.append_column(ITEMS_SCHEMA.field("is_active"), is_active).filter(pa.array(known))

    def _describe(self, rng: np.random.Generator, pictures: Pictures, first_number: int) -> pa.Table:
        names = self._service.categories
        count = len(pictures.category)
        created_at = midnight(self._service.start) + pictures.born_on.astype(np.int64) * DAY + times_of_day(rng, count)
        columns = [
            [f"p{number:06d}" for number in range(first_number, first_number + count)],
            [names[category] for category in pictures.category],
            write_titles(rng, names, pictures.category),
            created_at,
        ]
        schema = pa.schema(list(ITEMS_SCHEMA)[:4])
        return pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema)


def _draw_pictures(rng: np.random.Generator, service: PhotoService, born_on: Floats) -> Pictures:
    count = len(born_on)
    return Pictures(
        category=rng.choice(len(service.categories), size=count, p=kind_prior(len(service.categories))),
        style=rng.integers(service.hidden_styles, size=count),
        appeal=(1 - rng.random(count)) ** -_ZIPF_EXPONENT,
        peak_days=rng.uniform(*_DAYS_TO_PEAK, count),
        evergreen=rng.beta(1, 8, count),
        born_on=born_on,
        deleted_on=np.maximum(born_on, 0) + lifetimes(rng, service.daily_deletions, count),
    )
