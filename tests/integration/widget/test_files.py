"""Files in a chat, both ways: bounded, typed by their bytes, and for this conversation only."""

from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from channels.port import File
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.inbox.files import keep_file
from helpdesk.inbox.model import Attachment, Inbound
from helpdesk.tickets import forms
from helpdesk.tickets.desk import ReplyAsk, note, reply
from helpdesk.widget.files import LONGEST_FILE
from tests.conftest import drain
from tests.integration.tickets.desk import hire
from tests.integration.widget.visitor import ChatWorld, Visitor

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
PDF_WITH_DIGITS = b"%PDF-1.4 \xff 4111111111111111 \n\n 0000000016 00000 n"


def sends(visitor: Visitor, name: str, content: bytes, **more: str) -> Any:
    body: dict[str, Any] = {"client_msg_id": str(uuid4())} | more
    if visitor.identity:
        body["identity"] = visitor.identity
    body["file"] = FileStorage(BytesIO(content), name, "file")
    boundary, posted = encode_multipart(body)
    return visitor.app.test_client().post(
        "/chat/files",
        data=posted,
        content_type=f"multipart/form-data; boundary={boundary}",
        headers={"Authorization": f"Bearer {visitor.secret}", "Accept": "application/json"},
    )


def fetches(visitor: Visitor, file_id: object) -> Any:
    return visitor.app.test_client().get(f"/chat/files/{file_id}", headers=visitor.headers())


def files_of(visitor: Visitor) -> list[dict[str, Any]]:
    return [file for item in visitor.reads()["items"] for file in item["files"]]


def test_a_file_of_hers_is_a_message_and_comes_back_byte_for_byte(chat_on_both: ChatWorld) -> None:
    visitor = chat_on_both.visitor()
    assert sends(visitor, "receipt.png", PNG).status_code == 202
    (file,) = files_of(visitor)
    assert (file["name"], file["type"], file["size"]) == ("receipt.png", "image/png", len(PNG))
    assert visitor.sees() == ["receipt.png"]
    answer = fetches(visitor, file["id"])
    assert answer.data == PNG
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")


def test_the_same_file_posted_twice_is_one_message(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    for _ in range(2):
        sends(visitor, "a.png", PNG, client_msg_id="one-upload")
    assert len(files_of(visitor)) == len(chat.messages()) == 1


@pytest.mark.parametrize(
    ("name", "content", "field"),
    [
        pytest.param("a.png", b"", "file.empty", id="empty"),
        pytest.param("a.png", PNG + bytes(LONGEST_FILE), "file.size", id="too-large"),
        pytest.param("a.exe", b"MZ\x90\x00", "file.type", id="a-program"),
        pytest.param("a.png", b"MZ\x90\x00", "file.type", id="a-program-called-a-picture"),
        pytest.param("a.html", b"<script>", "file.type", id="a-page"),
        pytest.param("a.svg", b"<svg onload=x>", "file.type", id="a-drawing-that-runs"),
        pytest.param("a.zip", b"PK\x03\x04x", "file.type", id="an-archive"),
        pytest.param("a.txt", b"\xff\xfe\x00", "file.type", id="no-text"),
        pytest.param("a.docx", b"MZ", "file.type", id="no-document"),
    ],
)
def test_what_may_not_come_in_is_refused_by_name_and_keeps_nothing(
    chat: ChatWorld, name: str, content: bytes, field: str
) -> None:
    answer = sends(chat.visitor(), name, content)
    assert answer.status_code == 422
    assert answer.get_json()["error"]["field"] == field
    assert chat.look(lambda session: list(session.scalars(select(Inbound)))) == []


def test_a_file_far_too_large_is_not_even_read(chat: ChatWorld) -> None:
    answer = sends(chat.visitor(), "a.png", PNG + bytes(2 * LONGEST_FILE))
    assert answer.status_code == 413
    assert chat.tickets() == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.txt", b"plain"), ("a.CSV", b"a;b"), ("a.docx", b"PK\x03\x04x"), ("a", b"%PDF-1.4")],
)
def test_texts_documents_and_pdf_come_in(chat: ChatWorld, name: str, content: bytes) -> None:
    visitor = chat.visitor()
    assert sends(visitor, name, content).status_code == 202
    assert fetches(visitor, files_of(visitor)[0]["id"]).data == content


def test_a_card_number_in_a_text_is_masked_and_other_bytes_stay_as_they_were(
    chat: ChatWorld,
) -> None:
    visitor = chat.visitor()
    sends(visitor, "a.txt", b"card 4111 1111 1111 1111")
    sends(visitor, "b.pdf", PDF_WITH_DIGITS)
    text, pdf = files_of(visitor)
    assert fetches(visitor, text["id"]).data == b"card **** **** **** 1111"
    assert fetches(visitor, pdf["id"]).data == PDF_WITH_DIGITS
    rows = chat.look(lambda session: list(session.scalars(select(Inbound))))
    kept = [chat.services.blobs.read(row.blob) for row in rows]
    assert not any(b"4111 1111" in one for one in kept)


def test_nobody_fetches_a_file_of_another_conversation(chat: ChatWorld) -> None:
    ana, eve = chat.visitor(), chat.visitor()
    sends(ana, "a.png", PNG)
    eve.says("hello")
    (file,) = files_of(ana)
    assert fetches(eve, file["id"]).status_code == fetches(eve, uuid4()).status_code == 404
    json = {"Accept": "application/json"}
    without = chat.app.test_client().get(f"/chat/files/{file['id']}", headers=json)
    assert without.status_code == 401


def answers_with(chat: ChatWorld, *, channel: str = "chat", client_msg_id: str = "") -> Any:
    agent = hire(chat.services, f"Bruna{uuid4().hex[:6]}")
    kept = keep_file(chat.services.blobs, File("invoice.pdf", "", b"%PDF-1.4"))
    ask = ReplyAsk(
        channel=channel, body="Here it is.", client_msg_id=client_msg_id or str(uuid4()),
        files=(kept,),
    )  # fmt: skip
    return reply(chat.services, agent, chat.ticket().id, ask)


def test_a_file_of_ours_reaches_her(chat_on_both: ChatWorld) -> None:
    visitor = chat_on_both.visitor()
    visitor.says("Please send me the invoice")
    answers_with(chat_on_both)
    drain(chat_on_both.services)
    (file,) = files_of(visitor)
    assert (file["name"], file["type"]) == ("invoice.pdf", "application/pdf")
    assert fetches(visitor, file["id"]).data == b"%PDF-1.4"


def test_a_file_beside_a_note_is_not_hers(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("hello")
    agent = hire(chat.services, "Camila")
    ours = note(chat.services, agent, chat.ticket().id, body="look", client_msg_id=str(uuid4()))
    kept = keep_file(chat.services.blobs, File("secret.pdf", "", b"%PDF-1.4"))
    file_id = uuid4()
    with chat.services.begin() as tx:
        from helpdesk.inbox.files import attach

        attach(tx, ours.id, kept, attachment_id=file_id)
    assert fetches(visitor, file_id).status_code == 404


def test_a_channel_that_carries_no_files_says_so(chat: ChatWorld) -> None:
    sent = FileStorage(BytesIO(b"x"), filename="a.txt")
    with pytest.raises(InvalidInput, match="no files"):
        forms.read_files("sms", [sent])
    assert forms.read_files("sms", [FileStorage(BytesIO(), filename="")]) == []
    assert [file.content for file in forms.read_files("chat", [sent])] == [b"x"]


def test_a_refused_answer_leaves_no_file_in_the_conversation(chat: ChatWorld) -> None:
    chat.visitor().says("hello")
    with pytest.raises(Conflict):
        answers_with(chat, channel="sms")  # nobody can be reached there
    assert chat.look(lambda session: list(session.scalars(select(Attachment)))) == []
