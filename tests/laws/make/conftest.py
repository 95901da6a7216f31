"""The slow reference of requirements stands beside its benchmark."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
