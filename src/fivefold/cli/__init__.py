"""Commands: use cases of cycle and twin, with rich tables, --json and exit codes."""


def main() -> None:
    """Run the command line."""
    from fivefold.cli.app import app

    app()
