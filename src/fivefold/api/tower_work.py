"""Work on its machines in the tower: looked at, moved, moved back, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse, Response

from fivefold.api.tower_frame import Frame, html
from fivefold.cycle import adjusting
from fivefold.web.tower import rendering
from fivefold.web.tower.rooms import work
from fivefold.web.words import many


class WorkDesk:
    """Answers for the board of work."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def look_at_move(self, request: Request) -> Response:
        """Say what would follow where work were put elsewhere."""
        return await self._frame.acted(request, self._look_at_move)

    def _look_at_move(self, request: Request, body: Mapping[str, Any]) -> Response:
        state = self._frame.state_of(request, body)
        starts = _starts(body)
        told = adjusting.look_at_move(state.workspace, state.made, starts, dataset=state.dataset)
        values = {"told": work.consequence(state, told, starts)}
        return html(request, rendering.render("consequence.html", values))

    async def move(self, request: Request) -> Response:
        """Put work elsewhere, and freeze it there where that is asked."""
        return await self._frame.acted(request, self._move)

    def _move(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, state = self._frame.company(request), self._frame.state_of(request, body)
        starts, actor = _starts(body), self._frame.actor(request)
        with company.writing:
            told = adjusting.move(company, state.made, starts, dataset=state.dataset, actor=actor)
            if body.get("freeze"):
                adjusting.freeze(company, state.made, starts, frozen=True, actor=actor)
        undo = {order: at.isoformat() for order, at in told.undo.items()}
        words_ = f"{many(len(told.moved), 'work order')} moved" + (
            " and frozen." if body.get("freeze") else ". Undo takes it back."
        )
        return JSONResponse({"message": words_, "undo": undo})

    async def move_back(self, request: Request) -> Response:
        """Take back a move."""
        return await self._frame.acted(request, self._move_back)

    def _move_back(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, state = self._frame.company(request), self._frame.state_of(request, body)
        with company.writing:
            names = adjusting.restore(
                company, state.made, _starts(body), actor=self._frame.actor(request)
            )
        return JSONResponse({"message": f"{many(len(names), 'work order')} back where it was."})

    async def freeze(self, request: Request) -> Response:
        """Make work stand fast, or free it."""
        return await self._frame.acted(request, self._freeze)

    def _freeze(self, request: Request, body: Mapping[str, Any]) -> Response:
        company, state = self._frame.company(request), self._frame.state_of(request, body)
        frozen = body.get("frozen") is not False
        with company.writing:
            names = adjusting.freeze(
                company,
                state.made,
                [str(name) for name in body.get("orders", [])],
                frozen=frozen,
                actor=self._frame.actor(request),
            )
        does = "frozen" if frozen else "free again"
        return JSONResponse({"message": f"{many(len(names), 'work order')} {does}."})


def _starts(body: Mapping[str, Any]) -> dict[str, datetime]:
    """Return wanted starts by order.

    Raises
    ------
    ValueError
        If one is no instant with its zone.
    """
    told = body.get("starts")
    if not isinstance(told, dict) or not told:
        raise ValueError("starts is missing: an instant for each work order")
    found = {str(order): datetime.fromisoformat(str(at)) for order, at in told.items()}
    if any(at.tzinfo is None for at in found.values()):
        raise ValueError("a start needs its zone, as in 2026-12-01T16:00:00Z")
    return {order: at.astimezone(UTC) for order, at in found.items()}
