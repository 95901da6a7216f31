"""Legal plans and faults are made where the benchmark makes them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
