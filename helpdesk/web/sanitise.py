"""Foreign HTML made harmless: the last step before it is shown, from the kept bytes each time.

What comes out is still shown inside `<iframe sandbox>`: two locks, not one.
"""

from dataclasses import dataclass

import nh3

TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "div", "dl",
    "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "ol",
    "p", "pre", "q", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "img": {"alt", "src", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
DROPPED = {"script", "style", "title", "template", "noscript", "svg", "math", "iframe", "object"}
SCRIPTS = ("javascript:", "vbscript:", "livescript:")
PICTURES = ("data:image/png;", "data:image/jpeg;", "data:image/gif;", "data:image/webp;")


@dataclass(frozen=True, slots=True)
class SafeHtml:
    """HTML that `sanitise` made. Nothing else may construct one."""

    text: str

    def __str__(self) -> str:
        return self.text


def sanitise(html: str) -> SafeHtml:
    """Return `html` without anything that acts, styles, or fetches from elsewhere.

    No scripts, styles, forms or frames; pictures only where they came along with the text;
    links open elsewhere and tell nobody whence.
    """
    return SafeHtml(
        nh3.clean(
            html,
            tags=TAGS,
            clean_content_tags=DROPPED,
            attributes=ATTRIBUTES,
            attribute_filter=_attribute,
            url_schemes={"http", "https", "mailto", "tel", "data"},
            link_rel="noopener noreferrer nofollow",
            set_tag_attribute_values={"a": {"target": "_blank"}},
            strip_comments=True,
        )
    )


def _attribute(_tag: str, name: str, value: str) -> str | None:
    plain = "".join(sign for sign in value if sign > " ").lower()
    if plain.startswith(SCRIPTS):
        return None  # also where it would only be shown: others may copy it into a link
    if name == "src":
        # A remote picture tells its sender that, when and where the mail was read.
        return value if plain.startswith(PICTURES) else None
    if name == "href":
        return value if plain.startswith(("http://", "https://", "mailto:", "tel:")) else None
    return value
