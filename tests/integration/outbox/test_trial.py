"""The button that tries every way out: each line says by itself what works and what does not."""

import re
import threading
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from channels.port import Check, Unreachable
from channels.sms.adapter import SmsAdapter
from channels.twilio_gate import Account
from helpdesk.bootstrap import MailNetwork
from helpdesk.jobs.heartbeat import beat
from helpdesk.mailboxes.account import MailAccount
from helpdesk.mailboxes.model import Mailbox
from helpdesk.mailboxes.port import Verdict
from helpdesk.mailboxes.sealing import seal
from helpdesk.outbox import trial
from helpdesk.outbox.model import Outbound
from helpdesk.outbox.sending import send_due
from helpdesk.outbox.trial import SendingJob, sending_job
from helpdesk.services import Services
from helpdesk.staff.policy import GRANTS
from tests.browser import Browser, hire
from tests.conftest import TestClock
from tests.databases import rows_by_table
from tests.integration.inbox.world import FakeAdapter, World, mail
from tests.integration.mailboxes.office import SALES
from tests.integration.outbox.house import HER, HOOKS, House, lines_of
from tests.integration.phone.office import OURS
from tests.servers.twilio_standin import ACCOUNT_SID


def stored(services: Services) -> dict[str, int]:
    with services.reading() as session:
        return rows_by_table(session)


def test_ways_that_work_are_said_to_work_and_nothing_is_sent_or_kept(house: House) -> None:
    house.mailbox()
    before = stored(house.services)
    lines = house.tries()
    assert [(way, well) for way, well, _ in lines] == [
        ("job", "yes"), ("email", "yes"), ("sms", "yes"), ("whatsapp", "yes"), ("voice", "yes"),
    ]  # fmt: skip
    said = [one for _, _, one in lines]
    assert said[0].endswith("It works. No message is due.")
    assert SALES in said[1]
    assert f"The server takes mail from {SALES} to {HER}; none was sent." in said[1]
    assert "+55 11 4004-1234" in said[2]
    assert all("It works." in one for one in said)
    assert house.sink.messages == []
    assert house.office.network.texts() == []
    assert stored(house.services) == before


def test_each_mailbox_says_exactly_what_fails(house: House) -> None:
    house.mailbox("a@sabia.example")
    house.mailbox("b@sabia.example", smtp_port=1)
    house.mailbox("c@sabia.example", secret="wrong")
    house.mailbox("d@sabia.example", smtp_host="nowhere.invalid", smtp_security="implicit")
    house.mailbox("e@sabia.example", smtp_security="starttls")
    locked = house.mailbox("f@sabia.example")
    with house.services.begin() as tx:
        row = tx.session.get_one(Mailbox, locked)
        row.secret_sealed = seal("another key of this house, 32+", "mailbox.secret_sealed", "x")
    said = {line.partition("@")[0]: (well, line) for well, line in house.tries_mail()}
    assert {name: well for name, (well, _) in said.items()} == {
        "a": "yes", "b": "no", "c": "no", "d": "no", "e": "no", "f": "no",
    }  # fmt: skip
    for name, sentence in {
        "a": "It works. Signed in.",
        "b": "It does not work. 127.0.0.1 is there, but nothing listens on port 1.",
        "c": "The server refuses the user name, the password or the token. The server said:",
        "d": "There is no server named nowhere.invalid.",
        "e": "The encryption could not begin.",
        "f": "The saved secret cannot be read with today's secret key.",
    }.items():
        assert sentence in said[name][1]
        assert "correct-horse" not in said[name][1]


def test_a_server_that_refuses_the_recipient_is_told_with_its_words(house: House) -> None:
    house.sink.refuse = {HER: "550 5.7.1 relaying denied"}
    house.mailbox()
    ((well, said),) = house.tries_mail()
    assert well == "no"
    assert f"Signed in, but the server refuses the recipient {HER}" in said
    assert said.endswith("The server said: 550 5.7.1 relaying denied")


def test_a_server_that_asks_for_no_sign_in_is_not_said_to_have_let_us_in(house: House) -> None:
    settings = replace(
        house.services.settings,
        mail_address=SALES, smtp_url=f"smtp://127.0.0.1:{house.sink.port}",
    )  # fmt: skip
    plain = house.has_other_settings(settings)
    ((well, said),) = plain.tries_mail()
    assert (well, said.endswith(f"It works. The server takes mail from {SALES} to {HER}; none was sent.")) == ("yes", True)  # fmt: skip
    house.sink.refuse = {HER: "550 5.7.1 relaying denied"}
    ((_, said),) = plain.tries_mail()
    assert f"It does not work. The server refuses the recipient {HER}." in said
    house.sink.refuse_sender = "550 5.7.1 who are you"
    ((_, said),) = plain.tries_mail()
    assert f"It does not work. The server does not send for {SALES}." in said


def test_a_mailbox_that_is_switched_off_is_no_way_out(house: House) -> None:
    house.mailbox()
    off = house.mailbox("antigo@sabia.example")
    with house.services.begin() as tx:
        tx.session.execute(update(Mailbox).where(Mailbox.id == off).values(enabled=False))
    assert [SALES in said for _, said in house.tries_mail()] == [True]


def test_each_number_says_exactly_what_is_wrong_with_it(house: House) -> None:
    house.office.network.counter.numbers[OURS] = HOOKS | {"sms": "https://old.example/hook", "reports": ""}  # fmt: skip
    lines = {way: (well, said) for way, well, said in house.tries()}
    assert lines["sms"][0] == "no"
    assert (
        "It does not work. The provider calls https://old.example/hook instead." in lines["sms"][1]
    )
    assert lines["whatsapp"] == ("yes", lines["whatsapp"][1])
    assert lines["voice"][0] == "no"
    assert "No status callback is set for calls." in lines["voice"][1]
    house.office.network.auth_token = "another"
    refused = [said for way, _, said in house.tries() if way in HOOKS]
    assert len(refused) == 3
    assert all("Check GUICHE_TWILIO_ACCOUNT and GUICHE_TWILIO_TOKEN." in one for one in refused)


def test_a_provider_that_is_away_is_said_to_be_so_in_her_language(house: House) -> None:
    away = SmsAdapter(Account(ACCOUNT_SID, "x", "https://nowhere.invalid"), webhook_url="x")
    other = house.has_other_adapters(sms=away)
    other.admin.post("/preferences/language", {"language": "pt_BR"})
    (said,) = [said for way, _, said in other.tries() if way == "sms"]
    assert "Não funciona. Não existe servidor chamado nowhere.invalid." in said


# -- the sending job --------------------------------------------------------------------------


def job_of(house: House) -> tuple[str, str]:
    way, well, said = house.tries()[0]
    assert way == "job"
    return well, said


def test_without_a_living_worker_the_job_is_said_to_be_down(house: House, clock: TestClock) -> None:
    assert job_of(house)[0] == "yes"
    clock.forward(seconds=31)
    well, said = job_of(house)
    assert well == "no"
    assert "No worker process is running: nothing leaves until one is started." in said


def writes(world: World, key: str) -> UUID:
    """Have an answer written that nobody sends; return its conversation."""
    ticket_id = world.ticket_of(world.arrives(mail(key), key=key)).id
    world.replies(ticket_id)
    return ticket_id


def job_in(world: World) -> SendingJob:
    beat(world.services, "worker-1")
    with world.services.reading() as session:
        return sending_job(session, world.services.adapters, world.services.clock())


def test_a_message_that_nobody_takes_for_a_quarter_of_an_hour_betrays_the_worker(
    world_on_both: World, clock: TestClock
) -> None:
    world = world_on_both
    assert job_in(world) == SendingJob(workers=1, oldest_s=None, stuck=False)
    writes(world, "7:1")
    clock.forward(minutes=15)
    assert job_in(world) == SendingJob(workers=1, oldest_s=900, stuck=False)
    clock.forward(seconds=1)
    assert job_in(world) == SendingJob(workers=1, oldest_s=901, stuck=True)
    send_due(world.services)
    assert job_in(world) == SendingJob(workers=1, oldest_s=None, stuck=False)


def test_a_long_queue_that_moves_is_not_taken_for_a_dead_worker(
    world: World, clock: TestClock
) -> None:
    capped = replace(world.services, settings=replace(world.services.settings, outbox_per_minute=1))
    writes(world, "7:1")
    writes(world, "7:2")
    clock.forward(minutes=16)
    send_due(capped)
    assert job_in(world) == SendingJob(workers=1, oldest_s=960, stuck=False)


def test_what_waits_for_another_try_or_for_an_earlier_one_is_not_due(
    world: World, clock: TestClock
) -> None:
    world.email.faults = [Unreachable("away")] * 1000
    ticket_id = writes(world, "7:1")
    world.replies(ticket_id, "Mais uma coisa.")
    for _ in range(9):
        send_due(world.services)
        clock.forward(minutes=16)
    send_due(world.services)
    with world.services.reading() as session:
        assert len(session.scalars(select(Outbound).where(Outbound.state == "queued")).all()) == 2
    assert job_in(world) == SendingJob(workers=1, oldest_s=None, stuck=False)


def test_the_page_says_that_the_worker_does_not_send_and_for_how_long(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = SendingJob(workers=1, oldest_s=int(timedelta(minutes=16).total_seconds()), stuck=True)
    monkeypatch.setattr(trial, "sending_job", lambda *_: stuck)
    well, said = job_of(house)
    assert well == "no"
    assert "It does not work. The worker does not send." in said
    assert "The oldest message that is due has been waiting for 16 min 0 s." in said


# -- at once, each by itself ------------------------------------------------------------------


class Silent:
    name = "sms"

    def __init__(self) -> None:
        self.over = threading.Event()

    def check(self, number: str) -> list[Check]:
        self.over.wait()
        return []


def test_one_that_says_nothing_keeps_no_other_from_its_verdict(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, patience = Silent(), []

    def wait_for_the_others(tries: list[Future[Any]], timeout: float) -> None:
        mailbox, _sms, *others = tries
        patience.append(timeout)
        wait([mailbox, *others])

    monkeypatch.setattr(trial, "wait", wait_for_the_others)
    house.mailbox()
    other = house.has_other_adapters(sms=silent)
    try:
        lines = {way: (well, said) for way, well, said in other.tries()}
    finally:
        silent.over.set()
    assert lines["sms"][0] == "no"
    assert "No answer within 45 seconds." in lines["sms"][1]
    assert (lines["email"][0], lines["whatsapp"][0], lines["voice"][0]) == ("yes", "yes", "yes")
    assert patience == [trial.PATIENCE_S] == [45.0]


class Broken:
    name = "sms"

    def check(self, number: str) -> list[Check]:
        raise RuntimeError(number)


def test_one_that_breaks_is_said_to_be_our_fault_and_stops_no_other(house: House) -> None:
    house.mailbox()
    lines = {
        way: (well, said) for way, well, said in house.has_other_adapters(sms=Broken()).tries()
    }
    assert lines["sms"][0] == "no"
    assert "Trying it ended in a fault of ours." in lines["sms"][1]
    assert (lines["email"][0], lines["voice"][0]) == ("yes", "yes")


def test_a_channel_that_cannot_be_tried_is_listed_as_such(house: House) -> None:
    other = house.has_other_adapters(telegram=FakeAdapter("telegram"), chat=FakeAdapter("chat"))
    way, well, said = other.tries()[-1]
    assert (way, well) == ("telegram", "unknown")
    assert "Telegram This channel cannot be tried." in said
    assert "chat" not in [way for way, _, _ in other.tries()]


def test_nothing_is_open_at_the_database_while_servers_are_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.mailbox()
    in_use: list[int] = []
    probe = MailNetwork.try_sending

    def watched(network: MailNetwork, account: MailAccount, to: str) -> Verdict:
        in_use.append(house.services.db.engine.pool.checkedout())  # type: ignore[attr-defined]
        return probe(network, account, to)

    monkeypatch.setattr(MailNetwork, "try_sending", watched)
    assert house.tries_mail()[0][0] == "yes"
    assert in_use == [0]


# -- who may, and how -------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_nobody_may_who_may_not_test_mailboxes_and_numbers_too(role: str, house: House) -> None:
    browser = Browser(house.office.client.application)
    browser.sign_in(hire(house.services, role, language="en"))
    assert browser.post("/deliveries/try", htmx=True).status_code == 403
    if role == "supervisor":
        page = browser.get("/deliveries").text
        assert re.search(r'<button class="btn" disabled aria-describedby="who-may-try">', page)
        assert "only admins may test" in page


def test_whoever_may_try_them_all_may_see_the_log_and_try_each() -> None:
    may = [granted for granted in GRANTS.values() if "delivery.test" in granted]
    assert len(may) == 1
    assert {"delivery.manage", "mailbox.manage", "phone.manage"} <= may[0]


def test_no_other_site_can_press_the_button(house: House) -> None:
    assert house.admin.client.post("/deliveries/try").status_code == 400


def test_without_scripts_the_whole_page_comes_back_where_it_was(house: House) -> None:
    house.mailbox()
    page = house.admin.get("/deliveries?kind=all").text
    assert 'action="/deliveries/try?kind=all"' in page
    assert 'hx-target="#ways-out"' in page
    assert "disabled" not in page.partition("Test the ways out")[0].rpartition("<button")[2]
    answer = house.admin.post("/deliveries/try?kind=all")
    assert answer.status_code == 200
    assert "<html" in answer.text
    assert ("email", "yes") in [(way, well) for way, well, _ in lines_of(answer.text)]
    assert 'href="/deliveries?kind=all" aria-current="page"' in answer.text
