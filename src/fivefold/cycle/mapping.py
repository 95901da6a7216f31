"""What headers of people's own files mean, kept in the books so that each is asked about once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from fivefold.connect.files import read_names
from fivefold.connect.mapping import ColumnMapping, Suggestion, suggest
from fivefold.cycle import documents
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.ledger import events


def mappings(workspace: Workspace) -> tuple[ColumnMapping, ...]:
    """Return every mapping that is remembered, one a header, the one given last."""
    found: dict[str, ColumnMapping] = {}
    for fact in workspace.recorded(documents.MAPPING_KEPT, documents.MAPPING_DROPPED):
        if fact.kind == documents.MAPPING_DROPPED:
            found.pop(fact.subject, None)
        else:
            found[fact.subject] = ColumnMapping(
                header=tuple(fact.body["header"]),
                table=fact.body["table"],
                columns=fact.body["columns"],
            )
    return tuple(found.values())


def remember_mapping(
    workspace: Workspace, mapping: ColumnMapping, *, actor: str, as_of: date
) -> ColumnMapping:
    """Keep what a header means; files with it are read like that from now on."""
    body = {
        "header": list(mapping.header),
        "table": mapping.table,
        "columns": dict(mapping.columns),
    }
    _record(workspace, documents.MAPPING_KEPT, mapping.mark, body, actor=actor, as_of=as_of)
    return mapping


def forget_mapping(workspace: Workspace, mark: str, *, actor: str, as_of: date) -> None:
    """Read files with this header as if nothing had been said about it.

    Raises
    ------
    NotFoundError
        If no mapping has this mark.
    """
    if mark not in {mapping.mark for mapping in mappings(workspace)}:
        raise NotFoundError(f"no mapping is remembered under {mark!r}")
    _record(workspace, documents.MAPPING_DROPPED, mark, {}, actor=actor, as_of=as_of)


def suggested(
    name: str, content: bytes, *, table: str | None = None
) -> list[tuple[tuple[str, ...], Suggestion]]:
    """Return the header of a file, of each sheet of a workbook, and what it may mean."""
    return [(header, suggest(header, table=table)) for header in read_names(name, content)]


def _record(
    workspace: Workspace,
    kind: str,
    mark: str,
    body: Mapping[str, object],
    *,
    actor: str,
    as_of: date,
) -> None:
    before = workspace.recorded(documents.MAPPING_KEPT, documents.MAPPING_DROPPED)
    workspace.journal.submit(
        events.record(
            key=f"{kind}:{mark}:{len(before)}",
            actor=actor,
            effective_at=at_noon(as_of),
            kind=kind,
            subject=mark,
            body=body,
        )
    )
