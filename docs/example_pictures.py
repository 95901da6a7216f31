"""Draw the pictures of the docs from the example seller.

python -m docs.example_pictures WORKSPACE
"""

from __future__ import annotations

import sys
from pathlib import Path

from fivefold.cycle.workspace import Workspace
from fivefold.web.figures import forecast_figure, stock_figure

FOLDER = Path(__file__).parent / "pictures"
_ITEM = "KI-1000"


def draw(workspace: Path) -> None:
    """Draw every picture from the plan made last in a workspace of the example."""
    with Workspace(workspace, create=False) as store:
        plan = store.plan_named(None)
    forecast_figure(plan, _ITEM).save(FOLDER / "forecast.svg")
    stock_figure(plan, _ITEM, "WH1").save(FOLDER / "stock.svg")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
