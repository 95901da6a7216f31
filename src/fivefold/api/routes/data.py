"""Data: tables, rows, imports, files, templates, exports."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse, Response

from fivefold.api.asked import look_for_news
from fivefold.api.bodies import NewMapping, RowChange, StrangeHeader
from fivefold.api.context import Asking, Books, Ctx, jsonable, verb
from fivefold.api.jobs import Job
from fivefold.api.paging import Page, answer, etag, page
from fivefold.api.problems import ProblemError
from fivefold.connect import template_workbook, write_csv, write_parquet, write_workbook
from fivefold.connect.mapping import ColumnMapping, header_mark, suggest
from fivefold.cycle.importing import (
    import_files,
    tables_for_export,
    undo_import,
    undo_last_import,
)
from fivefold.cycle.mapping import forget_mapping, mappings, remember_mapping
from fivefold.cycle.progress import CancelledError
from fivefold.cycle.records import import_record
from fivefold.model import schema, table_names
from fivefold.model.schema import TableSchema, polars_type

router = APIRouter(prefix="/api/v1", tags=["data"])

TableName = Annotated[str, Path(max_length=80, description="Table of the schema.")]
Rows = Annotated[Page, Depends(page)]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Files of one import.
MOST_FILES = 200


@router.get("/tables", openapi_extra=verb("data.read"))
def tables(company: Books) -> list[dict[str, Any]]:
    """Return every input table with what it holds now."""
    found = []
    for name in table_names(role="input"):
        frame, version = company.table(name)
        about = schema(name)
        found.append(
            {
                "table": name,
                "group": about.group,
                "description": about.description,
                "rows": frame.height,
                "etag": etag(company.tenant, version),
            }
        )
    return found


@router.get("/schema", openapi_extra=verb("data.read"))
def whole_schema() -> list[dict[str, Any]]:
    """Return every table of the schema with its columns."""
    return [_schema_record(schema(name)) for name in table_names()]


@router.get("/schema/{table}", openapi_extra=verb("data.read"))
def table_schema(table: TableName) -> dict[str, Any]:
    """Return the columns of a table: types, units, defaults, what each means."""
    return _schema_record(_schema(table))


def _schema(table: str) -> TableSchema:
    if table not in table_names():
        raise ProblemError(404, "not_found", f"there is no table {table[:80]!r}")
    return schema(table)


def _schema_record(about: TableSchema) -> dict[str, Any]:
    return {
        "table": about.name,
        "role": about.role,
        "group": about.group,
        "description": about.description,
        "key": about.key,
        "columns": [
            {
                "column": column.name,
                "type": column.type,
                "choices": column.choices,
                "unit": column.unit,
                "default": column.default,
                "required": column.required,
                "key": column.key,
                "references": column.references,
                "minimum": column.minimum,
                "description": column.description,
            }
            for column in about.columns
        ],
    }


@router.get("/tables/{table}/rows", openapi_extra=verb("data.read"))
def table_rows(table: TableName, request: Request, company: Books, wanted: Rows) -> Response:
    """Return a page of a table, filtered and sorted here; `form=columns` for grids."""
    _schema(table)
    frame, version = company.table(table)
    return answer(request, company, frame, version, wanted)


@router.patch("/tables/{table}/rows", openapi_extra=verb("data.import"))
def change_rows(
    table: TableName,
    change: RowChange,
    company: Books,
    asking: Asking,
    context: Ctx,
    if_match: Annotated[
        str | None, Header(description="ETag of the table as `GET /tables` told it.")
    ] = None,
) -> JSONResponse:
    """Write rows into an input table: new ones, or columns of known ones by their key.

    They are kept as an import of their own, checked like a file, and undone like one.
    """
    about = _schema(table)
    if about.role != "input":
        raise ProblemError(409, "not_input", f"{table} is made by planning and not edited")
    with company.writing:
        frame, version = company.table(table)
        tag = etag(company.tenant, version)
        if if_match is not None and tag not in if_match and if_match.strip() != "*":
            raise ProblemError(
                412, "changed", f"table {table} was changed since you read it", etag=tag
            )
        content = write_parquet(_merged_rows(about, frame, change.rows))
        report = import_files(
            company,
            [(f"{table}.parquet", content)],
            actor=asking.actor,
            as_of=company.today(),
            dry_run=change.dry_run,
        )
    if report.commands_written:
        look_for_news(context, company, asking.actor)
    record = {**import_record(report), "reason": change.reason}
    return JSONResponse(jsonable(record), 422 if report.has_errors else 200)


def _merged_rows(
    about: TableSchema, frame: pl.DataFrame, rows: list[dict[str, Any]]
) -> pl.DataFrame:
    """Return whole rows: what stands, with the columns that change; new rows as they are given."""
    missing = sorted({name for row in rows for name in about.key if name not in row})
    unknown = sorted({name for row in rows for name in row if name not in about.names})
    if missing or unknown:
        told = [f"rows must name {', '.join(missing)}"] if missing else []
        told += [f"there are no columns {', '.join(unknown)[:300]}"] if unknown else []
        raise ProblemError(422, "bad_rows", "; ".join(told))
    typed = [{name: _cell(about, name, value) for name, value in row.items()} for row in rows]
    if not about.key:
        return about.frame(typed)
    wanted = about.frame(typed).select(about.key)
    known = frame.join(wanted.unique(), on=about.key, how="semi", nulls_equal=True)
    standing = {
        tuple(row[name] for name in about.key): row
        for row in known.select(about.names).iter_rows(named=True)
    }
    keys = wanted.rows()
    return about.frame([{**standing.get(k, {}), **row} for k, row in zip(keys, typed, strict=True)])


def _cell(about: TableSchema, name: str, value: Any) -> Any:
    """Return a JSON value as the column's type."""
    if value is None:
        return None
    kind = about.column(name).type
    wanted = polars_type(kind)
    try:
        if kind in ("date", "instant") and isinstance(value, str):
            series = pl.Series([value])
            if kind == "date":
                return series.str.to_date("%Y-%m-%d")[0]
            return series.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_zone="UTC")[0]
        if isinstance(value, bool) != (kind == "boolean") or isinstance(value, dict | list):
            raise ValueError
        if kind == "integer" and not isinstance(value, int):
            raise ValueError
        if wanted == pl.String and not isinstance(value, str):
            raise ValueError
        if isinstance(value, str):
            value.encode()
        return pl.Series([value], dtype=wanted, strict=True)[0]
    except (ValueError, TypeError, OverflowError, pl.exceptions.PolarsError):
        raise ProblemError(
            422, "bad_value", f"column {name}: found {str(value)[:80]!a}, expected {kind}"
        ) from None


@router.post(
    "/imports",
    status_code=202,
    openapi_extra=verb(
        "data.import",
        requestBody={
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["files"],
                        "properties": {
                            "files": {
                                "type": "array",
                                "items": {"type": "string", "format": "binary"},
                            }
                        },
                    }
                }
            },
        },
    ),
)
async def import_job(
    request: Request,
    company: Books,
    asking: Asking,
    context: Ctx,
    dry_run: Annotated[bool, Query(description="Say what would happen, change nothing.")] = False,
    skip_bad_rows: Annotated[bool, Query(description="Leave bad rows out.")] = False,
    changes_only: Annotated[
        bool, Query(description="Keep only rows that say otherwise than what stands.")
    ] = False,
    as_of: Annotated[date | None, Query(description="Day of reports without a date.")] = None,
) -> JSONResponse:
    """Import files, each exactly once, all or nothing; the job's result tells every problem.

    With `dry_run` it also tells each row and cell that would change: the preview of a workbook
    that was exported and edited, applied then with `changes_only`.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise ProblemError(415, "not_multipart", "send files as multipart/form-data")
    try:
        async with request.form(max_files=MOST_FILES, max_fields=10) as form:
            files = [
                (_file_name(part.filename), await part.read())
                for _, part in form.multi_items()
                if isinstance(part, UploadFile)
            ]
    except (MultiPartException, ValueError) as error:
        raise ProblemError(400, "malformed", f"the form cannot be read: {error}") from None
    if not files:
        raise ProblemError(422, "no_files", "no file was sent; name the fields `files`")

    def work(job: Job) -> dict[str, Any]:
        def progress(step: str, share: float) -> None:
            if step == "keep":
                job.keep()
            job.tell(step, share)

        with company.writing:
            report = import_files(
                company,
                files,
                actor=asking.actor,
                as_of=as_of or company.today(),
                dry_run=dry_run,
                skip_bad_rows=skip_bad_rows,
                changes_only=changes_only,
                progress=progress,
            )
        if job.state == "cancelled":
            raise CancelledError(f"job {job.job} was cancelled")
        record = jsonable(import_record(report))
        if not dry_run:
            told = [{"name": f.name, "status": f.status, "sha256": f.sha256} for f in report.files]
            context.webhooks.tell(company, "import.loaded", {"files": told})
            if report.commands_written:
                # What is new is held against the accepted plan before anyone asks.
                look_for_news(context, company, asking.actor)
        return dict(record)

    job = context.jobs.start(company.tenant, "import", asking.actor, work)
    location = f"/api/v1/jobs/{job.job}"
    return JSONResponse(jsonable(job.record()), 202, headers={"Location": location})


def _file_name(name: str | None) -> str:
    """Return a file's name without folders, which mean nothing here."""
    return (name or "file").replace("\\", "/").rsplit("/", 1)[-1][:200] or "file"


@router.get("/files", openapi_extra=verb("data.read"))
def files(company: Books) -> list[dict[str, Any]]:
    """Return the imported files in the order of their import."""
    return [
        {
            "sha256": fact.subject,
            "name": fact.body["name"],
            "kind": fact.body["kind"],
            "rows": fact.body["rows"],
        }
        for fact in company.imports()
    ]


@router.delete("/files/{sha256}", openapi_extra=verb("data.import"))
def undo(
    sha256: Annotated[
        str,
        Path(
            pattern=r"^([0-9a-f]{8,64}|last)$",
            description="Hash of a file or its beginning; `last` is all of the last import.",
        ),
    ],
    company: Books,
    asking: Asking,
    context: Ctx,
) -> dict[str, Any]:
    """Take an imported file back out of the tables, or all files of the last import."""
    with company.writing:
        as_of = company.today()
        if sha256 == "last":
            names = undo_last_import(company, actor=asking.actor, as_of=as_of)
        else:
            names = [undo_import(company, sha256, actor=asking.actor, as_of=as_of)]
    look_for_news(context, company, asking.actor)
    return {"undone": names}


@router.get("/mappings", openapi_extra=verb("data.read"))
def all_mappings(company: Books) -> list[dict[str, Any]]:
    """Return what headers of strange files were said to mean."""
    return [_mapping_record(mapping) for mapping in mappings(company)]


def _mapping_record(mapping: ColumnMapping) -> dict[str, Any]:
    return {
        "mapping": mapping.mark,
        "header": list(mapping.header),
        "table": mapping.table,
        "columns": dict(mapping.columns),
    }


@router.post("/mappings/suggestion", openapi_extra=verb("data.read"))
def suggestion(body: StrangeHeader) -> dict[str, Any]:
    """Return which table a header may be and what each of its columns may stand for."""
    if body.table is not None:
        _schema(body.table)
    found = suggest(tuple(body.header), table=body.table)
    return {
        "mapping": header_mark(body.header),
        "table": found.table,
        "columns": dict(found.columns),
        "missing": list(found.missing),
        "others": list(found.others),
    }


@router.post("/mappings", status_code=201, openapi_extra=verb("data.import"))
def new_mapping(body: NewMapping, company: Books, asking: Asking) -> JSONResponse:
    """Remember what a header means; files with it are read like that from now on."""
    try:
        mapping = ColumnMapping(
            header=tuple(body.header), table=body.table, columns=dict(body.columns)
        )
    except ValueError as error:
        raise ProblemError(422, "bad_mapping", str(error)) from None
    with company.writing:
        remember_mapping(company, mapping, actor=asking.actor, as_of=company.today())
    return JSONResponse(_mapping_record(mapping), 201)


@router.delete("/mappings/{mapping}", openapi_extra=verb("data.import"))
def drop_mapping(
    mapping: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")], company: Books, asking: Asking
) -> dict[str, str]:
    """Forget what a header means."""
    with company.writing:
        forget_mapping(company, mapping, actor=asking.actor, as_of=company.today())
    return {"forgotten": mapping}


@router.get("/template", response_class=Response, openapi_extra=verb("data.read"))
def template(
    table: Annotated[list[str], Query(description="Only these tables.")] = [],  # noqa: B006
) -> Response:
    """Return an Excel workbook with a sheet for each table and every column explained."""
    for name in table[:100]:
        if name not in table_names(role="input"):
            raise ProblemError(404, "not_found", f"there is no input table {name[:80]!r}")
    chosen = list(dict.fromkeys(table[:100]))
    return _download(template_workbook(chosen or None), "fivefold-template.xlsx", _XLSX)


@router.get("/export", response_class=Response, openapi_extra=verb("data.read"))
def export(
    company: Books,
    table: Annotated[list[str], Query(description="Tables; all with rows for xlsx.")] = [],  # noqa: B006
    file_format: Annotated[Literal["xlsx", "csv", "parquet"], Query(alias="format")] = "xlsx",
) -> Response:
    """Return tables as Excel, or one of them as CSV or Parquet; importing it changes nothing."""
    found = tables_for_export(company.dataset(as_of=company.today()))
    if table:
        lost = [name for name in table if name not in table_names(role="input")]
        if lost:
            raise ProblemError(404, "not_found", f"there is no input table {lost[0][:80]!r}")
        found = {name: company.table(name)[0] for name in dict.fromkeys(table)}
    if file_format == "xlsx":
        try:
            return _download(write_workbook(found), "fivefold.xlsx", _XLSX)
        except ValueError as error:
            raise ProblemError(422, "too_large_for_excel", str(error)) from None
    if len(found) != 1:
        raise ProblemError(422, "one_table", f"name one table for {file_format}")
    ((name, frame),) = found.items()
    if file_format == "csv":
        return _download(write_csv(frame), f"{name}.csv", "text/csv; charset=utf-8")
    return _download(write_parquet(frame), f"{name}.parquet", "application/vnd.apache.parquet")


def _download(content: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, media_type=media_type)
