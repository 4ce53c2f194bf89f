"""From an invoice's rows to its document: the words and amounts of `screen.InvoiceScreen`."""

from collections.abc import Iterable
from datetime import date, timedelta

from babel.dates import format_date

from billing_core.barcodes import barcode_svg, qr_svg
from billing_core.domain.money import Money
from billing_core.instructions import Instructions
from billing_core.invoices import InvoiceBridge
from billing_core.store.invoice import Invoice, InvoiceLine
from helpdesk.invoices.queries import Document
from helpdesk.invoices.screen import (
    BridgeRow,
    BridgeScreen,
    InvoiceScreen,
    LineRow,
    Party,
    PayScreen,
    SumRow,
    Tone,
)
from helpdesk.invoices.words import (
    line_detail,
    line_title,
    month_of,
    percent,
    step_words,
    tax_words,
)
from helpdesk.web.formats import Formats

MILLE = 1000


def invoice_screen(document: Document, formats: Formats, *, seller: str) -> InvoiceScreen:
    """Return the document for the reader of `formats`."""
    invoice = document.invoice
    state, tone = _state(invoice, formats)
    return InvoiceScreen(
        id=str(invoice.id),
        number=invoice.name,
        title=_title(invoice, formats),
        issued=formats.gettext(
            "%(number)s, issued on %(day)s",
            number=invoice.name,
            day=_day(formats.local(invoice.issued_at).date(), formats),
        ),
        state=state,
        tone=tone,
        parties=_parties(document, formats, seller),
        bridge=_bridge(document.bridge, invoice, formats),
        charged=formats.gettext("What is being charged"),
        amount=formats.gettext("Amount"),
        lines=tuple(_line(line, invoice.currency, formats) for line in document.lines),
        sums=tuple(_sums(document, formats)),
        notes=tuple(_notes(document, formats)),
        pay=_pay(document.instructions, formats),
        page=formats.gettext("Page {number} of {all}"),
        language=formats.locale.language if formats.locale.language != "pt" else "pt-BR",
    )


def _title(invoice: Invoice, formats: Formats) -> str:
    if invoice.period_start is None:
        return formats.gettext("Invoice")
    month = month_of(invoice.period_start, formats)
    return formats.gettext("Invoice of %(month)s", month=month)


def _state(invoice: Invoice, formats: Formats) -> tuple[str, Tone]:
    match invoice.state:
        case "paid" if invoice.paid_at is not None:
            day = _day(formats.local(invoice.paid_at).date(), formats)
            return formats.gettext("Paid on %(day)s", day=day), "ok"
        case "open" if invoice.due_on < formats.today():
            day = _day(invoice.due_on, formats)
            return formats.gettext("Overdue since %(day)s", day=day), "danger"
        case "open":
            return formats.gettext("Due on %(day)s", day=_day(invoice.due_on, formats)), "warn"
        case "void":
            return formats.gettext("Void"), ""
        case "uncollectible":
            return formats.gettext("Written off"), "danger"
    return formats.gettext("Not issued yet"), ""


def _parties(document: Document, formats: Formats, seller: str) -> tuple[Party, ...]:
    invoice, customer = document.invoice, document.customer
    parties = [
        Party(formats.gettext("Who charges"), seller),
        Party(
            formats.gettext("Who pays"),
            customer.name,
            (formats.document(customer.document_masked),) if customer.document_masked else (),
        ),
    ]
    if invoice.period_start is not None and invoice.period_end is not None:
        last = invoice.period_end - timedelta(days=1)
        days = (_day(invoice.period_start, formats), _day(last, formats))
        parties.append(
            Party(
                formats.gettext("Period"),
                formats.gettext("From %(start)s to %(end)s", start=days[0], end=days[1]),
            )
        )
    return tuple(parties)


def _bridge(
    bridge: InvoiceBridge | None, invoice: Invoice, formats: Formats
) -> BridgeScreen | None:
    if bridge is None or not bridge.steps:
        return None
    amounts = [bridge.before]
    for step in bridge.steps:
        amounts.append(amounts[-1] + step.amount)
    scale = max(1, *(amount.minor for amount in amounts))
    rows = [
        _bar(_named(bridge.previous_start, bridge.previous_number, formats), bridge.before, 0,
             bridge.before.minor, "before", scale, formats)
    ]  # fmt: skip
    for step, start, end in zip(bridge.steps, amounts, amounts[1:], strict=False):
        kind = "more" if step.amount.minor > 0 else "less"
        rows.append(
            _bar(
                step_words(step, formats), step.amount, start.minor, end.minor, kind, scale, formats
            )
        )
    name = _named(invoice.period_start, invoice.name, formats)
    rows.append(_bar(name, bridge.after, 0, bridge.after.minor, "after", scale, formats))
    return BridgeScreen(_heading(bridge, formats), tuple(rows), str(bridge.previous_id))


def _heading(bridge: InvoiceBridge, formats: Formats) -> str:
    more = bridge.after - bridge.before
    values = {
        "amount": formats.money(abs(more)),
        "before": _named(bridge.previous_start, bridge.previous_number, formats, inside=True),
    }
    if more.minor > 0:
        return formats.gettext("%(amount)s more than in %(before)s. Why?", **values)
    if more.minor < 0:
        return formats.gettext("%(amount)s less than in %(before)s. Why?", **values)
    return formats.gettext("The same as in %(before)s, made up differently", **values)


def _named(start: date | None, number: str, formats: Formats, *, inside: bool = False) -> str:
    """Return a period by its month, or by its number; Portuguese months are small inside a sentence."""
    if start is None:
        return number
    name = month_of(start, formats)
    return name if inside else name[:1].upper() + name[1:]


def _bar(
    label: str, amount: Money, start: int, end: int, kind: str, scale: int, formats: Formats
) -> BridgeRow:
    low, high = sorted((max(0, start), max(0, end)))
    return BridgeRow(
        label=label,
        amount=formats.money(amount, sign=kind in ("more", "less")),
        kind=kind,  # type: ignore[arg-type]  # one of four words
        left=low * MILLE // scale,
        width=max(4, (high - low) * MILLE // scale),
    )


def _line(line: InvoiceLine, currency: str, formats: Formats) -> LineRow:
    amount = Money(line.net_minor, currency)
    if line.arithmetic.get("tax", {}).get("inclusive"):
        amount = amount + Money(line.tax_minor, currency)
    return LineRow(
        title=line_title(line, formats),
        detail=line_detail(line, formats),
        amount=formats.money(amount),
        gives_back=amount.minor < 0,
    )


def _sums(document: Document, formats: Formats) -> Iterable[SumRow]:
    """Yield taxes on top, the total, and what has been paid of it already."""
    invoice = document.invoice
    for facts, amount in _taxes(document, inclusive=False):
        rate = percent(facts["percent"], formats)
        label = formats.gettext("%(tax)s (%(percent)s)", tax=facts["code"], percent=rate)
        yield SumRow(label, formats.money(amount))
    yield SumRow(
        formats.gettext("Total"), formats.money(_money(invoice, invoice.total_minor)), strong=True
    )
    used = _money(invoice, invoice.credit_applied_minor)
    if used.minor > 0:
        yield SumRow(formats.gettext("Paid from the credit balance"), formats.money(-used))
    if used.minor < 0:
        yield SumRow(formats.gettext("Went to the credit balance"), formats.money(-used))
    lowered = _money(invoice, invoice.lowered_minor)
    if lowered:
        yield SumRow(formats.gettext("Taken off by credit notes"), formats.money(-lowered))
    if document.paid:
        yield SumRow(formats.gettext("Received"), formats.money(-document.paid))
    if invoice.state == "open" and invoice.due_minor != invoice.total_minor:
        due = _money(invoice, invoice.due_minor)
        yield SumRow(formats.gettext("Left to pay"), formats.money(due), strong=True)


def _notes(document: Document, formats: Formats) -> Iterable[str]:
    inside = [
        tax_words(facts, amount, formats) for facts, amount in _taxes(document, inclusive=True)
    ]
    if inside:
        yield formats.gettext("Taxes already in the prices: %(taxes)s.", taxes=", ".join(inside))
    if document.invoice.tax_document is not None:
        number = document.invoice.tax_document
        yield formats.gettext("Service tax document (NFS-e) %(number)s.", number=number)


def _taxes(document: Document, *, inclusive: bool) -> list[tuple[dict[str, str], Money]]:
    """Return each tax on the invoice with its sum over the lines; a rate of several is told apart."""
    found: dict[tuple[str, str], int] = {}
    for line in document.lines:
        facts = line.arithmetic.get("tax")
        if facts is None or facts["inclusive"] != inclusive or not line.tax_minor:
            continue
        sign = -1 if line.tax_minor < 0 else 1
        whole = {"code": facts["code"], "percent": facts["percent"], "minor": abs(line.tax_minor)}
        for part in facts.get("parts", [whole]):
            key = part["code"], part["percent"]
            found[key] = found.get(key, 0) + sign * part["minor"]
    currency = document.invoice.currency
    return [
        ({"code": code, "percent": rate}, Money(minor, currency))
        for (code, rate), minor in found.items()
    ]


def _pay(instructions: Instructions | None, formats: Formats) -> PayScreen | None:
    if instructions is None:
        return None
    pay_by = instructions.pay_by
    until = ""
    if instructions.due_on is not None:
        day = _day(instructions.due_on, formats)
        until = formats.gettext("until %(day)s", day=day)
    elif pay_by.expires_at is not None:
        until = formats.gettext("until %(day)s", day=formats.entry(pay_by.expires_at))
    if pay_by.rail == "pix":
        return PayScreen(
            "pix",
            formats.gettext("Pay by Pix"),
            until,
            formats.money(instructions.amount),
            pay_by.code,
            qr_svg(pay_by.code),
        )
    return PayScreen(
        "boleto",
        formats.gettext("Pay by boleto, at any bank"),
        until,
        formats.money(instructions.amount),
        _fields(pay_by.code),
        barcode_svg(pay_by.barcode),
    )


def _fields(digits: str) -> str:
    """Set a boleto's 47 digits in the five fields that people type."""
    d = digits
    fields = f"{d[:5]}.{d[5:10]} {d[10:15]}.{d[15:21]} {d[21:26]}.{d[26:32]}"
    return f"{fields} {d[32]} {d[33:]}"


def _money(invoice: Invoice, minor: int) -> Money:
    return Money(minor, invoice.currency)


def _day(day: date, formats: Formats) -> str:
    """Write a date in full, as a document does."""
    pattern = {"pt": "d 'de' MMMM 'de' y"}.get(formats.locale.language, "d MMMM y")
    return str(format_date(day, pattern, locale=formats.locale))
