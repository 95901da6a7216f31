"""What every engine returns: tables, a status, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fivefold.model.schema import reason_codes, schema

if TYPE_CHECKING:
    import polars as pl

Status = Literal["optimal", "feasible", "infeasible", "unbounded", "time_limit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason for one decision.

    Parameters
    ----------
    subject : str
        Name of the decision it explains.
    reason_code : str
        One of `fivefold.model.schema.reason_codes()`.
    text : str
        One sentence a person can read, with the figures in it.
    reference : str
        The demand, limit, fee card or option it speaks of.
    quantity, price : float or None
        How much, and the price of one unit of it.
    """

    subject: str
    reason_code: str
    text: str
    reference: str = ""
    quantity: float | None = None
    price: float | None = None


def explanations_frame(reasons: Iterable[Reason]) -> pl.DataFrame:
    """Return reasons as the explanations table, numbered within each subject.

    Raises
    ------
    ValueError
        If a reason code is not on the list.
    """
    rows: list[dict[str, object]] = []
    seen: dict[str, int] = {}
    for reason in reasons:
        if reason.reason_code not in reason_codes():
            raise ValueError(f"reason_code {reason.reason_code!r} is not in reasons.csv")
        seen[reason.subject] = seen.get(reason.subject, 0) + 1
        rows.append(
            {
                "subject": reason.subject,
                "sequence": seen[reason.subject],
                "reason_code": reason.reason_code,
                "reference": reason.reference,
                "quantity": reason.quantity,
                "price": reason.price,
                "text": reason.text,
            }
        )
    return schema("explanations").frame(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer of an engine.

    Parameters
    ----------
    tables : mapping of str to polars.DataFrame
        Result tables by name, as in the schema.
    status : str
        optimal, feasible, infeasible, unbounded or time_limit. No answer is not an error:
        the reason stands in `explanations`.
    objective, bound : float or None
        Value reached and proven bound on it, same unit.
    runtime_s : float or None
        CPU seconds, filled by the caller that has a clock.
    explanations : polars.DataFrame or None
        Rows (subject, sequence, reason_code, reference, quantity, price, text).
    notes : mapping of str to object
        Further figures of the run, such as iterations.
    """

    tables: Mapping[str, pl.DataFrame]
    status: Status = "feasible"
    objective: float | None = None
    bound: float | None = None
    runtime_s: float | None = None
    explanations: pl.DataFrame | None = None
    notes: Mapping[str, object] = field(default_factory=dict)

    @property
    def has_answer(self) -> bool:
        """Whether the tables hold something to act on."""
        return self.status in ("optimal", "feasible", "time_limit")

    @property
    def gap(self) -> float | None:
        """Relative distance from objective to bound; None where either is unknown."""
        if self.objective is None or self.bound is None:
            return None
        return abs(self.objective - self.bound) / max(1e-12, abs(self.objective))

    def __getitem__(self, table: str) -> pl.DataFrame:
        """Return a result table; an empty one of the right shape where none was made."""
        found = self.tables.get(table)
        return schema(table).empty() if found is None else found

    def why(self, subject: str) -> pl.DataFrame:
        """Return the reasons for one decision, in reading order."""
        import polars as pl

        if self.explanations is None:
            return schema("explanations").empty()
        return self.explanations.filter(pl.col("subject") == subject).sort("sequence")

    def _repr_html_(self) -> str:
        head = f"<p><b>{self.status}</b>"
        if self.objective is not None:
            head += f", objective {self.objective:,.2f}"
        if self.gap is not None:
            head += f", gap to bound {self.gap:.2%}"
        rows = "".join(
            f"<li>{name}: {frame.height:,} rows</li>" for name, frame in self.tables.items()
        )
        return f"{head}</p><ul>{rows}</ul>"
