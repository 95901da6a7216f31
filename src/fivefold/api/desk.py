"""Many requests' commands written together: one queue a company, one commit for all that wait.

A request waits without holding a thread, so a thousand of them share a few commits.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, replace
from datetime import datetime

from fivefold.api.bodies import Count, GoodsLine, Release, Reserve
from fivefold.api.companies import Company
from fivefold.api.problems import ProblemError
from fivefold.cycle.bookkeeping import at_noon
from fivefold.errors import FivefoldError
from fivefold.ledger import events
from fivefold.ledger.events import Command, Line
from fivefold.ledger.journal import BATCH, BusyError, Receipt

#: Commands that may wait here; one more is refused.
ROOM = 4096
#: How long the first of some commands waits for others to share its commit.
LINGER_SECONDS = 0.003

Asked = Reserve | Release | Count


@dataclass(slots=True)
class _Waiting:
    key: str
    actor: str
    asked: Asked
    answer: asyncio.Future[Receipt]
    loop: asyncio.AbstractEventLoop


class Desk:
    """Takes commands of requests for one company's journal."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._waiting: list[_Waiting] = []
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="desk", daemon=True)
        self._thread.start()

    async def submit(self, key: str, actor: str, asked: Asked) -> Receipt:
        """Return what became of a command, once it is durable.

        Raises
        ------
        BusyError
            If too many wait.
        ProblemError
            422, if the command cannot be right.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(key, actor, asked, loop.create_future(), loop)
        with self._wake:
            if len(self._waiting) >= ROOM or self._closing:
                raise BusyError(f"{len(self._waiting)} commands wait; try again later")
            self._waiting.append(waiting)
            # Whoever lingers is woken by its clock, or when a whole batch waits.
            if len(self._waiting) in (1, BATCH):
                self._wake.notify()
        return await waiting.answer

    def write(self, actor: str, asked: list[tuple[str, Asked]]) -> list[Receipt]:
        """Return what became of commands that one request brings, in order."""
        at = at_noon(self._company.today())
        built = [command_of(key, actor, one, at) for key, one in asked]
        return self._submitted(built)

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                if not self._waiting:
                    return
                if not self._closing:
                    # A moment's patience, so that one commit carries what comes together.
                    self._wake.wait_for(self._is_full, LINGER_SECONDS)
                taken, self._waiting = self._waiting, []
            answers = self._answers(taken)
            for loop in {id(one.loop): one.loop for one in taken}.values():
                mine = [
                    (one, found)
                    for one, found in zip(taken, answers, strict=True)
                    if one.loop is loop
                ]
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_tell, mine)

    def _is_full(self) -> bool:
        return self._closing or len(self._waiting) >= BATCH

    def _answers(self, taken: list[_Waiting]) -> list[Receipt | Exception]:
        answers: list[Receipt | Exception] = [BusyError("not written")] * len(taken)
        commands: list[Command] = []
        places: list[int] = []
        try:
            at = at_noon(self._company.today())
            for place, one in enumerate(taken):
                try:
                    commands.append(command_of(one.key, one.actor, one.asked, at))
                    places.append(place)
                except ProblemError as error:
                    answers[place] = error
            for place, receipt in zip(places, self._submitted(commands), strict=True):
                answers[place] = receipt
        except FivefoldError as error:
            return [found if isinstance(found, ProblemError) else error for found in answers]
        return answers

    def _submitted(self, commands: list[Command]) -> list[Receipt]:
        journal = self._company.journal
        receipts = journal.submit(commands, wait=True)
        for place, receipt in enumerate(receipts):
            # The same request on another day is the same request.
            if receipt.status == "conflict":
                before = journal.find(receipt.key)
                if replace(before, effective_at=commands[place].effective_at) == commands[place]:
                    receipts[place] = Receipt(receipt.key, "duplicate", receipt.seq)
        return receipts


def _tell(answered: list[tuple[_Waiting, Receipt | Exception]]) -> None:
    for waiting, found in answered:
        if waiting.answer.done():
            continue
        if isinstance(found, Exception):
            waiting.answer.set_exception(found)
        else:
            waiting.answer.set_result(found)


def command_of(key: str, actor: str, asked: Asked, at: datetime) -> Command:
    """Return the command a request asks for.

    Raises
    ------
    ProblemError
        422, if it cannot be right.
    """
    name = f"http:{key}"
    try:
        if isinstance(asked, Count):
            return events.stock_difference(
                key=name,
                actor=actor,
                effective_at=at,
                location=asked.location,
                item=asked.item,
                quantity=asked.quantity,
                lot=asked.lot,
                reason=asked.reason,
            )
        lines = [_line(line) for line in asked.lines]
        if isinstance(asked, Reserve):
            return events.reserve(
                key=name,
                actor=actor,
                effective_at=at,
                order=asked.order,
                location=asked.location,
                lines=lines,
                channel=asked.channel,
            )
        return events.release(
            key=name,
            actor=actor,
            effective_at=at,
            order=asked.order,
            location=asked.location,
            lines=lines,
        )
    except (ValueError, TypeError) as error:
        raise ProblemError(422, "invalid", str(error)) from None


def _line(line: GoodsLine) -> Line:
    return Line(item=line.item, quantity=line.quantity, lot=line.lot)


class Desks:
    """One desk a company, opened when first asked for."""

    def __init__(self) -> None:
        self._open: dict[str, Desk] = {}
        self._lock = threading.Lock()

    def of(self, company: Company) -> Desk:
        """Return a company's desk."""
        with self._lock:
            found = self._open.get(company.tenant)
            if found is None:
                found = self._open[company.tenant] = Desk(company)
            return found

    def close(self) -> None:
        """Write what waits at every desk."""
        with self._lock:
            for desk in self._open.values():
                desk.close()
            self._open.clear()
