"""An answer lands in its conversation, a stranger never does."""

import json
from uuid import UUID

import pytest

from helpdesk.inbox.model import ReplyToken
from tests.conftest import TestClock
from tests.integration.inbox.test_storing import at_once
from tests.integration.inbox.world import ANA, PHONE, World, call, mail, text_message

MALLORY = "mallory@evil.example"


def token_of(world: World, message_id: UUID) -> str:
    """Return the secret in the Reply-To of a mail that has been sent."""
    world.drain()
    sent = next(one for one in world.email.sent if one.key == message_id.hex)
    return sent.reply_to.partition("+r.")[2].partition("@")[0]


def test_an_answer_to_our_mail_lands_in_the_ticket(world_on_both: World) -> None:
    world = world_on_both
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    world.replies(ticket.id)
    world.drain()
    ours = world.email.sent[0].message_id
    again = world.arrives(mail("7:2", references=[ours], subject="anything"))
    assert world.ticket_of(again).id == ticket.id
    assert len(world.tickets()) == 1


def test_f01_an_answer_to_her_own_first_mail_lands_in_the_ticket(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    again = world.arrives(mail("7:2", references=["unknown@x", "hers@x"]))
    assert world.ticket_of(again).id == ticket.id


def test_the_newest_reference_decides(world: World) -> None:
    old = world.ticket_of(world.arrives(mail("7:1", message_id="old@x")))
    new = world.ticket_of(world.arrives(mail("7:2", message_id="new@x")))
    again = world.arrives(mail("7:3", references=["new@x", "old@x"]))
    assert world.ticket_of(again).id == new.id != old.id


@pytest.mark.parametrize(
    ("facts", "hinted"),
    [
        pytest.param({"subject": "Re: Cobrança dobrada #{}"}, True, id="her-own-number"),
        pytest.param({"subject": "[#{}] hi", "sender": MALLORY}, False, id="guessed-in-a-subject"),
        pytest.param(
            {"recipients": ["suporte+id{}@sabia.example"], "sender": MALLORY}, True,
            id="guessed-in-the-address",
        ),
        pytest.param({"subject": "Re: Cobrança dobrada"}, False, id="the-same-subject"),
        pytest.param({"subject": "order #99999999"}, False, id="another-number"),
    ],
)  # fmt: skip
def test_e2_a_subject_or_a_number_never_threads(
    world: World, facts: dict[str, object], hinted: bool
) -> None:
    first = world.ticket_of(world.arrives(mail("7:1")))
    filled = json.loads(json.dumps(facts).replace("{}", str(first.number)))
    again = world.ticket_of(world.arrives(mail("7:2", **filled)))
    assert again.id != first.id
    assert again.related_id == (first.id if hinted else None)  # a guess for a person, no more
    assert len(world.messages(first.id)) == 1
    assert MALLORY not in str(world.participants(first.id))


def test_f02_a_stranger_who_answers_gets_a_ticket_of_her_own_that_names_the_other(
    world_on_both: World,
) -> None:
    world = world_on_both
    first = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    other = world.ticket_of(world.arrives(mail("7:2", sender=MALLORY, references=["hers@x"])))
    assert other.id != first.id
    assert other.related_id == first.id
    assert world.participants(first.id) == {("email", ANA)}
    assert len(world.messages(first.id)) == 1


def test_copied_people_take_no_part(world: World) -> None:
    first = world.ticket_of(
        world.arrives(
            mail("7:1", message_id="hers@x", recipients=["suporte@sabia.example", MALLORY])
        )
    )
    world.arrives(mail("7:2", sender=MALLORY, references=["hers@x"]))
    assert len(world.messages(first.id)) == 1


def test_a_sender_whose_proof_failed_joins_nothing(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    token = token_of(world, world.replies(ticket.id))
    forged = world.ticket_of(
        world.arrives(mail("7:2", references=["hers@x"], reply_tokens=[token], trust="failed"))
    )
    assert forged.id != ticket.id
    assert forged.related_id == ticket.id
    assert forged.customer_id is None


def test_a_reply_token_finds_the_ticket_without_any_reference(world_on_both: World) -> None:
    world = world_on_both
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    token = token_of(world, world.replies(ticket.id))
    again = world.arrives(mail("7:2", reply_tokens=[token.upper()]))
    assert world.ticket_of(again).id == ticket.id


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda token: "a" * 32, id="invented"),
        pytest.param(lambda token: token[:-1] + ("b" if token[-1] == "a" else "a"), id="one-off"),
        pytest.param(lambda token: token[:31], id="cut"),
    ],
)
def test_a_forged_token_opens_a_new_ticket(world: World, broken: object) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    token = token_of(world, world.replies(ticket.id))
    forged = broken(token)  # type: ignore[operator]
    other = world.ticket_of(world.arrives(mail("7:2", reply_tokens=[forged])))
    assert other.id != ticket.id
    assert other.related_id is None


def test_e6_a_true_token_from_a_third_address_gives_no_way_in(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    token = token_of(world, world.replies(ticket.id))
    other = world.ticket_of(world.arrives(mail("7:2", sender=MALLORY, reply_tokens=[token])))
    assert other.id != ticket.id
    assert other.related_id == ticket.id


def test_a_token_ends_after_a_year(world: World, clock: TestClock) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    token = token_of(world, world.replies(ticket.id))
    clock.forward(days=366)
    assert world.ticket_of(world.arrives(mail("7:2", reply_tokens=[token]))).id != ticket.id


def test_the_database_holds_no_token_in_the_clear(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    message_id = world.replies(ticket.id)
    token = token_of(world, message_id)
    assert len(token) * 5 >= 160
    assert token not in repr(world.outbound(message_id).envelope)
    with world.services.reading() as session:
        assert session.get(ReplyToken, token) is None


def test_f06_a_merged_ticket_hands_its_answers_on(world_on_both: World) -> None:
    world = world_on_both
    ids = [
        world.ticket_of(world.arrives(mail(f"7:{n}", message_id=f"m{n}@x"))).id for n in range(3)
    ]
    world.merge(ids[0], into=ids[1])
    world.merge(ids[1], into=ids[2])
    assert world.ticket_of(world.arrives(mail("7:9", references=["m0@x"]))).id == ids[2]


def test_a_circle_of_merges_ends(world: World) -> None:
    ids = [
        world.ticket_of(world.arrives(mail(f"7:{n}", message_id=f"m{n}@x"))).id for n in range(2)
    ]
    world.merge(ids[0], into=ids[1])
    world.merge(ids[1], into=ids[0])
    assert world.ticket_of(world.arrives(mail("7:9", references=["m0@x"]))).id in ids


def test_f04_an_answer_to_a_closed_ticket_opens_one_follow_up(world_on_both: World) -> None:
    world = world_on_both
    closed = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    world.set_status(closed.id, "closed")
    follow_up = world.ticket_of(world.arrives(mail("7:2", references=["hers@x"])))
    again = world.ticket_of(world.arrives(mail("7:3", references=["hers@x"])))
    assert follow_up.parent_id == closed.id
    assert again.id == follow_up.id
    assert len(world.messages(closed.id)) == 1


def test_an_answer_to_a_solved_ticket_opens_it_again(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    world.set_status(ticket.id, "solved")
    assert world.ticket_of(world.arrives(mail("7:2", references=["hers@x"]))).category == "open"


# -- machines -----------------------------------------------------------------------------


def test_f12_an_out_of_office_answer_is_shown_and_moves_nothing(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    world.set_status(ticket.id, "solved")
    world.arrives(mail("7:2", references=["hers@x"], auto="auto_reply"))
    assert world.ticket(ticket.id).category == "solved"
    assert [one.auto for one in world.messages(ticket.id)] == ["", "auto_reply"]


def test_an_automatic_answer_to_nothing_waits_for_a_person(world: World) -> None:
    row = world.row(world.arrives(mail(auto="auto_reply")))
    assert (row.state, row.reason) == ("quarantined", "automatic_answer_to_nothing")
    assert world.tickets() == []


def test_our_own_mail_that_comes_back_is_discarded(world: World) -> None:
    row = world.row(world.arrives(mail(auto="own")))
    assert (row.state, row.reason) == ("discarded", "own_mail")
    assert world.tickets() == []


def test_mail_of_a_list_opens_a_ticket(world: World) -> None:
    assert world.ticket_of(world.arrives(mail(auto="list"))).category == "open"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({"data": {"doubt": "several_senders"}}, "several_senders", id="two-froms"),
        pytest.param({"sender": "", "auto": "list"}, "no_sender", id="nobody"),
    ],
)
def test_e5_a_mail_of_doubtful_origin_is_held(
    world: World, facts: dict[str, object], reason: str
) -> None:
    row_id = world.arrives(mail(**facts))  # type: ignore[arg-type]
    assert (world.row(row_id).state, world.row(row_id).reason) == ("quarantined", reason)
    assert world.tickets() == []


# -- telephones ---------------------------------------------------------------------------


def test_text_messages_of_one_number_stay_together_until_it_is_solved(world_on_both: World) -> None:
    world = world_on_both
    first = world.ticket_of(world.arrives(text_message("SM1")))
    assert world.ticket_of(world.arrives(text_message("SM2"))).id == first.id
    world.set_status(first.id, "solved")
    assert world.ticket_of(world.arrives(text_message("SM3"))).id != first.id


def test_a_number_without_its_ninth_digit_is_the_same_telephone(world: World) -> None:
    first = world.ticket_of(world.arrives(text_message("SM1")))
    short = PHONE[:5] + PHONE[6:]
    assert world.ticket_of(world.arrives(text_message("SM2", sender=short))).id == first.id


def test_sms_and_whatsapp_of_one_number_are_two_conversations(world: World) -> None:
    first = world.ticket_of(world.arrives(text_message("SM1")))
    other = world.ticket_of(world.arrives(text_message("SM2", channel="whatsapp")))
    assert other.id != first.id


def test_her_text_lands_in_her_mail_ticket_once_we_have_written_to_that_number(
    world: World,
) -> None:
    world.customer(email=ANA, phone=PHONE)
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    own = world.ticket_of(world.arrives(text_message("SM1")))
    assert (own.id != ticket.id, own.customer_id) == (True, ticket.customer_id)
    world.set_status(own.id, "solved")
    world.replies(ticket.id, channel="sms")
    assert world.ticket_of(world.arrives(text_message("SM2"))).id == ticket.id


def test_the_reports_of_one_call_make_one_ticket(world_on_both: World) -> None:
    world = world_on_both
    url = "https://api.twilio.com/RE1"
    voicemail = call("voicemail", recording_url=url, duration_s="14")
    world.arrives(voicemail)
    world.arrives(call("missed"))
    transcript = world.arrives(call("transcript", recording_url=url))
    (ticket,) = world.tickets()
    assert world.ticket_of(transcript).id == ticket.id
    first, second = world.messages(ticket.id)
    assert (first.media_seconds, second.media_url) == (14, "")
    assert first.media_url.startswith("/attachments/")


def test_a_call_without_a_message_is_filed_once(world: World) -> None:
    world.arrives(call("missed", sid="CA1"))
    assert [one.body for one in world.messages()] == ["Chamada perdida, sem recado."]


def test_the_sound_of_a_voicemail_is_brought_home(world: World) -> None:
    from channels.port import File
    from helpdesk.inbox.model import Attachment

    url = "https://api.twilio.com/RE1"
    world.adapters["voice"].recordings[url] = File("RE1", "text/html", b"RIFF\0\0\0\0WAVEfmt")
    world.arrives(call("voicemail", recording_url=url))
    world.drain()
    (message,) = world.messages()
    with world.services.reading() as session:
        kept = session.get_one(Attachment, UUID(message.media_url.rpartition("/")[2]))
    assert (kept.message_id, kept.media_type) == (message.id, "audio/wav")


def test_two_answers_at_once_to_one_closed_ticket_open_one_follow_up(world_on_both: World) -> None:
    world = world_on_both
    closed = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    world.set_status(closed.id, "closed")
    rows = [
        world.store(mail(f"7:{n}", references=["hers@x"], text=f"part {n}")) for n in range(2, 5)
    ]
    from helpdesk.inbox.service import read_one

    at_once(3, lambda n: read_one(world.services, rows[n]))
    assert len(world.tickets()) == 2
