"""Attacks on HTML sanitisers that others collected: none survives ours, in a real browser.

The collection stays outside the repository (`CORPORA` names it). The browser parses what we
let through twice, as text that changes its meaning between two readings is an attack of
its own, and shows it in frames without the sandbox that the product adds.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from helpdesk.web.sanitise import PICTURES, TAGS, sanitise
from tests.e2e.specimens import chromium, open_browser

CORPUS = Path(os.environ.get("CORPORA", "../shared/corpora")) / "html"
AT_ONCE = 50  # frames of one page
SHELL = TAGS | {"html", "head", "body"}  # what a browser adds to any document

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]

FAULTS = r"""
([texts, allowed, pictures]) => {
  const faults = [];
  const look = (root, at) => {
    for (const element of root.querySelectorAll("*")) {
      const name = element.nodeName.toLowerCase();
      const foreign = element.namespaceURI !== "http://www.w3.org/1999/xhtml";
      if (foreign || !allowed.includes(name)) faults.push(`${at}: <${name}>`);
      for (const { name: key, value } of element.attributes) {
        const plain = value.replace(/[\s\u0000-\u0020]/g, "").toLowerCase();
        if (key.startsWith("on")) faults.push(`${at}: ${key}`);
        if (key === "style" || key === "id" || key === "name") faults.push(`${at}: ${key}`);
        if (/^(java|vb|live)script:/.test(plain)) faults.push(`${at}: ${key}=${plain}`);
        const picture = key === "src" && pictures.some((begin) => plain.startsWith(begin));
        if (plain.startsWith("data:") && !picture && key !== "title" && key !== "alt")
          faults.push(`${at}: ${key}=${plain}`);
        if (key === "src" && !picture) faults.push(`${at}: fetches ${plain}`);
      }
    }
  };
  texts.forEach((text, at) => {
    const once = new DOMParser().parseFromString(text, "text/html");
    look(once, at);
    const live = document.createElement("div");
    live.innerHTML = once.body.innerHTML;
    look(live, at);
  });
  return faults;
}
"""

POKE = """
() => {
  for (const frame of document.querySelectorAll("iframe")) {
    const inside = frame.contentDocument;
    if (!inside) continue;
    inside.addEventListener("click", (event) => {
      const link = event.target.closest?.("a");
      // A link that leads elsewhere is no attack; one that runs a script is.
      if (link && /^(https?|mailto|tel):/.test(link.href)) event.preventDefault();
    });
    for (const element of inside.querySelectorAll("*")) {
      for (const kind of ["mouseover", "mousemove", "focus", "blur", "load", "error", "toggle"])
        element.dispatchEvent(new Event(kind, { bubbles: true }));
      element.click?.();
    }
  }
}
"""


def payloads() -> list[dict[str, Any]]:
    file = CORPUS / "payloads.json"
    return list(json.loads(file.read_text("utf-8"))) if file.exists() else []


collected = pytest.mark.skipif(
    not payloads(), reason=f"no collection of attacks at {CORPUS} (CORPORA)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that reaches nothing but itself."""
    context = browser.new_context()
    context.route("**/*", lambda route: route.abort())
    opened = context.new_page()
    opened.goto("about:blank")
    yield opened
    context.close()


def faults(page: Page, texts: list[str]) -> list[str]:
    found: list[str] = page.evaluate(FAULTS, [texts, sorted(SHELL), list(PICTURES)])
    return found


def dialogs(page: Page, texts: list[str]) -> list[str]:
    """Show each text in a frame of its own, poke at all of it, return what dialogs said."""
    said: list[str] = []

    def hear(dialog: Any) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", hear)
    for begin in range(0, len(texts), AT_ONCE):
        part = texts[begin : begin + AT_ONCE]
        page.evaluate(
            """async (texts) => {
              const loaded = texts.map((text) => new Promise((done) => {
                const frame = document.createElement("iframe");
                frame.onload = done;
                frame.srcdoc = text;
                document.body.append(frame);
              }));
              await Promise.all(loaded);
            }""",
            part,
        )
        page.evaluate(POKE)
        page.evaluate("document.body.replaceChildren()")
    page.evaluate("new Promise((done) => setTimeout(done, 0))")
    return said


@collected
def test_nothing_that_acts_is_left_after_two_readings(page: Page) -> None:
    cases = payloads()
    found = faults(page, [str(sanitise(case["payload"])) for case in cases])
    named = [f"{cases[int(fault.partition(':')[0])]['id']} {fault}" for fault in found]
    assert named == []


@collected
def test_no_dialog_opens(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    cases = payloads()
    # Text alone and what another attack left as well need no second frame.
    texts = sorted({text for case in cases if "<" in (text := str(sanitise(case["payload"])))})
    said = dialogs(page, texts)
    with capsys.disabled():
        print(  # noqa: T201 - the table is the point
            f"\n  {len(cases)} attacks, {len(texts)} different remains, {len(said)} dialogs"
        )
    assert said == []


@pytest.mark.parametrize(
    "attack",
    [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "<a href='javascript:alert(1)'>here</a>",
        "<svg onload=alert(1)>",
        "<p onmouseover=alert(1)>here</p>",
    ],
)
def test_the_browser_would_show_an_attack_that_came_through(page: Page, attack: str) -> None:
    assert faults(page, [attack])
    assert dialogs(page, [attack])
    assert faults(page, [str(sanitise(attack))]) == []
