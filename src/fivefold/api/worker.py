"""Planning and proving in a process of their own: a folder in, a plan out, progress as lines.

    python -m fivefold.api.worker FOLDER

The folder holds `task.json` and `dataset/*.parquet`, for a proof also `plans/` and a copy of
the books; for work on scenarios it is a workspace of its own (`fivefold.api.handed`). The
result is a plan below `made/`, or `error.json`. The live books are never opened here, so ending
this process at any moment leaves them as they are.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from fivefold.api.handed import ANSWER, answer, copy_books
from fivefold.api.jobs import Job
from fivefold.cycle.metro import metro_routing, plan_metro
from fivefold.cycle.network import plan_network, site_network
from fivefold.cycle.planning import PlanParams, plan
from fivefold.cycle.plans import Plan, PlanStore
from fivefold.cycle.progress import CancelledError, Progress
from fivefold.cycle.standing import Standing
from fivefold.cycle.workforce import staff_network, surge_params
from fivefold.deliver.network.metro import MetroParams
from fivefold.deliver.network.site_phases import PhaseParams
from fivefold.deliver.network.siting import SitingParams
from fivefold.errors import DataError, FivefoldError, Problem
from fivefold.ledger.journal import Journal
from fivefold.model import Dataset


class WorkerFailedError(FivefoldError):
    """The process that planned ended without a plan."""


def write_task(
    folder: Path,
    task: Mapping[str, Any],
    dataset: Dataset,
    *,
    plans: tuple[Plan, ...] = (),
    standing: Standing | None = None,
    books: Path | None = None,
) -> None:
    """Write what the work needs into an empty folder.

    Parameters
    ----------
    task : mapping
        `verb` plan, prove, network, lastmile, workforce, sites or phases, `as_of`, and the
        parameters of the verb.
    standing : Standing, optional
        The plan accepted last, for a new plan to refer to.
    books : Path, optional
        Live books; a copy as of their last commit is made.
    """
    (folder / "dataset").mkdir(parents=True)
    for name, frame in dataset.tables.items():
        frame.write_parquet(folder / "dataset" / f"{name}.parquet", compression="uncompressed")
    store = PlanStore(folder / "plans")
    for given in plans:
        store.save(given)
    if books is not None:
        copy_books(books, folder)
    told = dict(task)
    if standing is not None:
        store.save(standing.plan)
        told["standing"] = {
            "plan": standing.plan.plan,
            "released": sorted(standing.released),
            "placed": sorted(standing.placed),
        }
    (folder / "task.json").write_text(json.dumps(told, default=str), encoding="utf-8")


def run(folder: Path, progress: Progress) -> Plan | None:
    """Do the work of a folder; return the plan made, or the plan proved with its proof.

    None where the work answers a question instead, which stands in `answer.json` then.
    """
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    if (folder / "days").is_dir():
        answer(folder, task, progress)
        return None
    dataset = Dataset(
        {path.stem: pl.read_parquet(path) for path in sorted((folder / "dataset").glob("*"))}
    )
    if task["verb"] == "plan":
        params = PlanParams(**task["params"])
        made = plan(
            dataset,
            params,
            as_of=date.fromisoformat(task["as_of"]),
            progress=progress,
            standing=_standing(folder, task.get("standing")),
        )
    elif task["verb"] == "network":
        made = plan_network(dataset, as_of=date.fromisoformat(task["as_of"]), progress=progress)
    elif task["verb"] == "sites":
        made = site_network(
            dataset, SitingParams(**task["params"]), as_of=date.fromisoformat(task["as_of"])
        )
    elif task["verb"] == "phases":
        made = site_network(
            dataset, PhaseParams(**task["params"]), as_of=date.fromisoformat(task["as_of"])
        )
    elif task["verb"] == "lastmile":
        made = plan_metro(
            dataset,
            MetroParams(**task["params"]),
            metro_routing(seconds=task["seconds"]),
            as_of=date.fromisoformat(task["as_of"]),
            progress=progress,
        )
    elif task["verb"] == "workforce":
        made = staff_network(
            dataset,
            PlanStore(folder / "plans").load(task["plan"]),
            surge_params(**task["params"]),
            as_of=date.fromisoformat(task["as_of"]),
            progress=progress,
        )
    else:
        made = _proved(folder, task, dataset, progress)
    PlanStore(folder / "made").save(made)
    return made


def _standing(folder: Path, told: Mapping[str, Any] | None) -> Standing | None:
    """Return the accepted plan that was handed over; None where there is none."""
    if told is None:
        return None
    return Standing(
        plan=PlanStore(folder / "plans").load(told["plan"]),
        released=frozenset(told["released"]),
        placed=frozenset(told["placed"]),
    )


def _proved(folder: Path, task: Mapping[str, Any], dataset: Dataset, progress: Progress) -> Plan:
    from fivefold.twin.experiment import prove

    store = PlanStore(folder / "plans")
    chosen = store.load(task["plan"])
    with Journal.open(folder / "books.db") as journal:
        proof = prove(
            chosen,
            dataset,
            journal,
            old=store.load(task["against"]) if task["against"] else None,
            days=task["days"],
            replications=task["replications"],
            seed=task["seed"],
            progress=progress,
        )
    return chosen.with_tables(proof=proof.table())


def in_process(folder: Path, job: Job) -> Plan:
    """Do the work of a folder in a process of its own and return the plan.

    Raises
    ------
    CancelledError
        If the job was cancelled; the process is dead by then.
    DataError
        If the data does not make sense.
    WorkerFailedError
        If the process ended otherwise than it should.
    """
    code, complaints = _done(folder, job)
    names = PlanStore(folder / "made").names()
    if code != 0 or not names:
        raise _failed(code, complaints, "without a plan")
    return PlanStore(folder / "made").load(names[0])


def in_task(
    task: Mapping[str, Any], dataset: Dataset, job: Job, *, plans: tuple[Plan, ...] = ()
) -> Plan:
    """Do a task that needs data and plans, no books, as `in_process`; leave nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="fivefold-"))
    try:
        write_task(folder, task, dataset, plans=plans)
        return in_process(folder, job)
    finally:
        cleared(folder)


def answered_in_process(folder: Path, job: Job) -> dict[str, Any]:
    """Do the work of a folder in a process of its own and return what it answers.

    Raises
    ------
    CancelledError, DataError, WorkerFailedError
        As `in_process`.
    """
    code, complaints = _done(folder, job)
    told = folder / ANSWER
    if code != 0 or not told.is_file():
        raise _failed(code, complaints, "without an answer")
    record: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    return record


def _done(folder: Path, job: Job) -> tuple[int, list[str]]:
    """Run the process to its end; return its exit code and what it complained of."""
    child = subprocess.Popen(
        [sys.executable, "-m", "fivefold.api.worker", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    complaints: list[str] = []
    assert child.stdout is not None
    assert child.stderr is not None
    listening = threading.Thread(target=complaints.extend, args=(child.stderr,), daemon=True)
    listening.start()
    try:
        job.stoppable(child.kill)
        for line in child.stdout:
            told = json.loads(line)
            job.tell(told["step"], told["share"])
        child.wait()
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        listening.join()
        child.stdout.close()
        child.stderr.close()
    if job.state == "cancelled":
        raise CancelledError(f"job {job.job} was cancelled")
    error = folder / "error.json"
    if error.is_file():
        told = json.loads(error.read_text(encoding="utf-8"))
        if told["problems"]:
            raise DataError(Problem(**problem) for problem in told["problems"])
        raise WorkerFailedError(told["message"])
    return child.returncode, complaints


def _failed(code: int, complaints: list[str], how: str) -> WorkerFailedError:
    last = "".join(complaints[-3:]).strip() or f"exit code {code}"
    return WorkerFailedError(f"planning ended {how}: {last}")


def main(folder: Path) -> int:
    """Do the work of a folder, telling progress as lines of JSON; return the exit code."""

    def tell(step: str, share: float) -> None:
        sys.stdout.write(json.dumps({"step": step, "share": share}) + "\n")
        sys.stdout.flush()

    try:
        run(folder, tell)
    except FivefoldError as error:
        problems = [asdict(p) for p in error.problems] if isinstance(error, DataError) else []
        told = {"message": str(error), "problems": problems}
        (folder / "error.json").write_text(json.dumps(told), encoding="utf-8")
        return 1
    return 0


def cleared(folder: Path) -> None:
    """Remove the folder of a task."""
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
