"""Where a text occurs under a folder: in names and bytes of files, and in what compressed files hold."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq


def files_with(folder: Path, text: str) -> list[str]:
    """Files, data files of Parquet by their values and their statistics too."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if text in path.name or (path.is_file() and _holds(path, text))
    ]


def _holds(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes() or (path.suffix == ".parquet" and text in _unpacked(path))


def _unpacked(path: Path) -> str:
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(number).to_dict() for number in range(file.metadata.num_row_groups)]
    return f"{file.read().to_pylist()} {groups}"
