"""Files in the tower: looked at, mended, loaded or put away, and taken back."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Generic, TypeVar

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from fivefold.api.tower_frame import Frame, body_of
from fivefold.connect.excel import write_workbook
from fivefold.connect.mapping import ColumnMapping
from fivefold.cycle.importing import import_files, undo_import
from fivefold.cycle.mapping import remember_mapping
from fivefold.web.tower.rooms import data
from fivefold.web.words import many, plain_name

T = TypeVar("T")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class FilesDesk:
    """Answers for the data room."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._stages: Kept[Sequence[tuple[str, bytes]]] = Kept()

    async def look(self, request: Request) -> Response:
        """Read files, say what is in them and what is wrong; nothing is loaded."""
        async with request.form(max_files=200, max_fields=4) as form:
            files = [
                (PurePath(part.filename or "file").name, await part.read())
                for _, part in form.multi_items()
                if isinstance(part, UploadFile)
            ]
        if not files:
            return JSONResponse({"detail": "no file was sent"}, 422)
        stage = self._stages.keep(self._frame.tenant(request), files)
        return JSONResponse({"go": f"/data?stage={stage}"})

    def review(self, request: Request, stage: str) -> dict[str, Any] | None:
        """Return what was understood of files that wait, None where they are gone."""
        files = self._stages.get(self._frame.tenant(request), stage)
        if files is None:
            return None
        company = self._frame.company(request)
        day = company.today()
        report = import_files(
            company, files, actor=self._frame.actor(request), as_of=day, dry_run=True
        )
        told = data.review(report, stage)
        told["strangers"] = data.strangers(files, report, request.query_params.get("as", ""))
        return told

    def marked(self, request: Request, stage: str) -> Response:
        """Return a workbook of the problems, and each refused text file with them marked."""
        files = self._stages.get(self._frame.tenant(request), stage)
        if files is None:
            return _put_away()
        company, actor = self._frame.company(request), self._frame.actor(request)
        day = company.today()
        report = import_files(company, files, actor=actor, as_of=day, dry_run=True)
        headers = {"Content-Disposition": 'attachment; filename="marked.xlsx"'}
        content = write_workbook(data.marked_rows(files, report))
        return Response(content, media_type=XLSX, headers=headers)

    async def map(self, request: Request, stage: str) -> Response:
        """Remember what the columns of a strange file stand for; the file is then read anew."""
        return await self._frame.acted(request, lambda asking, body: self._map(asking, stage, body))

    def _map(self, request: Request, stage: str, body: Mapping[str, Any]) -> Response:
        files = self._stages.get(self._frame.tenant(request), stage)
        if files is None:
            return _put_away()
        named = {key[4:]: str(value) for key, value in body.items() if key.startswith("col:")}
        mapping = ColumnMapping(
            header=tuple(named), table=str(body.get("table") or ""), columns=named
        )
        company, actor = self._frame.company(request), self._frame.actor(request)
        with company.writing:
            remember_mapping(company, mapping, actor=actor, as_of=company.today())
        told = (
            f"Files with this header are read as {plain_name(mapping.table).lower()} from now on."
        )
        return JSONResponse({"message": told, "go": f"/data?stage={stage}"})

    async def fix(self, request: Request, stage: str) -> Response:
        """Change one cell of a file that was looked at."""
        body = await body_of(request)
        tenant = self._frame.tenant(request)
        files = self._stages.get(tenant, stage)
        if files is None:
            return _put_away()
        name = str(body.get("file", ""))
        try:
            self._stages.replace(
                tenant,
                stage,
                [
                    (
                        each,
                        data.changed_cell(
                            content,
                            row=int(body.get("row", 0)),
                            column=str(body.get("column", "")),
                            value=str(body.get("value", "")),
                        )
                        if each == name
                        else content,
                    )
                    for each, content in files
                ],
            )
        except ValueError as error:
            return JSONResponse({"detail": f"It cannot be mended here: {error}"}, 422)
        return JSONResponse({"message": "Changed; the file was read again."})

    async def load(self, request: Request, stage: str) -> Response:
        """Load the files that were looked at; those with a problem are left out whole."""
        return await self._frame.acted(
            request, lambda asking, body: self._load(asking, stage, body)
        )

    def _load(self, request: Request, stage: str, body: Mapping[str, Any]) -> Response:
        tenant = self._frame.tenant(request)
        files = self._stages.get(tenant, stage)
        if files is None:
            return _put_away()
        told = self.import_now(request, files, changes_only=bool(body.get("changes_only")))
        self._stages.take(tenant, stage)
        return JSONResponse({"message": told, "go": "/data"})

    def import_now(
        self,
        request: Request,
        files: Sequence[tuple[str, bytes]],
        *,
        changes_only: bool = False,
    ) -> str:
        """Load files, hold them against the accepted plan, and say in a sentence what came."""
        company, actor = self._frame.company(request), self._frame.actor(request)
        with company.writing:
            report = import_files(
                company, files, actor=actor, as_of=company.today(), changes_only=changes_only
            )
        if report.commands_written:
            self._frame.look_for_news(request)
        loaded = sum(each.status == "loaded" for each in report.files)
        return f"{many(loaded, 'file')} loaded, {report.commands_written:,} facts written."

    def kept_whole(self, request: Request, files: Sequence[tuple[str, bytes]]) -> str:
        """Load files that a form made; return what was refused, or nothing.

        What was said before and taken back by a later word is said anew: it is the last word.
        """
        company, actor = self._frame.company(request), self._frame.actor(request)
        with company.writing:
            day = company.today()
            report = import_files(company, files, actor=actor, as_of=day)
            known = [each for each in report.files if each.status == "already_loaded"]
            if known:
                for each in known:
                    undo_import(company, each.sha256, actor=actor, as_of=day)
                report = import_files(company, files, actor=actor, as_of=day)
        if all(each.status == "loaded" for each in report.files):
            return ""
        told = [str(problem.message) for each in report.files for problem in each.problems]
        return "; ".join(told) or "it was not understood"

    def drop(self, request: Request, stage: str) -> Response:
        """Forget files that were looked at."""
        self._stages.take(self._frame.tenant(request), stage)
        return JSONResponse({"message": "Put away; nothing was loaded.", "go": "/data"})

    def undo(self, request: Request, sha256: str) -> Response:
        """Take a loaded file back out of the tables."""
        company = self._frame.company(request)
        with company.writing:
            name = undo_import(
                company, sha256, actor=self._frame.actor(request), as_of=company.today()
            )
        self._frame.look_for_news(request)
        return JSONResponse({"message": f"{name} was taken back."})


class Kept(Generic[T]):
    """What waits for a further word, a few a company, in memory."""

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, str], T] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, tenant: str, what: T) -> str:
        """Return the name under which it waits; the oldest of a company make room."""
        name = secrets.token_hex(8)
        with self._lock:
            own = [key for key in self._kept if key[0] == tenant]
            for key in own[: max(0, len(own) + 1 - self._most)]:
                del self._kept[key]
            self._kept[tenant, name] = what
        return name

    def get(self, tenant: str, name: str) -> T | None:
        """Return what waits under a name, None where it is gone."""
        with self._lock:
            return self._kept.get((tenant, name))

    def replace(self, tenant: str, name: str, what: T) -> None:
        """Put something else in its place."""
        with self._lock:
            self._kept[tenant, name] = what

    def take(self, tenant: str, name: str) -> T | None:
        """Return what waits under a name and forget it, None where it is gone."""
        with self._lock:
            return self._kept.pop((tenant, name), None)


def _put_away() -> Response:
    return JSONResponse({"detail": "These files are no longer kept; drop them again."}, 410)
