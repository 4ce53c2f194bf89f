"""What the commands about money print, and the status they end with."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from sqlalchemy import text

from billing_core.metrics import record_mrr
from helpdesk.billing_cli import percent
from helpdesk.cli import main
from helpdesk.services import Services
from tests.commands import Say, say
from tests.conftest import TestClock

from .conftest import Sold

__all__ = ["say"]


@pytest.fixture
def sold(services_on_both: Services, sell: Callable[[Services], Sold]) -> Sold:
    return sell(services_on_both)


def test_verify_says_what_it_looked_at(sold: Sold, say: Say) -> None:
    status, out, err = say(sold.services, "ledger", "verify")
    assert (status, err) == (0, "")
    assert "entries   2\nsealed    0\nwaiting   2\nbalance   BRL 0.00\n" in out
    assert out.endswith("all right\n")


def test_verify_fails_when_the_books_were_touched(sold: Sold, say: Say) -> None:
    with sold.services.begin() as tx:
        tx.session.execute(text("UPDATE payment SET refunded_minor = 1"))
    status, out, err = say(sold.services, "ledger", "verify")
    assert status == 1
    assert "WRONG     cash_at_gateway: the books say 12990 BRL, the rows 12989" in out
    assert "faults in the books" in err


def test_verify_looks_up_a_head_that_was_noted(sold: Sold, say: Say) -> None:
    status, out, _ = say(sold.services, "ledger", "verify", "--noted", f"7:{'a' * 64}")
    assert status == 1
    assert "seal 7: was the head once, and is gone" in out


@pytest.mark.parametrize("text", ["7", "7:abc", f"x:{'a' * 64}"])
def test_a_head_that_is_none_is_refused(
    services: Services, say: Say, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        say(services, "ledger", "verify", "--noted", text)
    assert "--noted" in capsys.readouterr().err


def test_the_balance_of_a_day_adds_up_to_nothing(sold: Sold, say: Say, clock: TestClock) -> None:
    _, out, _ = say(sold.services, "ledger", "balance")
    words = [line.split() for line in out.splitlines()]
    assert ["cash_at_gateway", "asset", *["BRL", "0.00"], *["BRL", "129.90"], *["BRL", "0.00"],
            *["BRL", "129.90"]] in words  # fmt: skip
    assert words[-1] == ["sum", "BRL", "0.00"]
    clock.forward(days=3)
    _, later, _ = say(sold.services, "ledger", "balance", "--on", "2026-11-19")
    cash = next(line for line in later.splitlines() if line.startswith("cash"))
    assert cash.split()[2:] == ["BRL", "129.90", "BRL", "0.00", "BRL", "0.00", "BRL", "129.90"]


def test_a_run_tells_what_it_billed(sold: Sold, say: Say, clock: TestClock) -> None:
    clock.forward(days=31)
    status, out, _ = say(sold.services, "billing", "run")
    assert (status, out) == (0, "invoices 1, paid 1, declined 0, without an answer yet 0\n")


def test_a_preview_tells_the_next_charge(sold: Sold, say: Say) -> None:
    status, out, _ = say(sold.services, "billing", "preview", str(sold.subscription_id))
    assert status == 0
    assert out.startswith("2026-12-17, in 30 days: BRL 129.90 (renewal)\n")


def test_a_preview_of_nothing_says_so(sold: Sold, say: Say) -> None:
    status, _, err = say(sold.services, "billing", "preview", str(sold.customer_id))
    assert status == 1
    assert "no subscription" in err


def test_a_day_that_agrees_with_the_gateway(sold: Sold, say: Say) -> None:
    status, out, _ = say(sold.services, "reconcile", "--day", "2026-11-17")
    assert (status, out) == (0, "sandbox 2026-11-17: matched 1\n")


def test_both_sides_of_a_difference_are_printed(sold: Sold, say: Say, clock: TestClock) -> None:
    with sold.services.begin() as tx:
        tx.session.execute(text("UPDATE sandbox_charge SET amount_minor = 1"))
    clock.forward(days=1)
    status, out, err = say(sold.services, "reconcile", "--gateway", "sandbox")
    assert status == 1
    assert "ours BRL 129.90, theirs BRL 0.01" in out
    assert "1 movements differ" in err


def test_an_unknown_gateway_is_named_with_the_known_ones(services: Services, say: Say) -> None:
    status, _, err = say(services, "reconcile", "--gateway", "acme")
    assert (status, err) == (1, "guiche: no gateway acme; there are: sandbox\n")


def test_a_gateway_that_does_not_answer_is_told(services: Services, say: Say) -> None:
    services.gateways["sandbox"].behave("drop_before", on="report")  # type: ignore[attr-defined]
    status, _, err = say(services, "reconcile")
    assert status == 1
    assert "sandbox: no report" in err


def test_metrics_of_a_month(sold: Sold, say: Say, clock: TestClock) -> None:
    with sold.services.begin() as tx:
        record_mrr(tx, sold.subscription_id)
    clock.forward(days=1)
    _, out, _ = say(sold.services, "metrics")
    lines = {" ".join(line.split()) for line in out.splitlines()}
    assert {"2026-11 (America/Sao_Paulo)", "BRL", "+ new BRL 129.90", "= MRR BRL 129.90",
            "ARR BRL 1558.80", "NRR -"} <= lines  # fmt: skip
    clock.forward(days=31)
    _, out, _ = say(sold.services, "metrics", "--month", "2026-12")
    assert "NRR 100.0 %" in {" ".join(line.split()) for line in out.splitlines()}


def test_metrics_of_nobody(services: Services, say: Say) -> None:
    assert "no recurring revenue yet" in say(services, "metrics")[1]


@pytest.mark.parametrize(
    ("share", "printed"),
    [
        (None, "-"),
        (Fraction(0), "0.0 %"),
        (Fraction(1, 8), "12.5 %"),
        (Fraction(2, 3), "66.7 %"),
        (Fraction(11, 10), "110.0 %"),
    ],
)
def test_shares_are_percent_with_one_decimal(share: Fraction | None, printed: str) -> None:
    assert percent(share) == printed


@pytest.mark.parametrize("command", ["billing", "ledger", "reconcile", "metrics"])
def test_every_command_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"guiche {command}" in capsys.readouterr().out
