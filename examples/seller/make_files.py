"""Write the files of the invented example seller into a folder.

python examples/seller/make_files.py [--to workspace/example] [--seed 2026] [--items 300]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fivefold.twin.companies.seller import write_company


def main(argv: list[str] | None = None) -> list[Path]:
    parser = argparse.ArgumentParser(description="Write the files of the invented seller.")
    parser.add_argument("--to", type=Path, default=Path("workspace/example"))
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--days", type=int, default=730)
    given = parser.parse_args(argv)
    written = write_company(given.to, seed=given.seed, items=given.items, days=given.days)
    size = sum(path.stat().st_size for path in written) / 1e6
    print(f"{len(written)} files, {size:.0f} MB, in {given.to}")
    return written


if __name__ == "__main__":
    main()
