"""Write the files of the invented parcel network into a folder.

python examples/network/make_files.py [--to workspace/network] [--seed 2026] [--scale 1.0]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fivefold.twin.companies.operator import write_company


def main(argv: list[str] | None = None) -> list[Path]:
    parser = argparse.ArgumentParser(description="Write the files of the invented network.")
    parser.add_argument("--to", type=Path, default=Path("workspace/network"))
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args(argv)
    written = write_company(given.to, seed=given.seed, scale=given.scale)
    print(f"{len(written)} files in {given.to}")
    return written


if __name__ == "__main__":
    main()
