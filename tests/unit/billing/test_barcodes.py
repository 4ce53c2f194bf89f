"""What a customer scans can be read back from the picture."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.barcodes import barcode_svg, qr_svg

WIDE_PLACES = {  # interleaved 2 of 5, by the sums of its weights 1, 2, 4, 7, 0
    (2, 3): "0",
    (0, 4): "1",
    (1, 4): "2",
    (0, 1): "3",
    (2, 4): "4",
    (0, 2): "5",
    (1, 2): "6",
    (3, 4): "7",
    (0, 3): "8",
    (1, 3): "9",
}


def scan(svg: str) -> str:
    """Read the digits as a scanner does: widths of bars and of the spaces between them."""
    bars = [(int(x), int(width)) for x, width in re.findall(r"M(\d+) 0h(\d)v50h-\dz", svg)]
    widths: list[int] = []
    for (x, width), (following, _) in zip(bars, [*bars[1:], (bars[-1][0], 0)], strict=True):
        widths += [width, following - x - width]
    widths.pop()
    assert widths[:4] == [1, 1, 1, 1]
    assert widths[-3:] == [3, 1, 1]
    digits = ""
    for at in range(4, len(widths) - 3, 10):
        for offset in (0, 1):
            five = widths[at + offset : at + 10 : 2]
            digits += WIDE_PLACES[tuple(i for i, width in enumerate(five) if width == 3)]  # type: ignore[index]
    return digits


@given(st.from_regex(r"([0-9]{2}){1,22}", fullmatch=True))
def test_the_bars_say_the_digits(digits: str) -> None:
    assert scan(barcode_svg(digits)) == digits


def test_a_boleto_s_bars_have_the_width_its_layout_prescribes() -> None:
    svg = barcode_svg("0" * 44)
    # Four narrow elements, 22 pairs of 3 narrow and 2 wide twice over, the stop, and the margins.
    assert f'viewBox="0 0 {4 + 44 * 9 + 5 + 20} 50"' in svg


@pytest.mark.parametrize("digits", ["", "123", "12a4", "１２"])
def test_only_an_even_number_of_digits_has_bars(digits: str) -> None:
    with pytest.raises(ValueError, match="even number"):
        barcode_svg(digits)


def test_a_qr_code_is_a_picture_without_styles_or_scripts() -> None:
    svg = qr_svg("00020126580014br.gov.bcb.pix")
    for picture in (svg, barcode_svg("12")):
        assert picture.startswith("<svg ")
        assert picture.endswith("</svg>")
        assert "viewBox" in picture
        assert "style" not in picture
        assert "script" not in picture
    assert qr_svg("another") != svg
