"""Reads what people have into tables of the schema, and says all that is wrong with it.

Bytes in, never paths: the faces read files. `read_file` gives the tables of one file and every
problem in it, `merge` makes one set of tables of many files, `check_tables` a dataset.
"""

from __future__ import annotations

from fivefold.connect.excel import write_workbook
from fivefold.connect.files import Recognition, read_file, recognise
from fivefold.connect.loaded import Loaded
from fivefold.connect.merge import check_tables, located, merge
from fivefold.connect.settings import ImportSettings, Limits
from fivefold.connect.tables import plain, write_csv, write_parquet
from fivefold.connect.template import template_workbook

__all__ = [
    "ImportSettings",
    "Limits",
    "Loaded",
    "Recognition",
    "check_tables",
    "located",
    "merge",
    "plain",
    "read_file",
    "recognise",
    "template_workbook",
    "write_csv",
    "write_parquet",
    "write_workbook",
]
