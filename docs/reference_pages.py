"""Write docs/reference from the program: tables from the schema, commands, the API.

python -m docs.reference_pages            write the pages
python -m docs.reference_pages --check    say which are stale; exit 1 where one is
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import typer

from fivefold.api.app import close, create_app
from fivefold.cli.app import app as command_line
from fivefold.model.schema import TableSchema, schema, table_names

FOLDER = Path(__file__).parent / "reference"
_MADE = "<!-- Made by `make reference`; change the program, not this page. -->\n"


def pages() -> dict[str, str]:
    """Return every page of the reference by its file name."""
    return {
        "index.md": _index(),
        "tables.md": _tables(),
        "commands.md": _commands(),
        "api.md": _api(),
    }


def _index() -> str:
    return (
        f"{_MADE}\n# Reference\n\n"
        "- [Tables](tables.md): every table and column, its type, unit, default and meaning\n"
        "- [Commands](commands.md): the command line\n"
        "- [API](api.md): every route, who may call it, what it takes\n"
    )


def _tables() -> str:
    lines = [_MADE, "# Tables\n"]
    roles = {"input": "What you bring", "result": "What planning answers"}
    named = {name: schema(name) for name in table_names()}
    for role in dict.fromkeys(about.role for about in named.values()):
        lines.append(f"## {roles.get(role, role.capitalize())}\n")
        for about in named.values():
            if about.role == role:
                lines += _table(about)
    return "\n".join(lines)


def _table(about: TableSchema) -> list[str]:
    lines = [f"### {about.name}\n", f"{_cell(about.description)}\n"]
    lines += [
        "| column | type | unit | default | must be filled | meaning |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for column in about.columns:
        name = f"**{column.name}**" if column.key else column.name
        kind = column.type
        if column.choices:
            kind = "one of " + ", ".join(column.choices)
        elif column.references:
            other, its = column.references
            kind = f"{column.type}, [{other}.{its}](#{other})"
        must = "yes" if column.required and not column.default else ""
        default = column.default.strip('"')
        cells = (name, kind, column.unit, default, must, column.description)
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return [*lines, "", "Columns in bold tell its rows apart.\n"]


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def commands() -> dict[str, click.Command]:
    """Return every command by the words that call it, groups left out."""
    return dict(_walk("fivefold", typer.main.get_command(command_line)))


def _walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    # typer carries its own copy of click, so what a group is shows in what it has.
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, each in sorted(inner.items()):
        yield from _walk(f"{name} {word}", each)


def _commands() -> str:
    lines = [_MADE, "# Commands\n"]
    lines.append(
        "Data goes to stdout, progress to stderr. Exit codes: 0 done, 1 the plan has no answer, "
        "2 wrong call, 3 bad data.\n"
    )
    for name, command in commands().items():
        lines += [f"## {name}\n", f"{_prose(command.help)}\n"]
        rows = [_parameter(each) for each in command.params if each.name != "help"]
        if rows:
            lines += [
                "| argument or option | default | meaning |",
                "| --- | --- | --- |",
                *rows,
                "",
            ]
    return "\n".join(lines)


def _parameter(each: Any) -> str:
    is_option = each.param_type_name == "option"
    names = ", ".join((*each.opts, *each.secondary_opts)) if is_option else str(each.name).upper()
    default = each.default
    told = "" if default in (None, False, (), []) or callable(default) else str(default)
    if getattr(each, "required", False):
        told = "must be given"
    return f"| `{names}` | {_cell(told)} | {_cell(getattr(each, 'help', '') or '')} |"


def _prose(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n"))


def _api() -> str:
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Path(folder), with_pages=False)
        try:
            told = app.openapi()
        finally:
            close(app)
    lines = [_MADE, "# API\n", f"{_prose(told['info'].get('description'))}\n"]
    groups: dict[str, list[str]] = {}
    for path, methods in told["paths"].items():
        for method, route in methods.items():
            group = (route.get("tags") or ["other"])[0]
            groups.setdefault(group, []).extend(_route(method, path, route))
    for group, routes in groups.items():
        lines += [f"## {group.capitalize()}\n", *routes]
    return "\n".join(lines)


def _route(method: str, path: str, route: dict[str, Any]) -> list[str]:
    lines = [f"### {method.upper()} {path}\n", f"{_prose(route.get('description'))}\n"]
    if route.get("x-verb"):
        lines.append(f"Needs `{route['x-verb']}`.\n")
    rows = [
        f"| `{each['name']}` | {each['in']} | {'yes' if each.get('required') else ''} | "
        f"{_cell(each.get('description', ''))} |"
        for each in route.get("parameters", [])
    ]
    if rows:
        lines += [
            "| parameter | in | must be given | meaning |",
            "| --- | --- | --- | --- |",
            *rows,
        ]
        lines.append("")
    body = route.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = str(body.get("schema", {}).get("$ref", "")).rsplit("/", 1)[-1]
    if name:
        lines.append(f"Body: `{name}`, see `/openapi.json`.\n")
    return lines


def stale() -> list[str]:
    """Return the pages that differ from what the program says now."""
    return [
        name
        for name, text in pages().items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write the pages, or check them; return the exit code."""
    if "--check" in arguments:
        found = stale()
        for name in found:
            sys.stderr.write(f"docs/reference/{name} is stale; `make reference` writes it again\n")
        return 1 if found else 0
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
