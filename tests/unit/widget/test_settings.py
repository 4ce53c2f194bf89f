"""What an installation may set about the widget, and how a wrong value is named."""

import pytest

from helpdesk.settings import InvalidSettings, Settings

ENV = {"GUICHE_SECRET_KEY": "a secret key that only tests use, 32+"}


def test_sites_are_named_as_browsers_name_them() -> None:
    env = ENV | {"GUICHE_SITE_ORIGINS": "https://shop.example http://127.0.0.1:8090"}
    origins = Settings.from_env(env).site_origins
    assert origins == ("https://shop.example", "http://127.0.0.1:8090")
    assert Settings.from_env(ENV).site_origins == ()


@pytest.mark.parametrize(
    "origins",
    [
        pytest.param("*", id="everybody"),
        pytest.param("https://*.example", id="a-pattern"),
        pytest.param("https://shop.example/page", id="a-page"),
        pytest.param("https://shop.example;", id="a-break-out-of-the-header"),
        pytest.param("shop.example", id="no-scheme"),
        pytest.param("javascript:alert(1)", id="a-script"),
        pytest.param("https://good.example null", id="one-good-one-bad"),
    ],
)
def test_what_is_no_origin_never_starts_the_product(origins: str) -> None:
    with pytest.raises(InvalidSettings, match="GUICHE_SITE_ORIGINS"):
        Settings.from_env(ENV | {"GUICHE_SITE_ORIGINS": origins})


def test_a_secret_that_could_be_guessed_never_starts_the_product() -> None:
    with pytest.raises(InvalidSettings, match="GUICHE_WIDGET_SECRET"):
        Settings.from_env(ENV | {"GUICHE_WIDGET_SECRET": "x" * 31})
    assert Settings.from_env(ENV | {"GUICHE_WIDGET_SECRET": "x" * 32}).widget_secret == "x" * 32
    assert Settings.from_env(ENV).widget_secret == ""
