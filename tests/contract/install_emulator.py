"""Make the emulator's environment: `python -m tests.contract.install_emulator <folder>`.

It needs Python 3.13. Where there is none, a file says so, and the contract suite is skipped with those words.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements-emulator.txt")
EXTENSIONS = ("icu", "ducklake", "spatial", "sqlite_scanner")
WHY_NOT = "why-not.txt"


def main(folder: Path) -> None:
    """Install, or leave a file that says why not."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    python = python_313()
    if python is None:
        (folder / WHY_NOT).write_text("the BigQuery emulator needs Python 3.13; no python3.13 was found\n")
        return
    uv = [shutil.which("uv") or str(Path(sys.executable).with_name("uv"))]
    environment = folder / "environment"
    subprocess.run([*uv, "venv", "--quiet", "--python", python, str(environment)], check=True)
    installed = environment / "bin" / "python"
    subprocess.run([*uv, "pip", "install", "--python", str(installed), "-r", str(REQUIREMENTS)], check=True)
    # DuckDB looks for extensions in the home of whoever runs it: the emulator gets one of its own.
    code = f"from duckdb_extensions import import_extension; [import_extension(name) for name in {EXTENSIONS}]"
    subprocess.run([str(installed), "-c", code], check=True, env={**os.environ, "HOME": str(folder)})


def python_313() -> str | None:
    """A Python 3.13 that starts: this one, one on PATH or of pyenv, or one that uv knows."""
    versions = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    candidates = [sys.executable, "python3.13", *(str(path) for path in sorted(versions.glob("3.13*/bin/python3.13")))]
    uv = subprocess.run(
        [shutil.which("uv") or str(Path(sys.executable).with_name("uv")), "python", "find", "3.13"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return next((found for name in [*candidates, uv.stdout.strip()] if (found := _executable(name))), None)


def _executable(name: str) -> str | None:
    """Where a Python 3.13 is; a command that exists may still fail to start (pyenv shims)."""
    code = "import sys; print(sys.executable if sys.version_info[:2] == (3, 13) else '')"
    try:
        ran = subprocess.run([name or "false", "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return ran.stdout.strip() or None


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
