"""What exists: tables of nouns, their schema, and the outcome of an engine. Decides nothing."""

from fivefold.model.dataset import Dataset
from fivefold.model.outcome import Outcome, Reason, explanations_frame
from fivefold.model.schema import Column, TableSchema, schema, table_names

__all__ = [
    "Column",
    "Dataset",
    "Outcome",
    "Reason",
    "TableSchema",
    "explanations_frame",
    "schema",
    "table_names",
]
