"""Cleaned HTML keeps what describes a product and nothing that runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.services.catalog.adapters.html import MAX_HTML, bullets, clean_html, paragraphs

UNSAFE = [
    ("<script>alert(1)</script>x", "x"),
    ("<style>p{}</style><svg><script>1</script></svg>x", "x"),
    ('<iframe src="https://evil.example">y</iframe>x', "x"),
    ('<p onclick="a()" style="color:red" class="c" id="i">x</p>', "<p>x</p>"),
    ('<a href="javascript:a()">x</a>', '<a rel="nofollow noopener noreferrer">x</a>'),
    ('<a href="https://a.b" target="_top">x</a>', '<a href="https://a.b" rel="nofollow noopener noreferrer">x</a>'),
    ('<img src="data:text/html,x" onerror="a()" alt="p">', '<img alt="p">'),
    ("<form action=/x><input name=a>x</form>", "x"),
    ("<!-- secret -->x", "x"),
    ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
    ("<p>open", "<p>open</p>"),
]


@pytest.mark.parametrize(("html", "clean"), UNSAFE)
def test_unsafe_html_is_cleaned(html: str, clean: str) -> None:
    assert clean_html(html) == clean


def test_what_describes_a_product_stays() -> None:
    html = (
        '<h2>A</h2><ul><li><b>x</b></li></ul><img src="/a.jpg" alt="a">'
        '<table><tbody><tr><td colspan="2">1</td></tr></tbody></table>'
    )
    assert clean_html(html) == html


@given(st.text(alphabet="<>&\"'=/ abpscriptl;#x1\n", max_size=80))
def test_cleaning_twice_changes_nothing_more(html: str) -> None:
    clean = clean_html(html)
    assert clean_html(clean) == clean
    assert "<script" not in clean


def test_html_that_grows_too_large_when_cleaned_is_refused() -> None:
    with pytest.raises(ValueError, match="characters when its HTML is cleaned"):
        clean_html("&" * (MAX_HTML - 1))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        (" \n ", ""),
        ("a <b> & 'c'", "<p>a &lt;b&gt; &amp; 'c'</p>"),
        ("a\nb\n\n\nc\n", "<p>a<br>b</p><p>c</p>"),
    ],
)
def test_paragraphs(text: str, html: str) -> None:
    assert paragraphs(text) == html
    assert clean_html(html) == html


@pytest.mark.parametrize(
    ("items", "html"), [([], ""), (["", " "], ""), (["a <b>", "", "c"], "<ul><li>a &lt;b&gt;</li><li>c</li></ul>")]
)
def test_bullets(items: list[str], html: str) -> None:
    assert bullets(items) == html
    assert clean_html(html) == html
