"""A preview as stored: what was shown, word for word, and read back without billing's help."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from billing_core.domain.money import Money
from billing_core.preview import ChangeRow, MoneyPreview, PreviewLine

Value = Money | str | date | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What the agent saw, and what the approver sees. `about` names the things meant."""

    charge_now: Money | None
    rows: tuple[ChangeRow, ...]
    lines: tuple[PreviewLine, ...]
    about: dict[str, Any]

    def row(self, item: str) -> ChangeRow | None:
        return next((row for row in self.rows if row.item == item), None)


def freeze(preview: MoneyPreview, about: dict[str, Any]) -> dict[str, Any]:
    """Return a preview as JSON values; `thaw` reads it back."""
    return {
        "charge_now": _kept(preview.charge_now),
        "rows": [[row.item, _kept(row.before), _kept(row.after), row.data] for row in preview.rows],
        "lines": [
            [
                line.kind,
                line.label,
                _kept(line.amount),
                line.start.isoformat(),
                line.end.isoformat(),
                line.arithmetic,
            ]
            for line in preview.lines
        ],
        "about": about,
    }


def thaw(shown: dict[str, Any]) -> Shown:
    charge_now = _read(shown["charge_now"])
    return Shown(
        charge_now=charge_now if isinstance(charge_now, Money) else None,
        rows=tuple(
            ChangeRow(item, _read(before), _read(after), data)
            for item, before, after, data in shown["rows"]
        ),
        lines=tuple(
            PreviewLine(
                kind,
                label,
                money_from(amount["money"]),
                date.fromisoformat(start),
                date.fromisoformat(end),
                arithmetic,
            )
            for kind, label, amount, start, end, arithmetic in shown["lines"]
        ),
        about=shown["about"],
    )


def money_kept(amount: Money) -> list[Any]:
    return [amount.minor, amount.currency]


def money_from(kept: list[Any]) -> Money:
    return Money(kept[0], kept[1])


def _kept(value: Value) -> Any:
    match value:
        case Money():
            return {"money": money_kept(value)}
        case date():
            return {"date": value.isoformat()}
    return value


def _read(value: Any) -> Value:
    match value:
        case {"money": kept}:
            return money_from(kept)
        case {"date": text}:
            return date.fromisoformat(text)
    return value if isinstance(value, str) else None
