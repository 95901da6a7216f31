"""What was sent to fulfilment networks against what they received, and claims for the rest.

Both come from facts: moves that left here, receipts told here, and receipts in the marketplace's
own stock events, which name the shipment.

References
----------
.. [1] Missing units are paid back at the cost of sourcing since 2025, and claimed within 60 days
   (secondary: public notes on Seller Central, not an official page).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from fivefold.cycle.fulfilment import is_written
from fivefold.cycle.workspace import Workspace
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger import events

INBOUND_CLAIMED = "inbound.claimed"
#: Kinds of place that count what they receive themselves.
COUNTED_BY_OTHERS = ("fulfilment_network", "fulfilment_centre")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """When units that did not arrive are taken for missing.

    Parameters
    ----------
    settle_days : int
        Days after the expected arrival in which late receipts are still waited for. [assumed]
    window_days : int
        Days after the expected arrival within which a claim can be raised. [secondary]
    """

    settle_days: int = 21
    window_days: int = 60

    def __post_init__(self) -> None:
        if not 0 <= self.settle_days <= self.window_days:
            raise ValueError(
                f"settle_days must lie in 0 to window_days, found {self.settle_days} and "
                f"{self.window_days}"
            )


def reconcile(
    workspace: Workspace, *, as_of: date, rules: ClaimRules | None = None
) -> pl.DataFrame:
    """Return every line sent to a fulfilment network, with what was received and what is missing.

    Returns
    -------
    polars.DataFrame
        shipment, line, item, destination, shipped_on, expected_on, shipped, received, missing
        (units), value (missing units at cost; null where the cost is not known), state, claim_from,
        claim_until. State is `complete`, `in_transit`, `waiting` (late receipts may still
        come), `claimable`, `claimed` or `lapsed`.

    Notes
    -----
    Received is the greater of what was received in our books and what the marketplace's stock
    events tell for the shipment: an event is the same receipt seen from the other side.
    """
    rules = rules or ClaimRules()
    dataset = workspace.dataset(as_of=as_of)
    claimed = {
        (fact.subject, line["line"])
        for fact in workspace.recorded(INBOUND_CLAIMED)
        for line in fact.body["lines"]
    }
    networks = dataset["locations"].filter(pl.col("kind").is_in(COUNTED_BY_OTHERS))["location"]
    moves = dataset["supply_orders"].filter(
        (pl.col("kind") == "move")
        & pl.col("destination").is_in(networks.implode())
        & pl.col("shipped_on").is_not_null()
        & (pl.col("status") != "cancelled")
    )
    told = (
        dataset["stock_events"]
        .filter(pl.col("event_type") == "receipts")
        .group_by("item", shipment="reference")
        .agg(told=pl.col("quantity").sum())
    )
    costs = dataset["items"].select("item", "unit_cost")
    lines = (
        moves.rename({"order": "shipment", "quantity": "shipped"})
        .join(told, on=["shipment", "item"], how="left")
        .join(costs, on="item", how="left")
        .with_columns(
            received=pl.max_horizontal("quantity_received", pl.col("told").fill_null(0)),
            claim_from=pl.col("expected_on") + timedelta(days=rules.settle_days),
            claim_until=pl.col("expected_on") + timedelta(days=rules.window_days),
            claimed=pl.struct("shipment", "line").map_elements(
                lambda key: (key["shipment"], key["line"]) in claimed, return_dtype=pl.Boolean
            ),
        )
        .with_columns(missing=(pl.col("shipped") - pl.col("received")).clip(lower_bound=0))
    )
    return lines.select(
        "shipment",
        "line",
        "item",
        "destination",
        "shipped_on",
        "expected_on",
        "shipped",
        "received",
        "missing",
        value=pl.col("missing") * pl.col("unit_cost"),
        state=_state(as_of),
        claim_from="claim_from",
        claim_until="claim_until",
    ).sort("expected_on", "shipment", "line")


def _state(as_of: date) -> pl.Expr:
    return (
        pl.when(pl.col("missing") == 0)
        .then(pl.lit("complete"))
        .when("claimed")
        .then(pl.lit("claimed"))
        .when(pl.col("expected_on") >= as_of)
        .then(pl.lit("in_transit"))
        .when(pl.col("claim_from") > as_of)
        .then(pl.lit("waiting"))
        .when(pl.col("claim_until") >= as_of)
        .then(pl.lit("claimable"))
        .otherwise(pl.lit("lapsed"))
    )


def claim(
    workspace: Workspace,
    shipment: str,
    *,
    actor: str,
    on: date,
    rules: ClaimRules | None = None,
) -> pl.DataFrame:
    """Raise the claim for units of a shipment that did not arrive; return the lines claimed.

    The claim is a fact; the money is booked when the marketplace grants it. A line is claimed
    once.

    Raises
    ------
    NotFoundError
        If no such shipment was sent to a fulfilment network.
    ConflictError
        If nothing of it can be claimed on that day; the reason is told.
    """
    lines = reconcile(workspace, as_of=on, rules=rules).filter(pl.col("shipment") == shipment)
    if lines.height == 0:
        raise NotFoundError(f"no shipment {shipment!r} was sent to a fulfilment network")
    open_ones = lines.filter(pl.col("state") == "claimable")
    if open_ones.height == 0:
        raise ConflictError(f"nothing of {shipment} can be claimed on {on}: {_why_not(lines)}")
    key = f"claim:{shipment}:{','.join(map(str, open_ones['line'].to_list()))}"
    if not is_written(workspace.journal, key):
        workspace.journal.submit(
            events.record(
                key=key,
                actor=actor,
                effective_at=datetime.combine(on, time(12), tzinfo=UTC),
                kind=INBOUND_CLAIMED,
                subject=shipment,
                body={
                    "on": on.isoformat(),
                    "lines": open_ones.select("line", "item", "missing", "value").to_dicts(),
                },
            )
        )
    return open_ones.with_columns(state=pl.lit("claimed"))


def _why_not(lines: pl.DataFrame) -> str:
    states = lines["state"].unique().sort().to_list()
    if states == ["complete"]:
        return "all units were received"
    if "waiting" in states:
        first = lines.filter(pl.col("state") == "waiting")["claim_from"].sort()[0]
        return f"late receipts are waited for until {first}"
    if "in_transit" in states:
        return f"it is expected on {lines['expected_on'].sort()[-1]}"
    return f"its lines are {', '.join(states)}"
