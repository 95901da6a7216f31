"""What a reader must be told, because no file says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fivefold.connect.mapping import ColumnMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How big a file may be; all are checked before anything is parsed.

    Parameters
    ----------
    max_bytes, max_rows, max_columns : int
        Of one file or sheet.
    max_line_bytes, max_cell_characters : int
        Of one row as text, and of one cell.
    max_entries, max_unpacked_bytes, max_ratio : int
        Of a workbook, which is a zip archive: parts, size once unpacked, and how many times
        larger a part may be unpacked than packed.
    """

    max_bytes: int = 512 * 1024 * 1024
    max_rows: int = 5_000_000
    max_columns: int = 500
    max_line_bytes: int = 1_000_000
    max_cell_characters: int = 32_767
    max_entries: int = 2_000
    max_unpacked_bytes: int = 1024 * 1024 * 1024
    max_ratio: int = 200

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """Names and dates that reports leave out.

    Parameters
    ----------
    as_of : date or None
        Day on which reports without a date of their own were made.
    network_location : str
        Place that stands for the marketplace's pooled stock.
    own_location : str
        Place from which the seller ships.
    fba_channel, fbm_channel, mcf_channel : str
        Channels of orders shipped by the marketplace, by the seller, and by the marketplace
        for other shops.
    country : str
        Country assumed where a report names none, ISO 3166 alpha-2.
    currency : str
        Currency assumed where a report names none.
    date_order : {'mdy', 'dmy'}
        How to read a date such as 03/04/2026 in a marketplace report whose column does not
        give it away. Fivefold's own tables never guess.
    inbound_days_working, inbound_days_shipped, inbound_days_receiving : int
        Days from `as_of` until units in that state are expected to be on sale; the reports
        give quantities without dates.
    mappings : tuple of ColumnMapping
        What headers of no known kind mean.
    limits : Limits
    """

    as_of: date | None = None
    network_location: str = "FBA-US"
    own_location: str = "WH1"
    fba_channel: str = "FBA"
    fbm_channel: str = "FBM"
    mcf_channel: str = "MCF"
    country: str = "US"
    currency: str = "USD"
    date_order: Literal["mdy", "dmy"] = "mdy"
    inbound_days_working: int = 28
    inbound_days_shipped: int = 14
    inbound_days_receiving: int = 5
    mappings: tuple[ColumnMapping, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name in ("inbound_days_working", "inbound_days_shipped", "inbound_days_receiving"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if self.date_order not in ("mdy", "dmy"):
            raise ValueError(f"date_order must be 'mdy' or 'dmy', found {self.date_order!r}")
