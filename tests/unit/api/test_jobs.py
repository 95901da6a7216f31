"""Jobs: one heavy one at a time, cancelled at once, told when they break."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from fivefold.api.jobs import Job, Jobs
from fivefold.api.problems import ProblemError
from fivefold.errors import DataError, NotFoundError, Problem


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs(most=3)
    yield made
    made.close()


def _ended(jobs: Jobs, job: Job) -> Job:
    barrier = threading.Event()
    jobs.start("default", "barrier", "me", lambda _: barrier.set() or {}, heavy=True)
    assert barrier.wait(10)
    return job


def test_heavy_jobs_run_one_after_the_other(jobs: Jobs) -> None:
    running: list[str] = []
    most: list[int] = []

    def work(job: Job) -> dict[str, int]:
        running.append(job.job)
        most.append(len(running))
        running.remove(job.job)
        return {"n": 1}

    made = [jobs.start("a", "plan", "me", work, heavy=True) for _ in range(3)]
    _ended(jobs, made[-1])
    assert [job.state for job in made] == ["done"] * 3
    assert max(most) == 1


def test_a_cancelled_job_ends_at_once_and_keeps_nothing(jobs: Jobs) -> None:
    begun, stopped, kept = threading.Event(), threading.Event(), []

    def work(job: Job) -> dict[str, int]:
        job.stoppable(stopped.set)
        begun.set()
        assert stopped.wait(10)
        job.keep()
        kept.append(job.job)
        return {}

    job = jobs.start("a", "plan", "me", work, heavy=True)
    assert begun.wait(10)
    job.cancel()
    assert job.state == "cancelled"
    _ended(jobs, job)
    assert kept == []
    with pytest.raises(ProblemError, match="has ended"):
        job.cancel()


def test_what_is_being_kept_is_not_cancelled(jobs: Jobs) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(job: Job) -> dict[str, int]:
        job.keep()
        begun.set()
        assert go_on.wait(10)
        return {"kept": 1}

    job = jobs.start("a", "plan", "me", work, heavy=True)
    assert begun.wait(10)
    with pytest.raises(ProblemError, match="being written"):
        job.cancel()
    go_on.set()
    assert _ended(jobs, job).result == {"kept": 1}


def test_bad_data_is_told_with_its_problems(jobs: Jobs) -> None:
    def work(job: Job) -> dict[str, int]:
        raise DataError([Problem(table="items", message="no")])

    job = _ended(jobs, jobs.start("a", "plan", "me", work, heavy=True))
    assert job.state == "failed"
    assert job.problem is not None
    assert job.problem["problems"][0]["table"] == "items"


def test_too_many_jobs_are_refused_and_another_company_sees_none(jobs: Jobs) -> None:
    go_on = threading.Event()

    def work(job: Job) -> dict[str, bool]:
        return {"went": go_on.wait(10)}

    made = [jobs.start("a", "plan", "me", work, heavy=True) for _ in range(3)]
    with pytest.raises(ProblemError, match="cancel one"):
        jobs.start("a", "plan", "me", work, heavy=True)
    with pytest.raises(NotFoundError, match="no job"):
        jobs.job("b", made[0].job)
    assert jobs.of("b") == []
    go_on.set()
