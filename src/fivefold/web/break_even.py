"""The curves of two channels and the points where they draw level."""

from __future__ import annotations

from fivefold.deliver.break_even import BreakEven
from fivefold.web.charts import curves
from fivefold.web.drawing import Figure

_NAMES = {"price": "price", "days_held": "days in stock", "return_share": "share that comes back"}


def break_even_chart(found: BreakEven, width: int = 560) -> Figure:
    """Return contribution along the lever, a line a channel."""
    values = found.curves["value"].unique().sort().to_list()
    series = {
        str(channel): rows.sort("value")["contribution"].to_list()
        for (channel,), rows in found.curves.partition_by(
            "channel", as_dict=True, maintain_order=True
        ).items()
    }
    marks = {
        one.value: f"below {one.value:,.3g} {one.better_below}, above it {one.better_above}"
        for one in found.crossings
    }
    return curves(
        title=f"{found.item}: contribution a unit by {_NAMES[found.lever]}",
        values=values,
        series=series,
        today=found.today,
        crossings=marks,
        width=width,
    )
