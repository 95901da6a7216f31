"""What people set against the engines in the tower: the forecast, and the service of items."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from fastapi import Request
from starlette.responses import JSONResponse, Response

from fivefold.api.tower_files import FilesDesk, Kept
from fivefold.api.tower_frame import Frame, html
from fivefold.cycle.one_item import look_at_overrides
from fivefold.cycle.service_policy import clear_levels, level_file
from fivefold.errors import NotFoundError
from fivefold.model import schema
from fivefold.web.tower import rendering
from fivefold.web.tower.rooms import forecast_changes, policy
from fivefold.web.tower.state import State
from fivefold.web.words import many


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """Changes of the forecast that were kept, and what stood before them."""

    item: str
    rows: pl.DataFrame
    state: State


class SettingsDesk:
    """Answers where people change the forecast or a policy: a table loaded like any other file."""

    def __init__(self, frame: Frame, files: FilesDesk) -> None:
        self._frame = frame
        self._files = files
        self._looks: Kept[_Look] = Kept(most=8)

    async def override(self, request: Request) -> Response:
        """Keep a change of the forecast as a table, loaded like any other file."""
        return await self._frame.acted(request, self._override)

    def _override(self, request: Request, body: Mapping[str, Any]) -> Response:
        try:
            content = forecast_changes.override_table(
                self._frame.state(request),
                body,
                author=self._frame.author(request),
                today=self._frame.company(request).today(),
            )
        except ValueError as error:
            return JSONResponse({"detail": f"Nothing was changed: {error}."}, 422)
        return self._overridden(request, str(body.get("item")), content)

    def _overridden(self, request: Request, item: str, content: bytes) -> Response:
        """Load changes of the forecast; say what they are worth, and where their orders come."""
        files = [(f"forecast_overrides-{secrets.token_hex(4)}.csv", content)]
        state = self._frame.state(request)
        problems = self._files.kept_whole(request, files)
        if problems:
            return JSONResponse({"detail": problems}, 422)
        rows = schema("forecast_overrides").frame(
            forecast_changes.overrides_of(content, state.dataset["forecast_overrides"])
        )
        look = _Look(item=item, rows=rows, state=state)
        name = self._looks.keep(self._frame.tenant(request), look)
        worth = forecast_changes.worth(state, rows)
        values = {"item": state.title(item), "worth": worth, "sign": state.sign}
        panel = rendering.render("orders_change.html", {**values, "waits": True})
        then = f"/demand/orders/{name}"
        return JSONResponse({"message": "Kept. Its orders follow.", "panel": panel, "then": then})

    def orders_of(self, request: Request, look: str) -> Response:
        """Return what changes that were kept do to the orders of their item."""
        found = self._looks.take(self._frame.tenant(request), look)
        if found is None:
            raise NotFoundError("what these changes do to orders was told before")
        state, item = found.state, found.item
        weeks = max(4, min(104, state.made["forecast_means"]["period_start"].n_unique()))
        told = look_at_overrides(
            state.dataset, item, found.rows, as_of=state.made.as_of, periods=weeks
        )
        values = {
            "item": state.title(item),
            "worth": forecast_changes.worth(state, found.rows),
            "sign": state.sign,
            "waits": False,
            "rows": told.changes.to_dicts(),
            "title": f"What this does to the orders of {state.title(item)}",
            "note": "Worked out for the item alone; Run plan weighs it against all others."
            + (
                f" {told.unserved_units:,.0f} units more go unserved."
                if told.unserved_units >= 1
                else ""
            ),
        }
        return html(request, rendering.render("orders_change.html", values))

    def edit_weeks(self, request: Request, body: Mapping[str, Any]) -> Response:
        """Keep weeks that were typed into, for a reason."""
        reason = str(body.get("reason") or "").strip()
        if not reason:
            return JSONResponse({"detail": "Say why: a change of the forecast has a reason."}, 422)
        edits, streams = [], set()
        for each in body.get("edits", []):
            item, place, start = str(each.get("key", "")).split("@")
            streams.add((item, place))
            text = str(each.get("to", "")).replace(",", "").strip()
            edits.append((date.fromisoformat(start), float(text) if text else None))
        if len(streams) != 1:
            return JSONResponse({"detail": "weeks of one stream are changed at a time"}, 422)
        ((item, place),) = streams
        content = forecast_changes.week_table(
            item,
            place,
            edits,
            reason=reason,
            author=self._frame.author(request),
            today=self._frame.company(request).today(),
        )
        return self._overridden(request, item, content)

    async def policy(self, request: Request) -> Response:
        """Keep a service level of items."""
        return await self._frame.acted(request, self._policy)

    def _policy(self, request: Request, body: Mapping[str, Any]) -> Response:
        state = self._frame.state_of(request, body)
        asked = policy.asked(state, {name: str(value) for name, value in body.items()})
        if body.get("do") == "clear":
            return self._cleared(request, asked.items)
        if asked.level is None:
            return JSONResponse({"detail": "Choose a service level from 50 to 99.9 per cent."}, 422)
        problems = self._files.kept_whole(request, [level_file(asked.items, asked.level)])
        if problems:
            return JSONResponse({"detail": problems}, 422)
        self._frame.look_for_news(request)
        told = (
            f"{asked.level:.1%} kept for {many(len(asked.items), 'item')}; the next plan holds it."
        )
        return JSONResponse({"message": told})

    def _cleared(self, request: Request, items: Sequence[str]) -> Response:
        company, actor = self._frame.company(request), self._frame.actor(request)
        with company.writing:
            left = clear_levels(company, items, actor=actor, as_of=company.today())
        self._frame.look_for_news(request)
        told = f"{many(len(items) - len(left), 'item')} left to margin; the next plan does so."
        if left:
            told += (
                f" The level of {', '.join(left[:3])} stands in your own files: change it there."
            )
        return JSONResponse({"message": told})
