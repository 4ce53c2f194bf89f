"""Content that means harm, from a stranger's hands to each place where it is shown or kept."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from channels.port import File
from helpdesk.app import create_app
from helpdesk.inbox.blobs import BlobStore
from helpdesk.inbox.files import keep_file
from helpdesk.inbox.model import Attachment
from helpdesk.mailboxes.account import MailAccount
from helpdesk.mailboxes.dressing import dress
from helpdesk.tickets.model import Message
from helpdesk.tickets.queries import lock_ticket
from helpdesk.translations.catalogue import compile_catalogues
from helpdesk.web.sanitise import sanitise
from tests.browser import Browser, hire
from tests.integration.inbox.world import World, mail
from tests.integration.tickets.desk import make_team

ROOT = Path(__file__).parent.parent.parent.parent
ACTS = '<script>x1()</script><img src=x onerror="x1()"><a href="javascript:x1()">x</a>'
HOSTILE = (
    File("a.svg", "image/svg+xml; x", b'<svg xmlns="http://www.w3.org/2000/svg" onload="x5()"/>'),
    File("a.html", "text/html", b"<script>x5()</script>"),
    File("a.xml", "image/png", b"<?xml version='1.0'?><x:script xmlns:x='a'>x5()</x:script>"),
    File("a.js", "text/javascript", b"x6()"),
)


@pytest.fixture
def world(make_services: Callable[..., object], sqlite_url: str) -> World:
    return World.build(make_services, sqlite_url)  # type: ignore[arg-type]


@pytest.fixture
def app(world: World) -> Flask:
    compile_catalogues()
    return create_app(world.services.settings, world.services)


@pytest.fixture
def browser(app: Flask, world: World) -> Browser:
    browser = Browser(app)
    browser.sign_in(hire(world.services, "agent"))
    return browser


def attachments(world: World, *files: File) -> list[UUID]:
    """Have a mail with these files arrive; return them in the order of their names."""
    world.arrives(mail("7:1", files=files))
    with world.services.reading() as session:
        return list(session.scalars(select(Attachment.id).order_by(Attachment.name)))


def test_x1_what_acts_is_inert_in_every_view_of_a_conversation(
    browser: Browser, world: World
) -> None:
    arrived = mail(
        "7:1", name=ACTS, subject=ACTS, text=ACTS, html=ACTS, files=(File(ACTS, "", b"a"),)
    )
    ticket = world.ticket_of(world.arrives(arrived))
    with world.services.reading() as session:
        message_id = session.scalars(select(Message.id)).one()
    pages = [
        f"/inbox/{ticket.number}", "/inbox", f"/tickets/{ticket.id}/panel",
        f"/tickets/{ticket.id}/timeline", f"/messages/{message_id}/original",
        f"/customers?q={quote(ACTS)}",
    ]  # fmt: skip
    seen = 0
    for path in pages:
        page = browser.get(path, headers={"HX-Request": "true"} if "/tickets/" in path else {})
        if page.status_code == 404:
            continue
        assert page.status_code == 200, path
        assert "<script>x1" not in page.text, path
        assert not re.search(r"<[^>]+\son\w+=[\"']?x1", page.text), path
        assert not re.search(r"href=[\"']?javascript", page.text), path
        seen += "x1()" in page.text
    assert seen >= 3, "the words were shown nowhere: the test looks at the wrong pages"


def test_x1_an_answer_leaves_as_text_whatever_was_typed() -> None:
    dressed = dress(ACTS, None, agent="Bruna", company="Sabiá")
    assert "<script" not in dressed.html
    assert "<img" not in dressed.html
    assert dressed.text == ACTS


def test_x2_nothing_changes_html_after_it_was_made_safe() -> None:
    makers, unescaped = [], []
    for path in sorted((ROOT / "helpdesk").rglob("*.py")):
        name, code = str(path.relative_to(ROOT)), path.read_text()
        if re.search(r"\bSafeHtml\(", code) and name != "helpdesk/web/sanitise.py":
            makers.append(name)
        if re.search(r"sanitise\([^)]*\)\)?\.(text|replace|join|format)", code):
            makers.append(name)
    for path in sorted((ROOT / "templates").rglob("*.html")):
        unescaped += re.findall(r"[\w.'<>/]+\s*\|\s*safe\b", path.read_text())
    assert makers == []
    # A code to scan that we drew ourselves, and a word of the template's own.
    assert sorted(unescaped) == ["'<span></span>' | safe", "invoice.pay.picture | safe"]


@pytest.mark.parametrize(
    "html",
    [
        "<svg><style><img src=x onerror=x3()></style></svg>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=x3()&gt;'>",
        "<svg></p><style><a id='</style><img src=x onerror=x3()>'>",
        "<noscript><p title='</noscript><img src=x onerror=x3()>'>",
        "<math><annotation-xml encoding='text/html'><script>x3()</script></annotation-xml></math>",
        "<svg><animate attributeName=href values='javascript:x3()' /></svg>",
        "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img onerror=x3() src>'>",
        "<select><template shadowroot=open><script>x3()</script></template></select>",
    ],
)  # fmt: skip
def test_x3_text_that_changes_between_two_readings_stays_harmless(html: str) -> None:
    once = str(sanitise(html))
    assert str(sanitise(once)) == once, "a second reading finds something else"
    assert not re.search(r"<(script|svg|math|style|noscript|template|animate)", once)
    assert not re.search(r"<[^>]*\sonerror", once)


@pytest.mark.parametrize(
    "html",
    [
        "<div style='position:fixed;inset:0;background:url(https://spy.example)'>Sign in</div>",
        "<style>@import 'https://spy.example'; body{display:none}</style>",
        "<img src='https://spy.example/1.gif' width=1 height=1>",
        "<img srcset='https://spy.example/1.gif 2x'>",
        "<table background='https://spy.example/1.gif'><tr><td>a</td></tr></table>",
        "<video poster='https://spy.example/1.gif'></video>",
        "<link rel=preload as=image href='https://spy.example/1.gif'>",
        "<p class='overlay' id='main'>a</p>",
    ],
)
def test_x4_no_style_and_no_remote_picture_is_left(html: str) -> None:
    clean = str(sanitise(html))
    for bad in ("style", "spy.example", "class=", "id=", "background", "srcset"):
        assert bad not in clean


@pytest.mark.parametrize("at", range(len(HOSTILE)), ids=[file.name for file in HOSTILE])
def test_x5_a_file_that_could_act_is_only_ever_saved(
    browser: Browser, world: World, at: int
) -> None:
    (file_id,) = attachments(world, HOSTILE[at])
    answer = browser.get(f"/attachments/{file_id}")
    assert answer.status_code == 200
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.data == HOSTILE[at].content


def test_x5_the_type_of_a_file_is_what_its_bytes_say(world: World) -> None:
    for file in HOSTILE:
        assert keep_file(world.services.blobs, file).media_type == "application/octet-stream"
    picture = File("a.svg", "image/svg+xml", b"\x89PNG\r\n\x1a\n")
    assert keep_file(world.services.blobs, picture).media_type == "image/png"


@pytest.mark.parametrize(
    "wanted", ["script", "worker", "serviceworker", "style", "iframe", "object"]
)
def test_x6_a_file_of_a_customer_is_no_script_of_ours(
    browser: Browser, world: World, wanted: str
) -> None:
    (file_id,) = attachments(world, File("a.js", "text/javascript", b"x6()"))
    answer = browser.get(f"/attachments/{file_id}", headers={"Sec-Fetch-Dest": wanted})
    assert answer.status_code == 404
    assert b"x6()" not in answer.data
    saved = browser.get(f"/attachments/{file_id}", headers={"Sec-Fetch-Dest": "document"})
    assert saved.data == b"x6()"


@pytest.mark.parametrize(
    "name",
    [
        "a\u200b.php", ".htaccess", "x.pht", "../../etc/x7", "..\\..\\boot.ini", "a\u202egpj.exe",
        'a"; filename="b.html', "a\r\nSet-Cookie: a=b", "a\0.png", "/etc/x7", "x" * 5000, "",
        "con", "a%0d%0ab", "~root",
    ],
)  # fmt: skip
def test_x7_a_name_is_only_ever_shown(browser: Browser, world: World, name: str) -> None:
    (file_id,) = attachments(world, File(name, "text/plain", b"a"))
    answer = browser.get(f"/attachments/{file_id}")
    told = answer.headers["Content-Disposition"]
    assert told.startswith("attachment; filename")
    assert not re.search(r"[\x00-\x1f\x7f\u200b\u202e]", told)
    assert "Set-Cookie" not in answer.headers or "a=b" not in answer.headers["Set-Cookie"]
    shown = re.findall(r'filename="?([^";]*)', told)[0]
    assert "/" not in shown
    assert len(told) < 1000


def test_x7_no_name_decides_where_bytes_lie(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    for name in ("../../a", "/tmp/a", "a\0b", ".htaccess"):
        keep_file(blobs, File(name, "", name.encode()))
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) == 4
    inside = [path.relative_to(tmp_path / "blobs") for path in kept]
    assert all(re.fullmatch(r"[0-9a-f/]{64,70}", str(path)) for path in inside)


def test_x8_a_file_needs_the_right_to_its_conversation(
    app: Flask, browser: Browser, world: World
) -> None:
    (file_id,) = attachments(world, File("a.txt", "text/plain", b"private"))
    assert browser.get(f"/attachments/{file_id}").data == b"private"
    team = make_team(world.services, "Fraud")
    with world.services.begin() as tx:
        lock_ticket(tx, world.tickets()[0].id).team_id = team
    refused, unknown = (browser.get(f"/attachments/{one}") for one in (file_id, uuid4()))
    assert (refused.status_code, unknown.status_code) == (404, 404)
    assert _without_ids(refused.text) == _without_ids(unknown.text)
    stranger = Browser(app).get(f"/attachments/{file_id}")
    assert stranger.status_code == 302
    assert b"private" not in stranger.data


def test_x8_ids_of_equal_files_cannot_be_guessed_from_one_another(world: World) -> None:
    same = [File(f"{at}.txt", "text/plain", b"same") for at in range(8)]
    ids = attachments(world, *same)
    assert len(set(ids)) == 8
    prefixes = {one.hex[:8] for one in ids}
    assert len(prefixes) == 8, "an id tells when it was made, or of what"


@pytest.mark.parametrize("path", ["/data/blobs/", "/blobs/", "/static/../.data/blobs/", "/.data/"])
def test_x8_no_path_leads_to_kept_bytes(browser: Browser, world: World, path: str) -> None:
    digest = world.services.blobs.keep(b"private")
    for address in (f"{path}{digest}", f"{path}{digest[:2]}/{digest}"):
        assert browser.get(address).status_code == 404


def test_x11_a_signature_is_filled_once_by_name_and_nothing_else_is_reckoned() -> None:
    account = MailAccount(
        address="a@sabia.example", name="Sabiá", imap=None, smtp=None,
        signature_text="{agent} {agent.__class__} {{agent}} {0} {agent!r} %(agent)s $agent {unknown}",
    )  # fmt: skip
    told = dress("hi", account, agent="{company}", company="secret")
    assert "secret" not in told.text + told.html
    assert "<class" not in told.text
    assert "{company} {agent.__class__} {{company}} {0}" in told.text


def test_x11_what_a_customer_wrote_is_no_template(browser: Browser, world: World) -> None:
    text = "{{ 7*7 }} {% raw %} ${7*7} {agent.__init__} #{7*7}"
    ticket = world.ticket_of(world.arrives(mail("7:1", name=text, subject=text, text=text)))
    page = browser.get(f"/inbox/{ticket.number}").text
    assert "{{ 7*7 }}" in page
    assert "49 {%" not in page


def _without_ids(page: str) -> str:
    return re.sub(r"[0-9a-f]{16,}|[A-Za-z0-9._-]{40,}", "", page)


def test_x10_x12_one_writer_of_tables_and_one_way_to_fetch() -> None:
    importers: dict[str, set[str]] = {"csv": set(), "fetching": set()}
    for path in sorted((ROOT / "helpdesk").rglob("*.py")):
        name, code = str(path.relative_to(ROOT)), path.read_text()
        if re.search(r"^\s*(import|from) csv\b", code, re.MULTILINE):
            importers["csv"].add(name)
        if re.search(
            r"^\s*(import|from) (urllib\.request|http\.client|requests|httpx|aiohttp)\b",
            code,
            re.MULTILINE,
        ):
            importers["fetching"].add(name)
    assert importers["csv"] == {"helpdesk/web/tables.py"}
    stand_ins = {name for name in importers["fetching"] if name.startswith("helpdesk/demo/")}
    assert importers["fetching"] - stand_ins == {"helpdesk/web/fetch.py"}
