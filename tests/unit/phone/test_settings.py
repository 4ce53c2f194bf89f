"""What a company sets up of its telephone."""

import pytest

from helpdesk.settings import InvalidSettings, Settings

ENV = {"GUICHE_SECRET_KEY": "a secret key that only tests use, 32+"}


def test_nobody_is_listened_to_live_unless_the_company_says_yes() -> None:
    assert Settings.from_env(ENV).live_transcripts is False
    for word, listens in (("yes", True), ("no", False)):
        env = ENV | {"GUICHE_LIVE_TRANSCRIPTS": word}
        assert Settings.from_env(env).live_transcripts is listens
    with pytest.raises(InvalidSettings, match="GUICHE_LIVE_TRANSCRIPTS"):
        Settings.from_env(ENV | {"GUICHE_LIVE_TRANSCRIPTS": "maybe"})
