"""Who imports this module imports the libraries of the steps."""

from __future__ import annotations

from include.embedded.libraries import import_libraries

import_libraries()
