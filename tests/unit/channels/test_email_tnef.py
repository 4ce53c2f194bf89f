"""What Outlook wraps into one file comes out again, or the file stays as it is."""

import base64
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.email.rules import MailRules
from channels.email.tnef import NotTnef, read_tnef
from channels.email.tree import Limits
from channels.port import Inbound
from tests.unit.channels.mail import mail, read

PDF = b"%PDF-1.4 comprovante"


def attribute(tag: int, value: bytes, level: int = 2) -> bytes:
    return struct.pack("<BII", level, tag, len(value)) + value + b"\0\0"


def text_property(number: int, text: str) -> bytes:
    value = text.encode("utf-16-le") + b"\0\0"
    pad = b"\0" * (-len(value) % 4)
    return struct.pack("<HHII", 31, number, 1, len(value)) + value + pad


def properties(*parts: bytes) -> bytes:
    return struct.pack("<I", len(parts)) + b"".join(parts)


def named_property() -> bytes:
    name = "Keywords\0".encode("utf-16-le")
    head = struct.pack("<HH", 3, 0x8005) + b"\1" * 16 + struct.pack("<II", 1, len(name))
    return head + name + b"\0" * (-len(name) % 4) + struct.pack("<I", 7)


SAMPLE = (
    struct.pack("<IH", 0x223E9F78, 1)
    + attribute(0x00069007, struct.pack("<II", 1252, 0), 1)
    + attribute(
        0x00069003,
        properties(
            struct.pack("<HHI", 3, 0x0017, 1),
            named_property(),
            struct.pack("<HHII", 258, 0x1013, 1, 10) + b"<p>Ol\xe1</p>" + b"\0\0",
        ),
        1,
    )
    + attribute(0x00069002, b"\0" * 14)
    + attribute(0x00018010, b"COMPRO~1.PDF\0")
    + attribute(0x0006800F, PDF)
    + attribute(
        0x00069005,
        properties(
            text_property(0x3707, "comprovante é.pdf"), text_property(0x370E, "application/pdf")
        ),
    )
)


def wrapped(data: bytes = SAMPLE, text: str = "") -> bytes:
    part = base64.encodebytes(data).decode()
    body = (
        f"--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n"
        "--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{part}\r\n--b--\r\n"
    )
    return mail(body, content_type="multipart/mixed; boundary=b")


def test_the_files_inside_take_the_place_of_the_wrapping() -> None:
    found = read(wrapped(text="Segue."))
    assert [(one.name, one.media_type, one.content) for one in found.files] == [
        ("comprovante é.pdf", "application/pdf", PDF)
    ]
    assert found.text == "Segue."


def test_the_body_inside_is_read_where_the_mail_has_no_other() -> None:
    found = read(wrapped())
    assert (found.text, found.html) == ("Olá", "<p>Olá</p>")


@pytest.mark.parametrize("end", [0, 3, 6, 20, 60, len(SAMPLE) - 40])
def test_a_wrapping_nobody_can_open_stays_as_it_is(end: int) -> None:
    found = read(wrapped(SAMPLE[:end] + b"\1" * 12))
    assert [one.name for one in found.files] == ["winmail.dat"]


def test_a_value_that_is_cut_short_is_not_taken_for_a_whole_one() -> None:
    cut = struct.pack("<HHII", 30, 0x3707, 1, 50) + b"relatorio.pdf"
    data = SAMPLE[:6] + attribute(0x00069002, b"") + attribute(0x00069005, properties(cut))
    with pytest.raises(NotTnef, match="too early"):
        read_tnef(data)


def test_files_inside_count_against_the_limit() -> None:
    one = SAMPLE[SAMPLE.index(attribute(0x00069002, b"\0" * 14)) :]
    found = read(wrapped(SAMPLE + one * 5), MailRules(limits=Limits(files=4)))
    assert (len(found.files), found.data["files_omitted"]) == (4, "2")


def test_a_type_or_a_name_of_a_file_cannot_carry_a_header() -> None:
    bad = properties(
        text_property(0x3707, "a\r\nb\u202efdp.exe"), text_property(0x370E, "a/b\r\nX: y")
    )
    begins = attribute(0x00069002, b"")
    found: Inbound = read(wrapped(SAMPLE[:6] + begins + attribute(0x00069005, bad)))
    assert [(one.name, one.media_type) for one in found.files] == [
        ("abfdp.exe", "application/octet-stream")
    ]


@given(
    data=st.binary(max_size=200),
    start=st.integers(0, len(SAMPLE)),
    length=st.integers(0, 60),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes, start: int, length: int) -> None:
    for raw in (data, SAMPLE[:6] + data, SAMPLE[:start] + data + SAMPLE[start + length :]):
        try:
            found = read_tnef(raw)
        except NotTnef:
            continue
        found.text.encode()
        assert sum(len(one.content) for one in found.files) <= len(raw)
