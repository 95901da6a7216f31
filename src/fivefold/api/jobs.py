"""Long work with progress, events and an end on request.

Planning and proving run in a process of their own, which is ended by force when somebody
cancels: within a second nothing of it is left and the old plan stands. One of them runs at a
time; the others wait. Jobs live as long as the server; what they made stands in the workspace.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from fivefold.api.problems import ProblemError, of_error
from fivefold.cycle.progress import CancelledError
from fivefold.errors import FivefoldError, NotFoundError

State = Literal["waiting", "running", "done", "failed", "cancelled"]
ENDED = frozenset({"done", "failed", "cancelled"})
#: Jobs a company's list keeps.
KEPT = 200


@dataclass
class Job:
    """One piece of long work.

    Parameters
    ----------
    job, tenant, kind, actor : str
        Name, whose, what (plan, proof, import, verify), who asked.
    """

    job: str
    tenant: str
    kind: str
    actor: str
    state: State = "waiting"
    step: str = ""
    share: float = 0.0
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    keeping: bool = False
    changes: list[dict[str, Any]] = field(default_factory=list)
    stop: Callable[[], None] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def record(self) -> dict[str, Any]:
        """Return the job as a record."""
        with self._lock:
            left = None
            if self.state == "running" and self.started_at and self.share > 0.02:
                spent = (datetime.now(UTC) - self.started_at).total_seconds()
                left = round(spent * (1 - self.share) / self.share, 1)
            return {
                "job": self.job,
                "kind": self.kind,
                "actor": self.actor,
                "state": self.state,
                "step": self.step,
                "share": round(self.share, 4),
                "seconds_left": left,
                "made_at": self.made_at,
                "started_at": self.started_at,
                "ended_at": self.ended_at,
                "can_cancel": self.state not in ENDED and not self.keeping,
                "result": self.result,
                "problem": self.problem,
            }

    def tell(self, step: str, share: float) -> None:
        """Tell how far it is; the `Progress` of the work.

        Raises
        ------
        CancelledError
            If somebody has cancelled it.
        """
        with self._lock:
            if self.state == "cancelled":
                raise CancelledError(f"job {self.job} was cancelled")
            self.step, self.share = step, max(0.0, min(1.0, share))
            self._changed()

    def keep(self) -> None:
        """Begin to keep what was made; from here on it cannot be cancelled.

        Raises
        ------
        CancelledError
            If somebody has cancelled it before.
        """
        with self._lock:
            if self.state == "cancelled":
                raise CancelledError(f"job {self.job} was cancelled")
            self.keeping = True

    def stoppable(self, stop: Callable[[], None]) -> None:
        """Say how the work is ended by force."""
        with self._lock:
            self.stop = stop
            if self.state == "cancelled":
                stop()

    def begin(self) -> bool:
        """Mark it as running; return false where it was cancelled while it waited."""
        with self._lock:
            if self.state != "waiting":
                return False
            self.state, self.started_at = "running", datetime.now(UTC)
            self._changed()
            return True

    def end(
        self,
        state: State,
        *,
        result: dict[str, Any] | None = None,
        problem: dict[str, Any] | None = None,
    ) -> None:
        """Mark it as ended; the first end counts."""
        with self._lock:
            if self.state in ENDED:
                return
            self.state, self.ended_at = state, datetime.now(UTC)
            self.result, self.problem = result, problem
            self.share = 1.0 if state == "done" else self.share
            self._changed()

    def cancel(self) -> None:
        """End it now; what it made is not kept.

        Raises
        ------
        ProblemError
            409, if it has ended or keeps its result already.
        """
        with self._lock:
            if self.state in ENDED:
                raise ProblemError(409, "ended", f"job {self.job} has ended: {self.state}")
            if self.keeping:
                raise ProblemError(
                    409, "being_kept", f"job {self.job} is being written and ends in a moment"
                )
            self.end("cancelled")
            if self.stop is not None:
                self.stop()

    def _changed(self) -> None:
        change = {
            "number": len(self.changes) + 1,
            "state": self.state,
            "step": self.step,
            "share": round(self.share, 4),
        }
        self.changes.append(change)

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return changes after one, oldest first."""
        with self._lock:
            return self.changes[number:]


class Jobs:
    """The jobs of one server.

    Parameters
    ----------
    most : int
        Jobs of a company that may wait or run.
    on_end : callable, optional
        Told each job when it has ended.
    """

    def __init__(self, *, most: int = 16, on_end: Callable[[Job], None] | None = None) -> None:
        self._most = most
        self._on_end = on_end
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._heavy = ThreadPoolExecutor(1, thread_name_prefix="planning")
        self._light = ThreadPoolExecutor(2, thread_name_prefix="work")

    def start(
        self,
        tenant: str,
        kind: str,
        actor: str,
        work: Callable[[Job], Mapping[str, Any]],
        *,
        heavy: bool = False,
    ) -> Job:
        """Return a new job that does `work`; a heavy one waits for those before it.

        Raises
        ------
        ProblemError
            429, if too many of the company's jobs wait.
        """
        job = Job(job=f"J-{secrets.token_hex(8)}", tenant=tenant, kind=kind, actor=actor)
        with self._lock:
            active = [j for j in self._jobs.values() if j.tenant == tenant and j.state not in ENDED]
            if len(active) >= self._most:
                raise ProblemError(
                    429,
                    "too_many_jobs",
                    f"{len(active)} jobs wait or run; cancel one or wait for it",
                    headers={"Retry-After": "5"},
                )
            self._jobs[job.job] = job
            self._forget(tenant)
        ended: Future[None] = (self._heavy if heavy else self._light).submit(self._run, job, work)
        del ended
        return job

    def _run(self, job: Job, work: Callable[[Job], Mapping[str, Any]]) -> None:
        if job.begin():
            try:
                job.end("done", result=dict(work(job)))
            except FivefoldError as error:
                status, code, more = of_error(error)
                told = {"status": status, "code": code, "detail": str(error), **more}
                job.end("failed", problem=told)
            except BaseException as error:
                # A job that broke is told as broken; nobody is left waiting for it.
                job.end("failed", problem={"status": 500, "code": "broken", "detail": repr(error)})
                raise
        if self._on_end is not None:
            self._on_end(job)

    def _forget(self, tenant: str) -> None:
        own = [job for job in self._jobs.values() if job.tenant == tenant]
        for job in own[: max(0, len(own) - KEPT)]:
            if job.state in ENDED:
                del self._jobs[job.job]

    def job(self, tenant: str, name: str) -> Job:
        """Return a company's job.

        Raises
        ------
        NotFoundError
            If the company has none of that name.
        """
        with self._lock:
            found = self._jobs.get(name)
        if found is None or found.tenant != tenant:
            raise NotFoundError(f"there is no job {name!r}")
        return found

    def of(self, tenant: str) -> list[Job]:
        """Return a company's jobs, the newest first."""
        with self._lock:
            return [job for job in reversed(self._jobs.values()) if job.tenant == tenant]

    def close(self) -> None:
        """End what runs and take no more."""
        with self._lock:
            open_jobs = [job for job in self._jobs.values() if job.state not in ENDED]
        for job in open_jobs:
            try:
                job.cancel()
            except ProblemError:
                continue
        self._heavy.shutdown(wait=True, cancel_futures=True)
        self._light.shutdown(wait=True, cancel_futures=True)
