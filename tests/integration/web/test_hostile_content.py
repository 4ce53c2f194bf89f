"""Content that means harm, from a stranger's hands to each place where it is shown or kept."""

import ast
import re
from collections.abc import Callable, Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.http import parse_options_header

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
# Their bytes say truly what they are, and they act all the same.
HONEST = (
    File("a.pdf", "application/pdf", b"%PDF-1.7 <</OpenAction<</S/JavaScript/JS(x5())>>>>"),
    File("a.gif", "image/gif", b"GIF89a=1;x5()"),
)
UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069/\\]")
FETCHING = ("http.client", "urllib.request", "urllib3", "requests", "httpx", "aiohttp", "socket")


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


class Page(HTMLParser):
    """A page as a browser reads it: what in it would act, and what its frames hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.acts: list[str] = []
        self.frames: list[str] = []
        self.feed(text)
        self.close()
        for frame in list(self.frames):
            self.acts += Page(frame).acts

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        for name, value in facts.items():
            runs = name.startswith("on") or value.lstrip().lower().startswith("javascript:")
            if runs and "x1()" in value:
                self.acts.append(f"{tag} {name}={value}")
        if tag == "script" and "src" not in facts:
            self.acts.append("a script in the page: we write none")
        if tag == "iframe":
            self.frames.append(facts.get("srcdoc", ""))
            if "sandbox" not in facts or "allow-scripts" in facts["sandbox"]:
                self.acts.append("a frame without its lock")


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
        f"/tickets/{ticket.id}/timeline", f"/tickets/{ticket.id}/header",
        f"/messages/{message_id}/original", f"/messages/{message_id}/whole",
        f"/customers?q={quote(ACTS)}",
    ]  # fmt: skip
    for path in pages:
        page = browser.get(path, headers={"HX-Request": "true"} if "/tickets/" in path else {})
        assert page.status_code == 200, path
        assert Page(page.text).acts == [], path
        words = "x1()" in page.text
        assert words or path.endswith("/panel"), f"{path} does not show what was written"


def test_x1_an_answer_leaves_as_text_whatever_was_typed() -> None:
    dressed = dress(ACTS, None, agent="Bruna", company="Sabiá")
    assert "<script" not in dressed.html
    assert "<img" not in dressed.html
    assert dressed.text == ACTS


def test_x2_nothing_changes_html_after_it_was_made_safe() -> None:
    makers, unescaped = [], []
    for name, code in modules():
        if re.search(r"\bSafeHtml\(", code) and name != "helpdesk/web/sanitise.py":
            makers.append(name)
        makers += [f"{name}:{line}" for line in lines_that_change_safe_html(code)]
    for path in sorted((ROOT / "templates").rglob("*.html")):
        unescaped += re.findall(r"[\w.'<>/]+\s*\|\s*safe\b", path.read_text())
    assert makers == []
    # A code to scan that we drew ourselves, and a word of the template's own.
    assert sorted(unescaped) == ["'<span></span>' | safe", "invoice.pay.picture | safe"]


def lines_that_change_safe_html(code: str) -> list[int]:
    """Return the lines on which what `sanitise` made is not handed on as it is."""
    tree = ast.parse(code)
    around = {inner: node for node in ast.walk(tree) for inner in ast.iter_child_nodes(node)}
    lines = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and _called(node) == "sanitise"):
            continue
        holder = around[node]
        if isinstance(holder, ast.Call) and _called(holder) == "str":
            holder = around[holder]
        if isinstance(holder, ast.keyword):
            holder = around[holder]
        given = isinstance(holder, ast.Call) and _called(holder) in ("render_template", "Dressed")
        if not (given or isinstance(holder, ast.Return)):
            lines.append(node.lineno)
    return lines


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def test_x2_a_letter_is_shown_exactly_as_it_was_made_safe(browser: Browser, world: World) -> None:
    html = """<p title='"><img src=x onerror=x2()>'>&lt;img src=x onerror=x2()&gt; &amp;lt;b&amp;gt;</p>
        <a href="http://a.example/?a=1&amp;b='2'">a</a><script>x2()</script>"""
    world.arrives(mail("7:1", html=html))
    with world.services.reading() as session:
        message_id = session.scalars(select(Message.id)).one()
    page = browser.get(f"/messages/{message_id}/original").text
    assert Page(page).frames == [str(sanitise(html))]


def test_x2_an_answer_leaves_exactly_as_it_was_made_safe() -> None:
    account = MailAccount(
        address="a@sabia.example", name="Sabiá", imap=None, smtp=None,
        signature_html="<b>{agent}</b><script>x2()</script><img src=x onerror=x2()>",
    )  # fmt: skip
    told = dress("https://a.example/<b>", account, agent="<i>x2()", company="Sabiá").html
    assert "x2()" in told
    assert str(sanitise(told)) == told, "something came after it was made safe"


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


@pytest.mark.parametrize("file", HOSTILE + HONEST, ids=lambda file: file.name)
def test_x5_a_file_that_could_act_is_only_ever_saved(
    browser: Browser, world: World, file: File
) -> None:
    (file_id,) = attachments(world, file)
    answer = browser.get(f"/attachments/{file_id}")
    assert answer.status_code == 200
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers.get("X-Content-Type-Options") == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.data == file.content


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
    with world.services.reading() as session:
        kept = session.get_one(Attachment, file_id).name
    answer = browser.get(f"/attachments/{file_id}")
    assert answer.status_code == 200, "the name broke the answer"
    told = answer.headers["Content-Disposition"]
    how, options = parse_options_header(told)
    assert (how, options["filename"]) == ("attachment", kept), "it is saved under another name"
    assert not UNSHOWABLE.search(kept)
    assert "Set-Cookie" not in answer.headers or "a=b" not in answer.headers["Set-Cookie"]
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
    text = "{{ 7919*7907 }} {% set a = 1 %} ${7919*7907} {agent.__init__} #{7919*7907}"
    ticket = world.ticket_of(world.arrives(mail("7:1", name=text, subject=text, text=text)))
    answer = browser.get(f"/inbox/{ticket.number}")
    assert answer.status_code == 200, "somebody tried to reckon it"
    page = unescape(answer.text)
    assert str(7919 * 7907) not in page
    begun = page.count("${7919*7907}")
    assert begun >= 4, "name, subject and text are shown, and shown in the list"
    assert page.count(text) == begun, "a part of it was reckoned"


def _without_ids(page: str) -> str:
    return re.sub(r"[0-9a-f]{16,}|[A-Za-z0-9._-]{40,}", "", page)


def test_x10_x12_one_writer_of_tables_and_one_way_to_fetch() -> None:
    writing = {name for name, code in modules() if imports(code, ("csv",))}
    fetching = {name for name, code in modules() if imports(code, FETCHING)}
    assert writing == {"helpdesk/web/tables.py"}
    stand_ins = {name for name in fetching if name.startswith("helpdesk/demo/")}
    assert fetching - stand_ins == {"helpdesk/web/fetch.py"}


def modules() -> Iterator[tuple[str, str]]:
    """Yield path and code of every module of the product."""
    for path in sorted((ROOT / "helpdesk").rglob("*.py")):
        yield str(path.relative_to(ROOT)), path.read_text()


def imports(code: str, wanted: tuple[str, ...]) -> bool:
    """Say whether a module imports one of these, in whatever way it is written."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            named |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            named |= {f"{node.module}.{one.name}" for one in node.names}
    return any(f"{one}.".startswith(f"{name}.") for one in named for name in wanted)
