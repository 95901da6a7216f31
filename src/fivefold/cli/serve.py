"""Commands of the server: serve the API and the pages, make a token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.app import (
    WORKSPACE,
    JsonOption,
    WorkspaceOption,
    told_errors,
    usage_error,
)
from fivefold.cli.data import ACTOR

if TYPE_CHECKING:
    from fivefold.cycle.workspace import Workspace

PORT = 8765
#: Stands in the workspace while the example is built.
_BUILDING = ".example-is-being-built"


def serve_command(
    workspace: WorkspaceOption = WORKSPACE,
    host: Annotated[
        str, typer.Option(help="Address to listen at; only this machine unless told.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.", min=1, max=65535)] = PORT,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="Further host name it is asked under. May be repeated."),
    ] = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="Leave an empty workspace empty; no example.")
    ] = False,
    private_webhooks: Annotated[
        bool, typer.Option(help="Let webhooks lead to this machine and its network.")
    ] = False,
) -> None:
    """Serve the API and the pages on this machine; the first token is printed once.

    An empty workspace is filled with the example seller and a plan for it.
    """
    try:
        import uvicorn

        from fivefold.api.access import OWN
        from fivefold.api.app import create_app
        from fivefold.api.door import LOCAL_HOSTS
    except ModuleNotFoundError as error:
        raise usage_error(
            f"{error.name} is not installed; `pip install 'fivefold[api]'` brings it"
        ) from None
    with told_errors(as_json=False):
        if not empty:
            _fill(workspace)
        app = create_app(
            workspace,
            hosts=LOCAL_HOSTS | {host} | frozenset(name or ()),
            private_webhooks=private_webhooks,
        )
        context = app.state.context
        # Opened now, so that books held by another process are told before anything is served.
        context.companies.company(OWN).say_served(f"http://{host}:{port}/")
        secret = ""
        if not context.access.has_tokens():
            secret, _ = context.access.new_token(OWN, "admin", label="first")
            typer.echo(f"Token (shown this once): {secret}")
    at = f"http://{host}:{port}"
    # What follows # stays in the browser: no request and no log has the token.
    opens = f"{at}/login#{secret}" if secret else f"{at}/"
    typer.echo(
        f"Open {opens}\n"
        f"API at {at}/docs · `fivefold token admin` makes another token · Ctrl+C ends the server",
        err=True,
    )
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        limit_concurrency=2000,
        timeout_graceful_shutdown=3,
    )
    typer.echo("Stopped; the books are closed.", err=True)


def _fill(workspace: Path) -> None:
    """Load the example seller and plan it, where the workspace holds nothing yet."""
    from fivefold.cycle.workspace import Workspace

    with Workspace(workspace) as store:
        # A build that was broken off is taken up again: each file counts once.
        begun = (store.folder / _BUILDING).exists()
        if (store.imports() or store.journal.seq) and not begun:
            return
        typer.echo(
            "The workspace is empty: building the example seller, about a minute …", err=True
        )
        (store.folder / _BUILDING).touch()
        _load_example(store)
        (store.folder / _BUILDING).unlink()


def _load_example(store: Workspace) -> None:
    from fivefold.cli.output import shown_progress
    from fivefold.cycle.importing import import_files
    from fivefold.cycle.planning import plan
    from fivefold.twin.companies.seller import AS_OF, write_company

    paths = write_company(store.folder / "files")
    with shown_progress(quiet=False) as progress:
        import_files(
            store,
            [(path.name, path.read_bytes()) for path in paths],
            actor=ACTOR,
            as_of=AS_OF,
            progress=lambda step, share: progress(step, share / 2),
        )
        day = store.imported().plan_date() or AS_OF
        made = plan(
            store.dataset(as_of=day),
            as_of=day,
            progress=lambda step, share: progress(step, 0.5 + share / 2),
        )
    store.plans.save(made)


def token_command(
    role: Annotated[
        str, typer.Argument(help="viewer, operator, planner, buyer, admin or auditor.")
    ] = "viewer",
    workspace: WorkspaceOption = WORKSPACE,
    label: Annotated[str, typer.Option(help="Whose it is.")] = "",
    company: Annotated[
        str, typer.Option(help="Company; another than the default keeps its books below tenants/.")
    ] = "default",
    days: Annotated[float, typer.Option(help="Days it is valid.")] = 365,
    as_json: JsonOption = False,
) -> None:
    """Make a token for the API and the pages; it is shown this once."""
    from fivefold.api.access import Access
    from fivefold.cli.output import emit

    access = Access(workspace / "access.db")
    try:
        secret, name = access.new_token(company, role, label=label, days=days)
    except ValueError as error:
        raise usage_error(str(error)) from None
    finally:
        access.close()
    emit(
        {"token": name, "secret": secret, "role": role, "company": company},
        as_json=as_json,
        show=lambda out: out.print(secret),
    )


COMMANDS = (("serve", serve_command), ("token", token_command))
