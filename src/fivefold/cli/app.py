"""The command line: one command a use case. Heavy imports happen inside the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from fivefold.cli.output import BAD_DATA, USAGE

app = typer.Typer(
    name="fivefold",
    help="An Amazon-style supply chain as one closed loop: plan, source, make, deliver, return.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        "-w",
        envvar="FIVEFOLD_WORKSPACE",
        help="Folder of the books, imports and plans.",
        show_default=True,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
DateOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="Day the command is for, YYYY-MM-DD. [default: plan date or today]"
    ),
]
WORKSPACE = Path("workspace")
#: Name of each command with its function.
Verbs = tuple[tuple[str, Callable[..., None]], ...]
#: Files of a folder that are taken for data; a file named on its own is always read.
READABLE = frozenset({".txt", ".tsv", ".csv", ".xlsx", ".parquet"})


@contextmanager
def told_errors(*, as_json: bool) -> Iterator[None]:
    """Turn errors raised on purpose into a message and an exit code."""
    from fivefold.errors import DataError, FivefoldError

    try:
        yield
    except DataError as error:
        _say_problems(error, as_json=as_json)
        raise typer.Exit(BAD_DATA) from None
    except FivefoldError as error:
        _say(str(error), as_json=as_json, details=getattr(error, "details", None))
        raise typer.Exit(USAGE) from None


def usage_error(message: str) -> typer.Exit:
    """Tell a wrong call on stderr; raise what is returned."""
    typer.echo(f"fivefold: {message}", err=True)
    return typer.Exit(USAGE)


def _say(message: str, *, as_json: bool, details: dict[str, object] | None = None) -> None:
    if as_json:
        import json

        typer.echo(json.dumps({"schema_version": 1, "error": message, **(details or {})}))
    else:
        typer.echo(f"fivefold: {message}", err=True)


def _say_problems(error: object, *, as_json: bool) -> None:
    from fivefold.cli.output import console, emit, problem_record, problems_table
    from fivefold.errors import DataError

    assert isinstance(error, DataError)
    if as_json:
        emit(
            {"status": "bad_data", "problems": [problem_record(p) for p in error.problems]},
            as_json=True,
            show=lambda out: None,
        )
        return
    out = console(stderr=True)
    out.print(f"[red]{len(error.problems)} problem(s) in the data; nothing was changed.[/red]")
    problems_table(out, error.problems)


def read_files(paths: list[Path]) -> list[tuple[str, bytes]]:
    """Return name and bytes of each file; a folder stands for the files in it."""
    found: list[tuple[str, bytes]] = []
    for path in paths:
        if path.is_dir():
            inner = sorted(p for p in path.rglob("*") if p.suffix.lower() in READABLE)
            found.extend((p.name, p.read_bytes()) for p in inner)
        elif path.is_file():
            found.append((path.name, path.read_bytes()))
        else:
            raise usage_error(f"there is no file {path}")
    return found


#: Modules of commands under the heading they are listed by, in the order of the help.
MODULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Begin", ("demo", "data")),
    ("Plan", ("planning", "what_if", "late", "proof", "demand", "benefits", "price", "portfolio")),
    ("Agree", ("review", "scenario", "sop", "watch")),
    ("Source", ("purchasing", "sourcing")),
    ("Make", ("schedule", "work")),
    (
        "Deliver",
        (
            "channels",
            "inbound",
            "placement",
            "serving",
            "retail",
            "parcels",
            "warehouse",
            "routes",
            "partners",
            "track",
            "network",
            "workforce",
        ),
    ),
    ("Return", ("returns", "care")),
    ("Day by day", ("execution",)),
    ("Serve", ("serve",)),
)


def _register() -> None:
    """Register what each module has: `COMMANDS` at the top, a `GROUP` of verbs, or both."""
    for heading, names in MODULES:
        for module in (import_module(f"fivefold.cli.{name}") for name in names):
            commands: Verbs = getattr(module, "COMMANDS", ())
            for name, command in commands:
                app.command(name, rich_help_panel=heading)(command)
            if hasattr(module, "GROUP"):
                name, about, verbs = module.GROUP
                group = typer.Typer(name=name, help=about, no_args_is_help=True)
                for verb, command in verbs:
                    group.command(verb)(command)
                app.add_typer(group, rich_help_panel=heading)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Print the version, or go on to a command."""
    if version:
        from fivefold import __version__

        typer.echo(__version__)
        raise typer.Exit
    # A pipe that closes early, such as `| head`, is no error of ours.
    if sys.platform != "win32":
        import signal

        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


_register()
