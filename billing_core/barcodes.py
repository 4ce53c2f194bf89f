"""What a customer scans: a BR Code as a QR code, a boleto's digits as bars. SVG without styles.

Black on white whatever the page's colours, for scanners read nothing else. Both scale with
their `viewBox`.
"""

import io

import segno

# Interleaved 2 of 5: which two of five elements are wide, by digit.
_WIDE = ("00110", "10001", "01001", "11000", "00101", "10100", "01100", "00011", "10010", "01010")
_START, _STOP = "0000", "100"
WIDE = 3  # widths of a narrow element
QUIET = 10  # widths left free on each side
BARCODE_HEIGHT = 50  # a boleto's bars are 13 mm high at 103 mm


def qr_svg(payload: str) -> str:
    """Return a QR code with a quiet zone of four modules, of medium redundancy."""
    picture = io.BytesIO()
    segno.make(payload, error="m", micro=False).save(
        picture,
        kind="svg",
        border=4,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgns=True,
        omitsize=True,
        svgclass=None,
        lineclass=None,
        nl=False,
    )
    return picture.getvalue().decode()


def barcode_svg(digits: str) -> str:
    """Return the bars of an even number of digits, as a boleto's 44."""
    if not digits or len(digits) % 2 or not (digits.isascii() and digits.isdigit()):
        raise ValueError("an even number of digits is needed")
    pairs = zip(digits[::2], digits[1::2], strict=True)
    # The first digit of a pair is told by the bars, the second by the spaces between them.
    elements = "".join(
        bar + space
        for first, second in pairs
        for bar, space in zip(_WIDE[int(first)], _WIDE[int(second)], strict=True)
    )
    at, bars = QUIET, []
    for index, element in enumerate(_START + elements + _STOP):
        width = WIDE if element == "1" else 1
        if index % 2 == 0:
            bars.append(f"M{at} 0h{width}v{BARCODE_HEIGHT}h-{width}z")
        at += width
    size = f"{at + QUIET} {BARCODE_HEIGHT}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}">'
        f'<path fill="#fff" d="M0 0h{at + QUIET}v{BARCODE_HEIGHT}h-{at + QUIET}z"/>'
        f'<path fill="#000" d="{"".join(bars)}"/></svg>'
    )
