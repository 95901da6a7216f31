"""A client for the API: each use case a method, tables as polars frames, errors as exceptions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from types import TracebackType
from typing import Any

import httpx
import polars as pl

from fivefold.errors import FivefoldError

#: Statuses after which the same request may be sent again.
_AGAIN = (429, 503)


class ApiError(FivefoldError):
    """The server refused a request.

    Attributes
    ----------
    status : int
    code : str
        Fixed word of the problem.
    problem : dict
        The whole problem object.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        self.problem = dict(problem)
        super().__init__(f"{status} {self.code}: {problem.get('detail', '')}")


class Client:
    """Asks one server as one caller. A request that writes carries a key of its own.

    Parameters
    ----------
    url : str
        Where the server is.
    token : str
    http : httpx.Client, optional
        Another transport, such as a test's.
    tries : int
        How often a request is sent while the server is busy.

    Examples
    --------
    >>> with Client("http://127.0.0.1:8765", "fft_…") as fivefold:  # doctest: +SKIP
    ...     plan = fivefold.plan(periods=26)
    ...     fivefold.rows("purchase_orders", plan=plan["plan"])
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8765",
        token: str = "",
        *,
        http: httpx.Client | None = None,
        tries: int = 5,
    ) -> None:
        self._http = http or httpx.Client(base_url=url, timeout=60.0)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._tries = tries

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def request(
        self, method: str, path: str, *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Return the answer to a request below /api/v1.

        Raises
        ------
        ApiError
            If the server refuses it.
        """
        headers = {**self._headers, **more.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        for attempt in range(1, self._tries + 1):
            answer = self._http.request(method, f"/api/v1{path}", headers=headers, **more)
            if answer.status_code not in _AGAIN or attempt == self._tries:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)) * attempt)
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, _problem(answer))
        return answer

    def _json(self, method: str, path: str, **more: Any) -> Any:
        return self.request(method, path, **more).json()

    def session(self) -> dict[str, Any]:
        """Return who one is to the server."""
        return dict(self._json("GET", "/session"))

    def tables(self) -> list[dict[str, Any]]:
        """Return the input tables with what they hold."""
        return list(self._json("GET", "/tables"))

    def rows(
        self,
        table: str,
        *,
        plan: str | None = None,
        where: Iterable[str] = (),
        sort: str = "",
        page_rows: int = 10_000,
    ) -> pl.DataFrame:
        """Return a table, of a plan where one is named, as a frame; all pages of it.

        Days and instants are text, as the server writes them.
        """
        path = f"/plans/{plan}/tables/{table}/rows" if plan else f"/tables/{table}/rows"
        parts: list[pl.DataFrame] = []
        offset = 0
        while True:
            found = self._json(
                "GET",
                path,
                params={
                    "where": list(where),
                    "sort": sort,
                    "form": "columns",
                    "offset": offset,
                    "limit": page_rows,
                },
            )
            parts.append(pl.DataFrame(found["columns"], infer_schema_length=None))
            offset += page_rows
            if offset >= found["count"]:
                return pl.concat(parts, how="vertical_relaxed")

    def import_files(
        self,
        files: Iterable[tuple[str, bytes]],
        *,
        dry_run: bool = False,
        skip_bad_rows: bool = False,
        changes_only: bool = False,
    ) -> dict[str, Any]:
        """Import files and return what became of each; a dry run tells the cells that change."""
        job = self._json(
            "POST",
            "/imports",
            params={
                "dry_run": dry_run,
                "skip_bad_rows": skip_bad_rows,
                "changes_only": changes_only,
            },
            files=[("files", (name, content)) for name, content in files],
        )
        return self.result(job["job"])

    def files(self) -> list[dict[str, Any]]:
        """Return the imported files in the order of their import."""
        return list(self._json("GET", "/files"))

    def undo_import(self, sha256: str = "last") -> list[str]:
        """Take a file back by its hash, or all files of the last import; return their names."""
        return list(self._json("DELETE", f"/files/{sha256}")["undone"])

    def suggest_mapping(self, header: Iterable[str], *, table: str | None = None) -> dict[str, Any]:
        """Return which table a header may be and what its columns may stand for."""
        body = _written({"header": list(header), "table": table})
        return dict(self._json("POST", "/mappings/suggestion", json=body))

    def remember_mapping(
        self, header: Iterable[str], table: str, columns: Mapping[str, str]
    ) -> dict[str, Any]:
        """Say what a header means, once and for all files that have it."""
        body = {"header": list(header), "table": table, "columns": dict(columns)}
        return dict(self._json("POST", "/mappings", json=body))

    def mappings(self) -> list[dict[str, Any]]:
        """Return what headers were said to mean."""
        return list(self._json("GET", "/mappings"))

    def forget_mapping(self, mapping: str) -> None:
        """Forget what a header means."""
        self.request("DELETE", f"/mappings/{mapping}")

    def template(self, *tables: str) -> bytes:
        """Return an Excel workbook to fill in, for all input tables or some."""
        return self.request("GET", "/template", params={"table": list(tables)}).content

    def export(self, *tables: str, file_format: str = "xlsx") -> bytes:
        """Return tables as a workbook, or one as `csv` or `parquet`."""
        params = {"table": list(tables), "format": file_format}
        return self.request("GET", "/export", params=params).content

    def plans(self) -> list[dict[str, Any]]:
        """Return the heads of all plans, the newest first."""
        return list(self._json("GET", "/plans"))

    def show(self, plan: str = "latest") -> dict[str, Any]:
        """Return what a plan says in figures."""
        return dict(self._json("GET", f"/plans/{plan}"))

    def check(self, plan: str = "latest") -> dict[str, Any]:
        """Return which rules a plan breaks, checked anew."""
        return dict(self._json("GET", f"/plans/{plan}/check"))

    def changes(self, plan: str = "latest", *, since: str = "") -> dict[str, Any]:
        """Return what differs in the decisions of two plans."""
        return dict(self._json("GET", f"/plans/{plan}/changes", params={"since": since}))

    def forecast(
        self, series: pl.DataFrame, *, horizon: int | None = None, season: int | None = None
    ) -> pl.DataFrame:
        """Forecast series of columns series, date, value; return quantiles."""
        points = [
            {"series": name, "date": day.isoformat(), "value": value}
            for name, day, value in series.select("series", "date", "value").iter_rows()
        ]
        body = _written({"points": points, "horizon": horizon, "season": season})
        return pl.DataFrame(self._json("POST", "/forecasts", json=body)["rows"])

    def change_rows(
        self, table: str, rows: list[dict[str, Any]], *, reason: str = "", dry_run: bool = False
    ) -> dict[str, Any]:
        """Write rows into an input table by their key."""
        body = {"rows": rows, "reason": reason, "dry_run": dry_run}
        return dict(self._json("PATCH", f"/tables/{table}/rows", json=body))

    def plan(
        self, *, progress: Callable[[str, float], None] | None = None, **params: Any
    ) -> dict[str, Any]:
        """Make a plan and return it; params as `periods`, `demand_factor`, `budget`."""
        job = self._json("POST", "/plans", json=_written(params))
        return self.result(job["job"], progress=progress)

    def prove(
        self,
        plan: str = "latest",
        *,
        progress: Callable[[str, float], None] | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """Play a plan in the twin and return its figures."""
        job = self._json("POST", f"/plans/{plan}/proof", json=params)
        return self.result(job["job"], progress=progress)

    def what_if(
        self,
        *changes: str,
        plan: str = "latest",
        keep: bool = False,
        progress: Callable[[str, float], None] | None = None,
    ) -> dict[str, Any]:
        """Return what changes such as `demand=+60%` would do to a plan, and what to do."""
        body = {"changes": list(changes), "plan": plan, "keep": keep}
        return self.result(self._json("POST", "/what-ifs", json=body)["job"], progress=progress)

    def scenarios(self) -> list[dict[str, Any]]:
        """Return the scenarios that stand, with how their plans were played last."""
        return list(self._json("GET", "/scenarios"))

    def scenario(self, name: str) -> dict[str, Any]:
        """Return a scenario: its differences, who made it and why."""
        return dict(self._json("GET", f"/scenarios/{name}"))

    def new_scenario(
        self, name: str, *changes: str, reason: str = "", on: str = ""
    ) -> dict[str, Any]:
        """Make a scenario: differences from a plan or from another scenario, under a name."""
        body = {"name": name, "changes": list(changes), "reason": reason}
        return dict(self._json("POST", "/scenarios", json=body | ({"on": on} if on else {})))

    def plan_scenario(
        self, name: str, *, progress: Callable[[str, float], None] | None = None
    ) -> dict[str, Any]:
        """Plan a scenario in full and keep the plan."""
        job = self._json("POST", f"/scenarios/{name}/plan")["job"]
        return self.result(job, progress=progress)

    def compare(
        self,
        *names: str,
        progress: Callable[[str, float], None] | None = None,
        **params: int,
    ) -> dict[str, Any]:
        """Play scenarios on the same luck; params are `days`, `replications`, `seed`."""
        job = self._json("POST", "/comparisons", json={"names": list(names), **params})["job"]
        return self.result(job, progress=progress)

    def merge_scenario(self, name: str, *, reason: str) -> dict[str, Any]:
        """Make the differences of a scenario data."""
        return dict(self._json("POST", f"/scenarios/{name}/merge", json={"reason": reason}))

    def drop_scenario(self, name: str, *, reason: str = "") -> dict[str, Any]:
        """Drop a scenario; its name is free again."""
        return dict(self._json("POST", f"/scenarios/{name}/drop", json={"reason": reason}))

    def review(
        self,
        plan: str = "latest",
        *,
        scenarios: Mapping[str, Iterable[str]] | None = None,
        progress: Callable[[str, float], None] | None = None,
        **params: int,
    ) -> dict[str, Any]:
        """Review a plan beside scenarios and return the review; params as `replications`."""
        body: dict[str, Any] = dict(params)
        if scenarios is not None:
            body["scenarios"] = {name: list(changes) for name, changes in scenarios.items()}
        told = self.result(
            self._json("POST", f"/plans/{plan}/review", json=body)["job"], progress=progress
        )
        return dict(self._json("GET", f"/plans/{told['plan']}/review"))

    def review_pack(self, plan: str = "latest") -> str:
        """Return the pack of the review kept of a plan, as one page of HTML."""
        return self.request("GET", f"/plans/{plan}/review.html").text

    def care_figures(self, *, item: str = "", days: int = 365) -> dict[str, Any]:
        """Return how satisfied customers are and what their cases cost."""
        params = {"item": item, "days": days}
        return dict(self._json("GET", "/care/figures", params=params))

    def accept(self, plan: str = "latest", *, release_days: int = 7) -> dict[str, Any]:
        """Accept a plan."""
        body = {"release_days": release_days}
        return dict(self._json("POST", f"/plans/{plan}/acceptance", json=body))

    def why(self, name: str, *, plan: str = "latest") -> dict[str, Any]:
        """Return why something was decided."""
        return dict(self._json("GET", f"/plans/{plan}/why/{name}"))

    def measures(self, *, days: int = 91) -> list[dict[str, Any]]:
        """Return the figures of the loop."""
        return list(self._json("GET", "/measures", params={"days": days})["measures"])

    def order(
        self, lines: list[dict[str, Any]], *, key: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Take a customer order; give a key of your own to be able to ask again."""
        body = _written({"lines": lines, **more})
        return dict(self._json("POST", "/orders", json=body, key=key or _key()))

    def ship(self, order: str) -> dict[str, Any]:
        """Ship what is reserved for an order."""
        return dict(self._json("POST", f"/orders/{order}/shipment", json={}))

    def receive(
        self, order: str, quantities: Mapping[str, int] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Receive goods of a supply order: all that is open, or units by item."""
        body = _written({"quantities": quantities, **more})
        path = f"/supply-orders/{order}/receipts"
        return dict(self._json("POST", path, json=body, key=_key()))

    def take_back(self, return_id: str, item: str, **more: Any) -> dict[str, Any]:
        """Take a return in."""
        body = _written({"item": item, **more})
        return dict(self._json("PUT", f"/returns/{return_id}", json=body))

    def supply_order(self, order: str) -> tuple[dict[str, Any], str]:
        """Return a supply order and the mark of its version."""
        answer = self.request("GET", f"/supply-orders/{order}")
        return dict(answer.json()), answer.headers["etag"]

    def change_supply_order(
        self, order: str, lines: list[dict[str, Any]], *, seen: str, reason: str = ""
    ) -> dict[str, Any]:
        """Change a supply order of the version `seen`; an `ApiError` 412 tells what changed."""
        body = {"lines": [_written(line) for line in lines], "reason": reason}
        headers = {"If-Match": seen}
        return dict(self._json("PATCH", f"/supply-orders/{order}", json=body, headers=headers))

    def command(self, command: Mapping[str, Any], *, key: str | None = None) -> dict[str, Any]:
        """Write one command into the books; give a key of your own to be able to ask again."""
        return dict(self._json("POST", "/ledger/commands", json=dict(command), key=key or _key()))

    def channels(self) -> dict[str, Any]:
        """Return every item's channels side by side: fees, margin, the one that pays."""
        return dict(self._json("GET", "/channels/comparison"))

    def item_channels(self, item: str) -> dict[str, Any]:
        """Return one item's channels, fee by fee."""
        return dict(self._json("GET", f"/channels/items/{item}"))

    def inbound_shipments(self, *, weeks: int = 2) -> dict[str, Any]:
        """Return what to send in over the next weeks."""
        return dict(self._json("GET", "/inbound/shipments", params={"weeks": weeks}))

    def goods(self) -> list[dict[str, Any]]:
        """Return units owned by item and location."""
        return list(self._json("GET", "/ledger/goods", params={"limit": 10_000})["rows"])

    def contribution(self, by: str = "item") -> list[dict[str, Any]]:
        """Return what each item, channel or order brought and cost."""
        params = {"by": by, "limit": 10_000}
        return list(self._json("GET", "/ledger/contribution", params=params)["rows"])

    def trial_balance(self) -> dict[str, Any]:
        """Return the trial balance."""
        return dict(self._json("GET", "/ledger/trial-balance"))

    def verify(self) -> dict[str, Any]:
        """Have the books folded anew and return what was found."""
        return self.result(self._json("POST", "/ledger/verification")["job"])

    def report(self, plan: str = "latest") -> bytes:
        """Return a plan's report and workbook as one zip file."""
        return self.request("GET", f"/plans/{plan}/report").content

    def cancel(self, job: str) -> dict[str, Any]:
        """End a job."""
        return dict(self._json("DELETE", f"/jobs/{job}"))

    def events(self, job: str) -> Iterator[dict[str, Any]]:
        """Yield a job's changes as they come, until it ends."""
        with self._http.stream(
            "GET", f"/api/v1/jobs/{job}/events", headers=self._headers, timeout=None
        ) as told:
            if told.status_code >= 400:
                told.read()
                raise ApiError(told.status_code, _problem(told))
            for line in told.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def result(
        self, job: str, *, progress: Callable[[str, float], None] | None = None
    ) -> dict[str, Any]:
        """Wait for a job and return its result.

        Raises
        ------
        ApiError
            If it failed or was cancelled.
        """
        for change in self.events(job):
            if progress is not None and change.get("step"):
                progress(change["step"], change["share"])
        ended = self._json("GET", f"/jobs/{job}")
        if ended["state"] != "done":
            told = ended["problem"] or {"status": 409, "code": ended["state"], "detail": job}
            raise ApiError(int(told["status"]), told)
        return dict(ended["result"])


def _key() -> str:
    return uuid.uuid4().hex


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON takes them, days as text, what is absent left out."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in values.items()
        if value is not None
    }


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        return dict(answer.json())
    except ValueError:
        return {"detail": answer.text[:300]}
