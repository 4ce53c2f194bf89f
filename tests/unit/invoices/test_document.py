"""The document of an invoice in each of its states, and how it can be paid."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from babel.core import Locale

from billing_core.domain.bridge import Step
from billing_core.domain.money import Money
from billing_core.instructions import Instructions
from billing_core.invoices import InvoiceBridge
from billing_core.ports import PayBy
from billing_core.store.invoice import Invoice, InvoiceLine
from helpdesk.customers.model import Customer
from helpdesk.invoices.document import invoice_screen
from helpdesk.invoices.pdf import invoice_pdf
from helpdesk.invoices.queries import Document
from helpdesk.invoices.screen import InvoiceScreen
from helpdesk.web.formats import Formats

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STATIC = str(Path(__file__).parents[3] / "static")


def say(message: str, /, **values: Any) -> str:
    return message % values if values else message


EN = Formats(Locale("en"), UTC, NOW, say)


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def line(number: int = 1) -> InvoiceLine:
    return InvoiceLine(
        kind="subscription",
        label=f"Plano {number}",
        period_start=date(2026, 11, 16),
        period_end=date(2026, 12, 16),
        net_minor=12990,
        tax_minor=0,
        arithmetic={
            "days": 30, "of_days": 30, "unit_minor": 12990, "quantity": 1, "currency": "BRL",
        },
    )  # fmt: skip


def document(*, lines: int = 1, **values: Any) -> Document:
    facts = {
        "id": uuid4(),
        "series": "FAT-2026",
        "number": 7,
        "state": "open",
        "currency": "BRL",
        "period_start": date(2026, 11, 16),
        "period_end": date(2026, 12, 16),
        "discount_minor": 0,
        "tax_minor": 0,
        "total_minor": 12990,
        "credit_applied_minor": 0,
        "lowered_minor": 0,
        "due_minor": 12990,
        "issued_at": NOW,
        "due_on": date(2026, 11, 25),
    }
    return Document(
        invoice=Invoice(**(facts | values)),
        lines=tuple(line(number) for number in range(lines)),
        customer=Customer(name="Mariana Alves Prado", document_masked="•••.482.118-••"),
        bridge=None,
        instructions=None,
        paid=brl(0),
    )


def screen(document: Document) -> InvoiceScreen:
    return invoice_screen(document, EN, seller="Sabiá")


@pytest.mark.parametrize(
    ("values", "state", "tone"),
    [
        pytest.param({}, "Due on 25 November 2026", "warn", id="open"),
        pytest.param(
            {"due_on": date(2026, 11, 21)}, "Overdue since 21 November 2026", "danger", id="late"
        ),
        pytest.param(
            {"state": "paid", "paid_at": NOW}, "Paid on 22 November 2026", "ok", id="paid"
        ),
        pytest.param({"state": "void"}, "Void", "", id="void"),
        pytest.param({"state": "uncollectible"}, "Written off", "danger", id="written-off"),
        pytest.param({"state": "draft"}, "Not issued yet", "", id="draft"),
    ],
)
def test_a_document_says_how_the_invoice_stands(
    values: dict[str, Any], state: str, tone: str
) -> None:
    shown = screen(document(**values))
    assert (shown.state, shown.tone) == (state, tone)


def test_what_was_paid_is_taken_off_the_total() -> None:
    given = document(credit_applied_minor=1000, lowered_minor=990, due_minor=11000)
    sums = screen(replace(given, paid=brl(5000))).sums
    assert [(row.label, row.amount) for row in sums] == [
        ("Total", "R$129.90"),
        ("Paid from the credit balance", "−R$10.00"),
        ("Taken off by credit notes", "−R$9.90"),
        ("Received", "−R$50.00"),
        ("Left to pay", "R$110.00"),
    ]


def test_an_invoice_with_a_negative_total_went_to_the_balance() -> None:
    given = document(state="paid", paid_at=NOW, total_minor=-500, credit_applied_minor=-500)
    assert [(row.label, row.amount) for row in screen(given).sums] == [
        ("Total", "−R$5.00"),
        ("Went to the credit balance", "R$5.00"),
    ]


def test_an_invoice_without_a_period_has_no_month() -> None:
    shown = screen(document(period_start=None, period_end=None))
    assert shown.title == "Invoice"
    assert len(shown.parties) == 2


@pytest.mark.parametrize(
    ("before", "after", "heading"),
    [
        (10000, 12990, "R$29.90 more than in October. Why?"),
        (15000, 12990, "R$20.10 less than in October. Why?"),
        (12990, 12990, "The same as in October, made up differently"),
    ],
)
def test_the_bridge_is_asked_as_a_question(before: int, after: int, heading: str) -> None:
    steps = (
        Step("added", "Telas", brl(after - before + 1), {"kind": "subscription"}),
        Step("gone", "Perfis", brl(-1), {"kind": "subscription"}),
    )
    bridge = InvoiceBridge(
        uuid4(), "FAT-2026-00001", date(2026, 10, 16), brl(before), brl(after), steps
    )
    shown = screen(replace(document(), bridge=bridge)).bridge
    assert shown is not None
    assert shown.heading == heading
    assert [row.kind for row in shown.rows][:1] == ["before"]
    assert shown.rows[-1].label == "November"
    assert all(0 <= row.left <= 1000 and 0 < row.width <= 1000 for row in shown.rows)


def test_no_step_is_no_question() -> None:
    bridge = InvoiceBridge(uuid4(), "FAT-2026-00001", None, brl(1), brl(1), ())
    assert screen(replace(document(), bridge=bridge)).bridge is None


PIX = PayBy("pix", "00020126580014br.gov.bcb.pix", expires_at=NOW + timedelta(hours=1))


def pix(pay_by: PayBy = PIX, due_on: date | None = None) -> Instructions:
    return Instructions(uuid4(), brl(12990), due_on, pay_by)


BOLETO = PayBy("boleto", "00190000090123456789101112131415100000000125548", "0" * 44)


def test_a_waiting_pix_charge_is_a_code_to_scan() -> None:
    pay = screen(replace(document(), instructions=pix())).pay
    assert pay is not None
    assert (pay.rail, pay.until, pay.amount) == ("pix", "until today 13:00", "R$129.90")
    assert pay.picture.startswith("<svg")


def test_a_waiting_boleto_is_a_line_and_bars() -> None:
    given = pix(pay_by=BOLETO, due_on=date(2026, 11, 25))
    pay = screen(replace(document(), instructions=given)).pay
    assert pay is not None
    assert pay.code == "00190.00009 01234.567891 01112.131415 1 00000000125548"
    assert pay.until == "until 25 November 2026"


def test_without_a_day_nothing_is_said_of_one() -> None:
    pay = screen(replace(document(), instructions=pix(pay_by=BOLETO))).pay
    assert pay is not None
    assert pay.until == ""


@pytest.mark.parametrize("pay_by", [PIX, BOLETO], ids=["pix", "boleto"])
def test_paper_has_as_many_pages_as_it_needs(pay_by: PayBy) -> None:
    steps = (Step("added", "Um nome que não cabe de jeito nenhum na coluna dele, mesmo", brl(12989), {"kind": "usage"}),)  # fmt: skip
    bridge = InvoiceBridge(uuid4(), "FAT-2026-00001", date(2026, 10, 16), brl(1), brl(12990), steps)
    for lines, pages in ((1, 1), (40, 3)):
        given = replace(document(lines=lines), instructions=pix(pay_by=pay_by), bridge=bridge)
        body = invoice_pdf(screen(given), fonts=STATIC, at=NOW)
        assert body.count(b"/Type /Page\n") == pages
