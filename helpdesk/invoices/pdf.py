"""An invoice on paper: the same words as the screen, set with a font that knows every sign.

The standard fonts of a PDF have neither U+2212 nor most letters, so DejaVu comes with us.
"""

from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from helpdesk.invoices.screen import BridgeScreen, InvoiceScreen, LineRow, PayScreen, SumRow

if TYPE_CHECKING:
    from fpdf import FPDF

MARGIN = 20.0  # mm, as every length here
WIDTH = 210.0 - 2 * MARGIN
AMOUNT = 38.0  # the column of amounts
FONT = "DejaVu"

INK = (18, 22, 31)
SOFT = (66, 74, 89)
FAINT = (90, 99, 115)
RULE = (203, 208, 218)
MONEY = (11, 104, 87)
MONEY_SOFT = (232, 244, 241)
MONEY_PALE = (155, 191, 183)
TONES = {
    "": ((236, 238, 242), SOFT),
    "ok": ((231, 246, 236), (24, 112, 58)),
    "warn": ((255, 242, 222), (138, 75, 0)),
    "danger": ((253, 237, 235), (179, 38, 27)),
}


def invoice_pdf(screen: InvoiceScreen, *, fonts: str, at: datetime) -> bytes:
    """Return the document. `fonts` is the static folder; `at` is what the file says of its age."""
    sheet = _sheet(screen, Path(fonts) / "vendor" / "dejavu-2.37.3", at)
    _header(sheet, screen)
    _parties(sheet, screen)
    if screen.bridge is not None:
        _bridge(sheet, screen.bridge)
    _lines(sheet, screen)
    if screen.pay is not None:
        _pay(sheet, screen.pay)
    return bytes(sheet.output())


def _sheet(screen: InvoiceScreen, fonts: Path, at: datetime) -> "FPDF":
    from fpdf import FPDF  # 0.3 s, and only for those who print

    class Sheet(FPDF):
        def footer(self) -> None:
            self.set_y(-14)
            _ink(self, 7.5, FAINT)
            page = screen.page.format(number=self.page_no(), all="{nb}")
            self.cell(WIDTH, 4, f"{screen.number}   {page}".strip())

    sheet = Sheet(format="A4")
    sheet.add_font(FONT, "", fonts / "DejaVuSans.ttf")
    sheet.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
    sheet.set_margins(MARGIN, MARGIN, MARGIN)
    sheet.c_margin = 0  # text stands exactly where the rules end
    sheet.set_auto_page_break(True, margin=20)
    sheet.set_lang(screen.language)
    sheet.set_title(f"{screen.title} {screen.number}")
    sheet.set_creation_date(at)
    sheet.add_page()
    return sheet


def _header(sheet: "FPDF", screen: InvoiceScreen) -> None:
    fill, ink = TONES[screen.tone]
    _ink(sheet, 8, ink, bold=True)
    chip = sheet.get_string_width(screen.state) + 8
    sheet.set_fill_color(*fill)
    top = sheet.get_y()
    sheet.rect(MARGIN + WIDTH - chip, top, chip, 7.5, "F", round_corners=True, corner_radius=1.5)
    sheet.set_xy(MARGIN + WIDTH - chip, top)
    sheet.cell(chip, 7.5, screen.state, align="C")
    sheet.set_xy(MARGIN, top)
    _ink(sheet, 15, INK, bold=True)
    sheet.cell(WIDTH - chip - 4, 7.5, screen.title, new_x="LMARGIN", new_y="NEXT")
    _ink(sheet, 8.5, FAINT)
    sheet.cell(WIDTH, 5, screen.issued, new_x="LMARGIN", new_y="NEXT")
    sheet.ln(6)


def _parties(sheet: "FPDF", screen: InvoiceScreen) -> None:
    _rule(sheet)
    sheet.ln(4)
    width = WIDTH / max(1, len(screen.parties))
    top, deepest = sheet.get_y(), sheet.get_y()
    for place, party in enumerate(screen.parties):
        sheet.set_xy(MARGIN + place * width, top)
        _ink(sheet, 7.5, FAINT)
        _text(sheet, width - 5, 4, party.label)
        _ink(sheet, 8.5, INK, bold=True)
        _text(sheet, width - 5, 4.6, party.name)
        _ink(sheet, 8.5, SOFT)
        for detail in party.details:
            _text(sheet, width - 5, 4.6, detail)
        deepest = max(deepest, sheet.get_y())
    sheet.set_xy(MARGIN, deepest + 4)
    _rule(sheet)
    sheet.ln(7)


def _bridge(sheet: "FPDF", bridge: BridgeScreen) -> None:
    """Set the way from the last invoice to this one, as bars between labels and amounts."""
    row = 6.2
    height = 15 + row * len(bridge.rows)
    _room(sheet, height)
    top = sheet.get_y()
    sheet.set_fill_color(*MONEY_SOFT)
    sheet.rect(MARGIN, top, WIDTH, height, "F", round_corners=True, corner_radius=2.5)
    sheet.set_xy(MARGIN + 5, top + 4)
    _ink(sheet, 10, INK, bold=True)
    sheet.cell(WIDTH - 10, 5, bridge.heading)
    left, bars = MARGIN + 5, WIDTH - 10 - 62 - 30
    for place, one in enumerate(bridge.rows):
        y = top + 11.5 + place * row
        _ink(sheet, 8, INK, bold=one.kind == "after")
        sheet.set_xy(left, y)
        sheet.cell(60, row, _cut(sheet, one.label, 59))
        _bar(sheet, one.kind, left + 62 + bars * one.left / 1000, y + 1.3, bars * one.width / 1000)
        sheet.set_xy(left + 62 + bars, y)
        sheet.cell(30, row, one.amount, align="R")
    sheet.set_xy(MARGIN, top + height + 7)


def _bar(sheet: "FPDF", kind: str, x: float, y: float, width: float) -> None:
    sheet.set_fill_color(*(MONEY_PALE if kind == "before" else MONEY))
    sheet.set_draw_color(*MONEY)
    sheet.set_line_width(0.35)
    style = "D" if kind == "less" else "F"
    corner = min(0.8, width / 2.5)
    sheet.rect(x, y, width, 3.6, style, round_corners=True, corner_radius=corner)


def _lines(sheet: "FPDF", screen: InvoiceScreen) -> None:
    _ink(sheet, 7.5, FAINT)
    sheet.cell(WIDTH - AMOUNT, 5, screen.charged)
    sheet.cell(AMOUNT, 5, screen.amount, align="R", new_x="LMARGIN", new_y="NEXT")
    for place, line in enumerate(screen.lines):
        _line(sheet, line, first=place == 0)
    for total in screen.sums:
        _sum(sheet, total)
    _ink(sheet, 7.5, FAINT)
    sheet.ln(1.5)
    for note in screen.notes:
        _text(sheet, WIDTH, 4.2, note)


def _line(sheet: "FPDF", line: LineRow, *, first: bool) -> None:
    _room(sheet, 16)
    if not first:
        _rule(sheet)
    sheet.ln(2.6)
    _ink(sheet, 9, MONEY if line.gives_back else INK)
    top = sheet.get_y()
    sheet.set_xy(MARGIN + WIDTH - AMOUNT, top)
    sheet.cell(AMOUNT, 5, line.amount, align="R")
    sheet.set_xy(MARGIN, top)
    _ink(sheet, 9, INK, bold=True)
    _text(sheet, WIDTH - AMOUNT, 5, line.title)
    if line.detail:
        _ink(sheet, 8, FAINT)
        _text(sheet, WIDTH - AMOUNT, 4.4, line.detail)
    sheet.ln(2.6)


def _sum(sheet: "FPDF", total: SumRow) -> None:
    _room(sheet, 11)
    if total.strong:
        _rule(sheet)
        sheet.set_y(sheet.get_y() + 0.7)
        _rule(sheet)
        sheet.ln(2)
    _ink(sheet, 11.5 if total.strong else 8.5, INK if total.strong else SOFT, bold=total.strong)
    height = 7.5 if total.strong else 6
    sheet.cell(WIDTH - AMOUNT, height, total.label)
    sheet.cell(AMOUNT, height, total.amount, align="R", new_x="LMARGIN", new_y="NEXT")


def _pay(sheet: "FPDF", pay: PayScreen) -> None:
    """Set what a customer needs to pay: black on white, as large as a phone needs it."""
    _room(sheet, 62 if pay.rail == "pix" else 42)
    sheet.ln(5)
    sheet.set_dash_pattern(dash=1, gap=1)
    _rule(sheet)
    sheet.set_dash_pattern()
    sheet.ln(4)
    top = sheet.get_y()
    picture = BytesIO(pay.picture.encode())
    beside = 48.0 if pay.rail == "pix" else 0.0
    if pay.rail == "pix":
        sheet.image(picture, MARGIN, top, 44, 44)
    sheet.set_xy(MARGIN + beside, top)
    _ink(sheet, 10, INK, bold=True)
    _text(sheet, WIDTH - beside, 5.5, pay.heading)
    _ink(sheet, 8.5, SOFT)
    _text(sheet, WIDTH - beside, 5, " · ".join(part for part in (pay.amount, pay.until) if part))
    sheet.ln(1.5)
    _ink(sheet, 8, INK)
    sheet.set_x(MARGIN + beside)
    _text(sheet, WIDTH - beside, 4.6, pay.code)
    if pay.rail == "boleto":
        sheet.image(picture, MARGIN, sheet.get_y() + 2, 113, 13, keep_aspect_ratio=False)


def _text(sheet: "FPDF", width: float, height: float, text: str) -> None:
    """Set a paragraph; what follows begins below it, at the same left edge."""
    sheet.multi_cell(width, height, text, align="L", new_x="LEFT", new_y="NEXT")


def _ink(sheet: "FPDF", size: float, colour: tuple[int, int, int], *, bold: bool = False) -> None:
    sheet.set_font(FONT, "B" if bold else "", size)
    sheet.set_text_color(*colour)


def _rule(sheet: "FPDF") -> None:
    sheet.set_draw_color(*RULE)
    sheet.set_line_width(0.2)
    sheet.line(MARGIN, sheet.get_y(), MARGIN + WIDTH, sheet.get_y())


def _room(sheet: "FPDF", height: float) -> None:
    """Begin a page where `height` would not fit."""
    if sheet.will_page_break(height):
        sheet.add_page()


def _cut(sheet: "FPDF", text: str, width: float) -> str:
    """Shorten a label that is wider than its column."""
    if sheet.get_string_width(text) <= width:
        return text
    while text and sheet.get_string_width(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"
