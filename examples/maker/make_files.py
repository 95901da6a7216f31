"""Write the files of the invented example maker into a folder.

python examples/maker/make_files.py [--to workspace/maker] [--seed 2026] [--days 400]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fivefold.twin.companies.maker import write_company


def main(argv: list[str] | None = None) -> list[Path]:
    parser = argparse.ArgumentParser(description="Write the files of the invented maker.")
    parser.add_argument("--to", type=Path, default=Path("workspace/maker"))
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--days", type=int, default=400)
    given = parser.parse_args(argv)
    written = write_company(given.to, seed=given.seed, days=given.days)
    print(f"{len(written)} files in {given.to}")
    return written


if __name__ == "__main__":
    main()
