"""What people set against the engines in the tower: the forecast, and the service of items."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse, Response

from fivefold.api.tower_files import FilesDesk
from fivefold.api.tower_frame import Frame
from fivefold.cycle.importing import import_files
from fivefold.cycle.one_item import look_at_overrides
from fivefold.cycle.service_policy import level_table
from fivefold.model import schema
from fivefold.web.tower import rendering
from fivefold.web.tower.rooms import demand, policy
from fivefold.web.words import many


class SettingsDesk:
    """Answers where people change the forecast or a policy: a table loaded like any other file."""

    def __init__(self, frame: Frame, files: FilesDesk) -> None:
        self._frame = frame
        self._files = files

    async def override(self, request: Request) -> Response:
        """Keep a change of the forecast as a table, loaded like any other file."""
        return await self._frame.acted(request, self._override)

    def _override(self, request: Request, body: Mapping[str, Any]) -> Response:
        try:
            content = demand.override_table(
                self._frame.state(request),
                body,
                author=self._frame.author(request),
                today=self._frame.company(request).today(),
            )
        except ValueError as error:
            return JSONResponse({"detail": f"Nothing was changed: {error}."}, 422)
        return self._overridden(request, str(body.get("item")), content)

    def _overridden(self, request: Request, item: str, content: bytes) -> Response:
        """Load changes of the forecast, and say what they do to the orders of the item."""
        files = [(f"forecast_overrides-{secrets.token_hex(4)}.csv", content)]
        company, actor = self._frame.company(request), self._frame.actor(request)
        day = company.today()
        looked = import_files(company, files, actor=actor, as_of=day, dry_run=True)
        problems = [str(p.message) for each in looked.files for p in each.problems]
        if looked.has_errors or looked.files[0].status != "loaded":
            return JSONResponse({"detail": "; ".join(problems) or "it was not understood"}, 422)
        state = self._frame.state(request)
        rows = schema("forecast_overrides").frame(
            demand.overrides_of(content, state.dataset["forecast_overrides"])
        )
        weeks = max(4, min(104, state.made["forecast_means"]["period_start"].n_unique()))
        told = look_at_overrides(state.dataset, item, rows, as_of=state.made.as_of, periods=weeks)
        self._files.import_now(request, files)
        values = {
            "rows": told.changes.to_dicts(),
            "title": f"What this does to the orders of {state.title(item)}",
            "note": "Worked out for the item alone; Run plan weighs it against all others."
            + (
                f" {told.unserved_units:,.0f} units more go unserved."
                if told.unserved_units >= 1
                else ""
            ),
        }
        panel = rendering.render("orders_change.html", values)
        count = told.changes.height
        words_ = f"Kept. {many(count, 'order')} of it {'changes' if count == 1 else 'change'}."
        return JSONResponse({"message": words_, "panel": panel})

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
        content = demand.week_table(
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
        if asked.level is None:
            return JSONResponse({"detail": "Choose a service level from 50 to 99.9 per cent."}, 422)
        content = level_table(asked.items, asked.level)
        files = [(f"items-service-{secrets.token_hex(4)}.csv", content)]
        self._files.import_now(request, files)
        told = (
            f"{asked.level:.1%} kept for {many(len(asked.items), 'item')}; the next plan holds it."
        )
        return JSONResponse({"message": told})
