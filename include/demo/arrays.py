"""Array types, and growing a record of arrays by rows."""

from dataclasses import fields
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

Record = TypeVar("Record")


def append_rows(first: Record, second: Record) -> Record:
    """Join two dataclass instances whose every field is an array of one row per member."""
    columns: dict[str, Any] = {
        field.name: np.concatenate([getattr(first, field.name), getattr(second, field.name)])
        for field in fields(first)  # type: ignore[arg-type]  # a TypeVar cannot be bound to "any dataclass"
    }
    return type(first)(**columns)
