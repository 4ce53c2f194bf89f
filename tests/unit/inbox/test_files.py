"""Files are kept as they came, but for card numbers."""

from pathlib import Path

import pytest

from channels.port import File
from helpdesk.inbox.blobs import BlobStore
from helpdesk.inbox.files import keep_file

PICTURE = b"\x89PNG\r\n\x1a\n 4111 1111 1111 1111"


@pytest.mark.parametrize(
    ("name", "content", "kept_name", "kept"),
    [
        ("cartao 4111 1111 1111 1111.csv", b"a;4111111111111111\n", "cartao **** **** **** 1111.csv", b"a;************1111\n"),
        ("foto_4111111111111111.png", PICTURE, "foto_************1111.png", PICTURE),
        ("conta.pdf", b"%PDF-1.7 \xff", "conta.pdf", b"%PDF-1.7 \xff"),
    ],
)  # fmt: skip
def test_a15_no_file_is_kept_with_a_card_number_that_can_be_read(
    tmp_path: Path, name: str, content: bytes, kept_name: str, kept: bytes
) -> None:
    blobs = BlobStore(tmp_path)
    found = keep_file(blobs, File(name, "application/octet-stream", content))
    assert found.name == kept_name
    assert blobs.read(found.digest) == kept
    assert found.size == len(kept)
