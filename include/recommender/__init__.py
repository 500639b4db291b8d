"""What is recommended, and how."""

import os

# OpenMP threads that wait sleep instead of spinning: where tasks share cores, training took up to seven times longer.
# It is read when the library is loaded, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
