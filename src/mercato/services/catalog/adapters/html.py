"""HTML that is safe to show: cleaned from what merchants and files give, or made from plain text."""

from collections.abc import Iterable
from html import escape

import nh3

from mercato.services.catalog.domain import SafeHtml

MAX_HTML = 200_000  # characters, before and after cleaning
# Cleaning deeply nested tags takes time that grows with the square of their number.
MAX_TAGS = 10_000

_TAGS = set(
    "a abbr b bdi bdo blockquote br caption cite code col colgroup dd del details dfn div dl dt em figcaption figure "
    "h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small span strike strong sub summary sup "
    "table tbody td tfoot th thead time tr tt u ul var wbr".split()
)
_ATTRIBUTES = {
    "a": {"href", "hreflang"},
    "bdo": {"dir"},
    "col": {"span"},
    "colgroup": {"span"},
    "img": {"alt", "height", "src", "width"},
    "ol": {"start"},
    "td": {"colspan", "headers", "rowspan"},
    "th": {"colspan", "headers", "rowspan", "scope"},
    "time": {"datetime"},
}
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    clean_content_tags={"iframe", "math", "noscript", "object", "script", "style", "svg", "template", "title"},
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="nofollow noopener noreferrer",
)


def clean_html(html: str) -> SafeHtml:
    """`html` without scripts, styles, foreign frames, comments, event handlers and addresses that could run code.

    Text stays text: `a < b` becomes `a &lt; b`. Cleaning twice changes nothing more. Raises ValueError, with the
    reason, for HTML that is too large.
    """
    if len(html) > MAX_HTML:
        raise ValueError(f"has {len(html):,} characters: at most {MAX_HTML:,} fit")
    if "<" not in html and "&" not in html and ">" not in html:
        return SafeHtml(html)
    if html.count("<") > MAX_TAGS:
        raise ValueError(f"has more than {MAX_TAGS:,} tags: simplify its HTML")
    cleaned = _CLEANER.clean(html)
    if len(cleaned) > MAX_HTML:
        raise ValueError(f"has {len(cleaned):,} characters when its HTML is cleaned: at most {MAX_HTML:,} fit")
    return SafeHtml(cleaned)


def paragraphs(text: str) -> str:
    """Plain text as HTML: an empty line begins a new paragraph, any other line a new line."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            blocks[-1].append(escape(line.strip(), quote=False))
        elif blocks[-1]:
            blocks.append([])
    return "".join(f"<p>{'<br>'.join(block)}</p>" for block in blocks if block)


def bullets(items: Iterable[str]) -> str:
    """Plain texts as an HTML list; empty ones are left out, and "" stands for no items at all."""
    points = "".join(f"<li>{escape(item.strip(), quote=False)}</li>" for item in items if item.strip())
    return f"<ul>{points}</ul>" if points else ""
