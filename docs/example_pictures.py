"""Draw the pictures of the docs from the example seller.

python -m docs.example_pictures WORKSPACE
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from fivefold.cycle.workspace import Workspace
from fivefold.web.figures import forecast_figure, stock_figure

FOLDER = Path(__file__).parent / "pictures"


def draw(workspace: Path) -> None:
    """Draw every picture from the plan made last in a workspace of the example."""
    with Workspace(workspace, create=False) as store:
        plan = store.plan_named(None)
    sold = plan["forecast_means"].group_by("item", "location").agg(units=pl.col("units_mean").sum())
    item, location = sold.sort("units", "item", descending=[True, False]).row(0)[:2]
    forecast_figure(plan, item, location).save(FOLDER / "forecast.svg")
    stock_figure(plan, item, location).save(FOLDER / "stock.svg")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
