"""`guiche mail ingest`: its exit status is the answer that a mail server reads."""

import io
import os
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from helpdesk.cli import main, migrate_all
from helpdesk.settings import Settings

SUPPORT = "suporte@sabia.example"
LETTER = b"From: ana@cliente.example\r\nSubject: Conta\r\n\r\nFui cobrada duas vezes.\r\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GUICHE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GUICHE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GUICHE_MAIL_ADDRESS", SUPPORT)
    monkeypatch.setenv("GUICHE_SECRET_KEY", "k" * 40)
    return tmp_path


def ingest(monkeypatch: pytest.MonkeyPatch, mail: bytes, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mail)))
    with pytest.raises(SystemExit) as ended:
        main(["mail", "ingest", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def stored(place: Path) -> int:
    engine = create_engine(f"sqlite:///{place / 'guiche.sqlite'}")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM inbound")).scalar_one()
    engine.dispose()
    return int(found)


def test_a_piped_mail_is_stored_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate_all(Settings.from_env(os.environ))
    assert ingest(monkeypatch, LETTER) == os.EX_OK
    assert ingest(monkeypatch, LETTER) == os.EX_OK
    assert ingest(monkeypatch, b"X: 1\r\n" + LETTER, "--to", SUPPORT) == os.EX_OK
    assert stored(place) == 2


def test_what_is_not_ours_or_nothing_is_refused_for_good(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate_all(Settings.from_env(os.environ))
    assert ingest(monkeypatch, LETTER, "--to", "outra@sabia.example") == os.EX_NOUSER
    assert "outra@sabia.example" in capsys.readouterr().err
    assert ingest(monkeypatch, b" \r\n") == os.EX_DATAERR
    assert stored(place) == 0


def test_r1_a_mail_that_cannot_be_stored_is_to_be_brought_again(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ingest(monkeypatch, LETTER) == os.EX_TEMPFAIL  # no database has been made
    monkeypatch.setenv("GUICHE_LANGUAGE", "tlh")
    assert ingest(monkeypatch, LETTER) == os.EX_TEMPFAIL
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "GUICHE_LANGUAGE" in said
    assert place.exists()
