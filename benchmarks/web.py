"""The server: CPU of a read, durable writes a second through HTTP, no answer 5xx.

A real server in a process of its own over the example seller; its CPU is read from its own
clock, HTTP parsing and writing included. Reads are what a grid, a home page and a trace ask
for, one after the other, a tenth of them after the books have moved. Writes are reservations,
one a request, each with its own key, over keep-alive connections; each is answered when it is
on the disk.

A grid is opened over a table of orders of a million rows (a hundred thousand when quick): its
first page, one from the middle, one sorted, and the writing of one row.

Suites: all, reads, writes, grid. Figures of the browser come from `benchmarks/_browser.py`;
they are null where there is no Chromium.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl

from benchmarks._form import Measured, Options, run

BROWSER = (
    "first_load_kb",
    "load_cpu_ms",
    "scroll_cpu_ms_per_frame",
    "grid_page_rows",
    "grid_page_cpu_ms",
)
CONNECTIONS = 64
#: 1 January 2025, in seconds.
_START = 1_735_689_600
_SERVER = """
import sys, uvicorn
from pathlib import Path
from fivefold.api.app import create_app
uvicorn.run(create_app(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]),
            log_level="error", access_log=False, server_header=False, timeout_keep_alive=60)
"""
READS = (
    "/tables",
    "/tables/items/rows?limit=200&form=columns",
    "/tables/orders/rows?limit=100&form=columns",
    "/tables/orders/rows?offset=100000&limit=100&sort=-ordered_at&form=columns",
    "/tables/orders/rows?where=quantity:gt:2&limit=100",
    "/tables/orders/rows?search=15&limit=50",
    "/tables/supply_orders/rows?sort=expected_on&limit=200",
    "/tables/stock_daily/rows?offset=200000&limit=500&form=columns",
    "/files",
    "/plans",
    "/jobs",
    "/session",
    "/ledger/goods?limit=500&form=columns",
    "/ledger/trial-balance",
    "/ledger/money?limit=500&form=columns",
)
PLAN_READS = (
    "/plans/latest",
    "/plans/latest/tables/supply_plan/rows?limit=200&form=columns",
    "/plans/latest/tables/projected_stock/rows?limit=500&sort=period_start&form=columns",
    "/plans/latest/tables/forecasts/rows?offset=100000&limit=500&form=columns",
    "/plans/latest/why/{item}",
    "/measures",
)


def workspace(folder: Path, *, with_plan: bool) -> None:
    """Build the example seller in a folder."""
    from fivefold.cycle.importing import import_files
    from fivefold.cycle.planning import plan
    from fivefold.cycle.workspace import Workspace
    from fivefold.twin.companies.seller import AS_OF, write_company

    paths = write_company(folder / "files")
    with Workspace(folder) as store:
        files = [(path.name, path.read_bytes()) for path in paths]
        import_files(store, files, actor="bench", as_of=AS_OF)
        if with_plan:
            day = store.imported().plan_date() or AS_OF
            store.plans.save(plan(store.dataset(as_of=day), as_of=day))


@dataclass
class Server:
    """A server that runs: where, with which token, and what it has used."""

    url: str
    token: str
    process: subprocess.Popen[bytes]
    statuses: dict[int, int] = field(default_factory=dict)

    def cpu_seconds(self) -> float:
        """Return the CPU the server has used, from its own clock; NaN where it cannot be read."""
        if not sys.platform.startswith("linux"):
            return float("nan")
        # The kernel's name of another process's CPU clock, see clock_getcpuclockid(3).
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def count(self, status: int) -> None:
        """Count an answer."""
        self.statuses[status] = self.statuses.get(status, 0) + 1


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Serve a workspace until the block ends."""
    from fivefold.api.access import OWN, Access

    access = Access(folder / "access.db")
    token, _ = access.new_token(OWN, "admin", label="bench")
    access.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(folder), str(port)])
    server = Server(url=f"http://127.0.0.1:{port}", token=token, process=process)
    try:
        _wait_until_up(server)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_up(server: Server) -> None:
    for _ in range(600):
        try:
            httpx.get(f"{server.url}/api/v1/health")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not come up within a minute")


def reads(server: Server, *, rounds: int, seconds: float, with_plan: bool) -> list[dict[str, Any]]:
    """Return CPU milliseconds of each read."""
    rows: list[dict[str, Any]] = []
    headers = {"Authorization": f"Bearer {server.token}"}
    until = time.perf_counter() + seconds
    with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=60) as client:
        item = client.get("/tables/items/rows?limit=1").json()["rows"][0]["item"]
        paths = [p.replace("{item}", item) for p in READS + (PLAN_READS if with_plan else ())]
        for number in range(rounds):
            if number >= 2 and time.perf_counter() > until:
                break
            moved = number % 10 == 9
            if moved:
                _move(client, number)
            for path in paths:
                before = server.cpu_seconds()
                answer = client.get(path)
                used = (server.cpu_seconds() - before) * 1000
                server.count(answer.status_code)
                rows.append(
                    {"path": path, "round": number, "after_write": moved, "cpu_ms": used,
                     "kb": len(answer.content) / 1024}
                )  # fmt: skip
    return rows


def _move(client: httpx.Client, number: int) -> None:
    body = {"kind": "count", "location": "WH1", "item": "BENCH", "quantity": 1}
    headers = {"Idempotency-Key": f"move-{number}-{os.getpid()}"}
    client.post("/ledger/commands", json=body, headers=headers).raise_for_status()


async def _connection(server: Server, requests: Iterator[bytes], until: float) -> int:
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    written = 0
    try:
        while time.perf_counter() < until:
            writer.write(next(requests))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            status = int(head[9:12])
            server.count(status)
            written += status == 201
    finally:
        writer.close()
    return written


def _requests(server: Server, mark: str) -> Iterator[bytes]:
    host = server.url.removeprefix("http://")
    number = 0
    while True:
        number += 1
        command = {
            "kind": "reserve",
            "order": f"{mark}-{number}",
            "location": "WH1",
            "lines": [{"item": "BENCH", "quantity": 1}],
        }
        body = json.dumps(command).encode()
        head = (
            f"POST /api/v1/ledger/commands HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {server.token}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {mark}-{number}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


async def writes(server: Server, seconds: float) -> dict[str, Any]:
    """Return how many reservations were durable, in how many seconds of which kind."""
    headers = {"Authorization": f"Bearer {server.token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
        stock = {"kind": "count", "location": "WH1", "item": "BENCH", "quantity": 10**8}
        answer = await client.post(
            "/api/v1/ledger/commands", json=stock, headers={"Idempotency-Key": "bench-stock"}
        )
        answer.raise_for_status()
    cpu, own, started = server.cpu_seconds(), time.process_time(), time.perf_counter()
    until = started + seconds
    done = await asyncio.gather(
        *(_connection(server, _requests(server, f"c{n}"), until) for n in range(CONNECTIONS))
    )
    wall = time.perf_counter() - started
    return {
        "case": "reservations",
        "connections": CONNECTIONS,
        "written": sum(done),
        "wall_s": wall,
        "server_cpu_s": server.cpu_seconds() - cpu,
        "client_cpu_s": time.process_time() - own,
    }


GRID_READS = {
    "open": "/grid/orders?offset=0&limit=200",
    "middle": "/grid/orders?offset=50000&limit=200",
    "sorted": "/grid/orders?offset=0&limit=200&sort=-ordered_at",
    "api": "/api/v1/tables/orders/rows?offset=90000&limit=200&form=columns",
}


def large_workspace(folder: Path, rows: int, seed: int) -> None:
    """Build a workspace whose orders have this many rows."""
    from fivefold.connect import write_parquet
    from fivefold.cycle.importing import import_files
    from fivefold.cycle.workspace import Workspace

    rng = np.random.default_rng(seed)
    items = [f"SKU-{number:05d}" for number in range(2_000)]
    orders = pl.DataFrame(
        {
            "order": [f"S{number:08d}" for number in range(rows)],
            "line": 1,
            "item": rng.choice(items, rows),
            "quantity": rng.integers(1, 9, rows),
            "channel": "FBM",
            "ordered_at": pl.Series(
                (_START + rng.integers(0, 700 * 86_400, rows)) * 1_000_000
            ).cast(pl.Datetime("us", "UTC")),
        }
    )
    place = pl.DataFrame({"location": ["WH1"], "kind": ["warehouse"]})
    channel = pl.DataFrame({"channel": ["FBM"], "kind": ["fbm"], "location": ["WH1"]})
    tables = {
        "items": pl.DataFrame({"item": items}),
        "locations": place,
        "channels": channel,
        "orders": orders,
    }
    files = [(f"{name}.parquet", write_parquet(frame)) for name, frame in tables.items()]
    with Workspace(folder) as store:
        report = import_files(store, files, actor="bench", as_of=date(2026, 11, 22))
    assert not report.has_errors, report


def large_grid(options: Options) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return CPU of the server for a grid over many rows: opened, paged, sorted, edited."""
    count = 100_000 if options.quick else 1_000_000
    folder = Path(tempfile.mkdtemp(prefix="fivefold-grid-"))
    rows: list[dict[str, Any]] = []
    try:
        large_workspace(folder, count, options.seed)
        with served(folder) as server:
            headers = {"Authorization": f"Bearer {server.token}"}
            with httpx.Client(base_url=server.url, headers=headers, timeout=120) as client:
                for what, path in GRID_READS.items():
                    rows.append(
                        {"case": f"grid {what}", "rows": count, **_used(server, client, path)}
                    )
                edits = [_edited(server, client, number) for number in range(8)]
            errors = sum(n for status, n in server.statuses.items() if status >= 400)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    opened = {row["case"]: row["cpu_ms"] for row in rows}
    return {
        "grid_rows": count,
        "grid_open_cpu_ms": opened["grid open"],
        "grid_middle_cpu_ms": opened["grid middle"],
        "grid_edit_first_cpu_ms": edits[0],
        "grid_edit_cpu_ms": float(np.median(edits[1:])),
        "grid_errors": errors,
    }, rows


def _used(server: Server, client: httpx.Client, path: str) -> dict[str, Any]:
    before = server.cpu_seconds()
    answer = client.get(path)
    server.count(answer.status_code)
    return {"cpu_ms": (server.cpu_seconds() - before) * 1000, "kb": len(answer.content) / 1024}


def _edited(server: Server, client: httpx.Client, number: int) -> float:
    body = {"rows": [{"order": f"S{number * 10_001:08d}", "line": 1, "quantity": 7 + number}]}
    before = server.cpu_seconds()
    answer = client.patch("/api/v1/tables/orders/rows", json=body)
    server.count(answer.status_code)
    return (server.cpu_seconds() - before) * 1000


def _browser(server: Server) -> dict[str, Any]:
    if find_spec("benchmarks._browser") is None:
        return dict.fromkeys(BROWSER)
    found = import_module("benchmarks._browser").measure(server.url, server.token)
    return {name: found.get(name) for name in BROWSER}


def measure(options: Options) -> Measured:
    """Measure reads, writes and the browser over one server."""
    if options.suite == "grid":
        summary, rows = large_grid(options)
        return Measured(rows=rows, summary=summary)
    folder = Path(tempfile.mkdtemp(prefix="fivefold-web-"))
    with_plan = not options.quick
    try:
        if options.data is not None:
            shutil.copytree(options.folder(""), folder, dirs_exist_ok=True)
            with_plan = any((folder / "plans").glob("P*"))
        else:
            workspace(folder, with_plan=with_plan)
        with served(folder) as server:
            summary, rows = _measured(server, options, with_plan=with_plan)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.suite == "all":
        more, further = large_grid(options)
        summary, rows = summary | more, rows + further
    return Measured(rows=rows, summary=summary)


def _measured(
    server: Server, options: Options, *, with_plan: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    summary: dict[str, Any] = dict.fromkeys(BROWSER)
    rows: list[dict[str, Any]] = []
    if options.suite in ("all", "reads"):
        rows = reads(
            server,
            rounds=10 if options.quick else 40,
            seconds=options.seconds / 2,
            with_plan=with_plan,
        )
        used = np.array([row["cpu_ms"] for row in rows if row["round"]])
        summary |= {
            "api_p50_cpu_ms": float(np.percentile(used, 50)),
            "api_p99_cpu_ms": float(np.percentile(used, 99)),
            "api_first_read_max_cpu_ms": max(r["cpu_ms"] for r in rows if not r["round"]),
            "reads": len(rows),
        }
        summary |= _browser(server)
    if options.suite in ("all", "writes"):
        found = asyncio.run(writes(server, 3.0 if options.quick else 10.0))
        rows.append(found)
        summary |= {
            "durable_writes_per_s": found["written"] / found["wall_s"],
            "durable_writes_per_server_cpu_s": found["written"] / found["server_cpu_s"],
        }
    summary["errors_5xx"] = sum(n for status, n in server.statuses.items() if status >= 500)
    summary["statuses"] = {str(status): n for status, n in sorted(server.statuses.items())}
    return summary, rows


if __name__ == "__main__":
    run("web", measure, suites=("all", "reads", "writes", "grid"))
