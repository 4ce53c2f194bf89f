"""Invoices on a screen and on paper: readable in two languages, for those who may see them."""

import os
import re
import socket
from collections.abc import Callable
from html import unescape
from typing import Any, NoReturn
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from billing_core.catalog import set_tax_rate
from billing_core.store.subscription import SubscriptionItem
from billing_core.usage import NewUsage, record_usage
from helpdesk.customers.model import Customer
from tests.browser import Browser
from tests.integration.invoices.conftest import Shop


def read(html: str) -> str:
    """Return what a person reads, with plain spaces."""
    text = unescape(re.sub(r"<[^>]+>", " ", html)).replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"\s+", " ", text)


def test_an_invoice_says_what_each_line_adds_up_from(
    shop: Shop, signed_in: Callable[..., Browser]
) -> None:
    page = signed_in("supervisor", language="pt_BR").get(f"/invoices/{shop.invoices()[1]}")
    assert page.status_code == 200
    text = read(page.text)
    for sentence in (
        "Fatura de dezembro",
        "R$ 51,79 a mais que em novembro. Por quê?",
        "Equipe: 12 em vez de 10 +R$ 199,80",
        "Cupom DEZ −R$ 119,88",
        "Pago com o saldo de crédito −R$ 40,00",
        "1.000 × R$ 0,0035 + 1.400 × R$ 0,002 + R$ 5,00 = R$ 11,30.",
        "12 × R$ 99,90 menos 10%, cupom DEZ. R$ 1.078,92",
        "ISS (5%) R$ 0,57",
        "Total R$ 1.090,79",
        "Impostos já incluídos nos preços: R$ 51,38 de ISS (5%).",
        "Nota fiscal de serviço (NFS-e) 2026/90377.",
    ):
        assert sentence in text, text
    assert " style=" not in page.text, "the content policy forbids it"


def test_an_invoice_reads_in_english_too(shop: Shop, signed_in: Callable[..., Browser]) -> None:
    page = signed_in("supervisor", language="en").get(f"/invoices/{shop.invoices()[1]}")
    text = read(page.text)
    assert "R$51.79 more than in November. Why?" in text
    assert "12 × R$99.90 less 10%, coupon DEZ." in text


def test_the_first_invoice_is_compared_with_none(
    shop: Shop, signed_in: Callable[..., Browser]
) -> None:
    page = signed_in("supervisor").get(f"/invoices/{shop.invoices()[0]}")
    assert page.status_code == 200
    assert "invoice-why" not in page.text


@pytest.mark.parametrize("language", ["pt_BR", "en", "xx", None])
def test_an_invoice_is_a_pdf(
    shop: Shop, signed_in: Callable[..., Browser], language: str | None
) -> None:
    asked = f"?language={language}" if language else ""
    answer = signed_in("supervisor").get(f"/invoices/{shop.invoices()[1]}.pdf{asked}")
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF-")
    assert answer.data.count(b"/Type /Page\n") == 1
    assert b"/ToUnicode" in answer.data, "its words can be searched and copied"
    assert (b"/Lang (pt-BR)" in answer.data) == (language in ("pt_BR", None))
    assert "FAT-2026-00002.pdf" in answer.headers["Content-Disposition"]


def test_an_agent_sees_the_invoices_of_customers_she_talks_to(
    shop: Shop,
    signed_in: Callable[..., Browser],
    open_ticket_of: Callable[..., None],
) -> None:
    agent = signed_in("agent")
    path = f"/invoices/{shop.invoices()[0]}"
    assert agent.get(path).status_code == 404
    open_ticket_of(team_id=another_team(shop))
    assert agent.get(path).status_code == 404, "a conversation of another team"
    open_ticket_of()
    assert agent.get(path).status_code == 200
    assert agent.get(f"{path}.pdf").status_code == 200
    assert agent.get(f"/invoices/{uuid4()}").status_code == 404


def test_a_stranger_sees_nothing(shop: Shop, app: object) -> None:
    stranger = Browser(app)  # type: ignore[arg-type]
    for path in (f"/invoices/{shop.invoices()[0]}", f"/invoices/{shop.invoices()[0]}.pdf"):
        assert stranger.get(path).status_code in (302, 303, 401)


def another_team(shop: Shop) -> UUID:
    from helpdesk.staff.model import Team

    with shop.services.begin() as tx:
        team = Team(id=tx.new_id(), name="Outro time")
        tx.session.add(team)
        return team.id


def test_x9_paper_reads_no_file_and_asks_nobody(
    shop: Shop, signed_in: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = "<img src='file:///etc/passwd'><iframe src='http://169.254.169.254/'></iframe>"
    with shop.services.begin() as tx:
        tx.session.get_one(Customer, shop.customer_id).name = reads
    browser, opened, asked = signed_in("supervisor"), list[str](), list[object]()

    def watched(opens: Callable[..., Any]) -> Callable[..., Any]:
        def watch(file: object, *args: Any, **more: Any) -> Any:
            opened.append(str(file))
            return opens(file, *args, **more)

        return watch

    def refuse(*whom: object, **_: object) -> NoReturn:
        asked.append(whom)  # whoever asks may not tell us that it failed
        raise OSError("there is no network")

    for opens in ("builtins.open", "io.open", "os.open"):
        monkeypatch.setattr(opens, watched(open if opens != "os.open" else os.open))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    answer = browser.get(f"/invoices/{shop.invoices()[1]}.pdf")
    assert not [name for name in opened if "passwd" in name or ":/" in name]
    assert asked == []
    assert answer.status_code == 200
    assert [name for name in opened if name.endswith(".ttf")], "the watch sees what is opened"
    assert b"/Subtype /Image" not in answer.data
    assert b"/EmbeddedFile" not in answer.data
    assert b"/Launch" not in answer.data
    assert reads not in browser.get(f"/invoices/{shop.invoices()[1]}").text


def test_taxes_that_go_together_are_told_apart(
    shop: Shop, signed_in: Callable[..., Browser]
) -> None:
    with shop.services.begin() as tx:
        set_tax_rate(tx, "ISS", name="Serviços", percent=(("ISS", "5"), ("PIS", "0.65")))
        [item] = tx.session.scalars(
            select(SubscriptionItem.id).where(SubscriptionItem.added_on.is_not(None))
        )
        record_usage(tx, NewUsage(item_id=item, quantity=2000, used_at=tx.at, key="december"))
    before = set(shop.invoices())
    shop.bill()
    [third] = set(shop.invoices()) - before
    text = read(signed_in("supervisor", language="pt_BR").get(f"/invoices/{third}").text)
    assert "ISS (5%) R$ 0,47" in text
    assert "PIS (0,65%) R$ 0,06" in text
    assert "R$ 56,73 de ISS (5%), R$ 7,38 de PIS (0,65%)" in text
