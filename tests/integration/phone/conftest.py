"""A phone network, an application with the three phone adapters, and the line between them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from channels.sms.adapter import SmsAdapter
from channels.twilio_gate import Account
from channels.voice.adapter import VoiceAdapter
from channels.whatsapp.adapter import WhatsAppAdapter
from helpdesk.services import Services
from tests.integration.phone.door import Door, open_door
from tests.integration.phone.office import Office, open_office
from tests.servers.twilio_standin import TwilioStandIn, phone_network


@dataclass(frozen=True, slots=True)
class Line:
    network: TwilioStandIn
    door: Door
    account: Account
    sms: SmsAdapter
    whatsapp: WhatsAppAdapter
    voice: VoiceAdapter


# The second one is behind a proxy: the provider calls, and signs, another address.
@pytest.fixture(params=["", "https://help.example"], ids=["direct", "behind-a-proxy"])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    with (
        open_door(request.param) as door,
        phone_network(app_url=door.app_url) as (network, account),
    ):
        hooks = {name: f"{door.public_url}/hooks/{name}" for name in ("sms", "whatsapp", "voice")}
        made = Line(
            network,
            door,
            account,
            SmsAdapter(account, webhook_url=hooks["sms"]),
            WhatsAppAdapter(account, webhook_url=hooks["whatsapp"]),
            VoiceAdapter(
                account, webhook_url=hooks["voice"], company="Sabiá", live_transcripts=True
            ),
        )
        door.adapters = {a.name: a for a in (made.sms, made.whatsapp, made.voice)}
        network.point_to(**hooks)
        yield made


@pytest.fixture
def office(make_services: Callable[..., Services], sqlite_url: str) -> Iterator[Office]:
    with open_office(make_services, sqlite_url) as made:
        yield made


@pytest.fixture
def office_on_both(make_services: Callable[..., Services], database_url: str) -> Iterator[Office]:
    with open_office(make_services, database_url) as made:
        yield made
