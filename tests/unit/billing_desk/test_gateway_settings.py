"""Which gateways an installation has: set up whole, or named as a fault."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from helpdesk.bootstrap import build_gateways, wall_clock
from helpdesk.settings import InvalidSettings, Settings

STRIPE = {"STRIPE_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_" + "x" * 16}
BANK = {
    "BANK_URL": "https://bank.example",
    "BANK_TOKEN": "token",
    "BANK_WEBHOOK_SECRET": "b" * 16,
}


def settings(tmp_path: Path, **values: str) -> Settings:
    env = {"GUICHE_DATA_DIR": str(tmp_path), "GUICHE_SECRET_KEY": "k" * 32}
    return Settings.from_env(env | {f"GUICHE_{name}": value for name, value in values.items()})


@pytest.mark.parametrize(
    ("values", "names"),
    [
        pytest.param({}, ["sandbox"], id="nothing-set-up"),
        pytest.param(STRIPE, ["sandbox", "stripe"], id="cards"),
        pytest.param(BANK, ["boleto", "sandbox"], id="a-bank"),
        pytest.param(
            BANK | {"PIX_KEY": "pix@sabia.example"}, ["boleto", "pix", "sandbox"], id="and-pix"
        ),
        pytest.param(
            STRIPE | {"STRIPE_API_URL": "http://127.0.0.1:8420"}, ["sandbox", "stripe"], id="a-peer"
        ),
    ],
)
def test_what_is_set_up_is_there(tmp_path: Path, values: dict[str, str], names: list[str]) -> None:
    engine = create_engine("sqlite://")
    made = build_gateways(settings(tmp_path, **values), engine, wall_clock)
    assert sorted(made) == names
    assert all(name == gateway.name for name, gateway in made.items())
    engine.dispose()


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"STRIPE_KEY": "sk_1"}, "GUICHE_STRIPE_KEY needs GUICHE_STRIPE_WEBHOOK_SECRET beside it"),
        (
            {"STRIPE_WEBHOOK_SECRET": "x" * 16},
            "GUICHE_STRIPE_WEBHOOK_SECRET needs GUICHE_STRIPE_KEY beside it",
        ),
        (STRIPE | {"STRIPE_KEY": "pk_1"}, "GUICHE_STRIPE_KEY must begin sk_ or rk_"),
        (
            STRIPE | {"STRIPE_WEBHOOK_SECRET": "short"},
            "GUICHE_STRIPE_WEBHOOK_SECRET needs at least 16 characters",
        ),
        (
            {"BANK_URL": "https://bank.example"},
            "GUICHE_BANK_URL needs GUICHE_BANK_TOKEN and GUICHE_BANK_WEBHOOK_SECRET beside it",
        ),
        (
            BANK | {"BANK_URL": "http://bank.example"},
            "GUICHE_BANK_URL must start with https:// (http:// only on this machine)",
        ),
        (
            BANK | {"BANK_URL": "https://"},
            "GUICHE_BANK_URL must start with https:// (http:// only on this machine)",
        ),
        (
            STRIPE | {"STRIPE_API_URL": "ftp://localhost"},
            "GUICHE_STRIPE_API_URL must start with https:// (http:// only on this machine)",
        ),
        ({"PIX_KEY": "k"}, "GUICHE_PIX_KEY needs GUICHE_BANK_URL beside it"),
    ],
)
def test_a_half_set_up_gateway_is_named(tmp_path: Path, values: dict[str, str], fault: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        settings(tmp_path, **values)
    assert fault in refused.value.faults


def test_two_installations_sign_their_sandbox_differently(tmp_path: Path) -> None:
    engine = create_engine("sqlite://")
    ours, theirs = (
        build_gateways(settings(tmp_path, SECRET_KEY=letter * 32), engine, wall_clock)["sandbox"]
        for letter in "ab"
    )
    assert ours._secret != theirs._secret  # type: ignore[attr-defined]
    engine.dispose()
