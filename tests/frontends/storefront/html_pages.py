"""Pages as a person's browser reads them: forms, links, text; and what is wrong with their HTML."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
TYPED = frozenset("text email password tel number checkbox radio".split())


@dataclass
class Button:
    text: str = ""
    name: str = ""
    value: str = ""
    action: str = ""
    method: str = ""


@dataclass
class Form:
    """`values` are those that would be sent without touching anything."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)

    def button(self, text: str) -> Button:
        return next(button for button in self.buttons if text in button.text)


@dataclass
class Page:
    """A page that was read. `faults` says in words what is wrong with its HTML."""

    status: int
    path: str
    html: str
    forms: list[Form] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    assets: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    text: str = ""
    refresh: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def heading(self) -> str:
        return self.headings[0] if self.headings else ""

    def form(self, button: str) -> Form:
        """The form with a button that has this text."""
        found = [form for form in self.forms if any(button in each.text for each in form.buttons)]
        assert found, f"{self.path} has no form with a button {button!r}, but {[f.buttons for f in self.forms]}"
        return found[0]


def read_page(status: int, path: str, html: str) -> Page:
    reader = _Reader(Page(status, path, html))
    reader.feed(html)
    reader.close()
    return reader.finished()


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page
        self.open: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.referred: list[str] = []
        self.controls: list[tuple[str, str]] = []
        self.form: Form | None = None
        self.button: Button | None = None
        self.select = ""
        self.words: list[str] = []
        self.h1 = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if len(given) != len(attrs):
            self.page.faults.append(f"<{tag}> has an attribute twice: {attrs}")
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        self.referred += given.get("aria-describedby", "").split() + given.get("aria-labelledby", "").split()
        handler = getattr(self, f"begin_{tag}", None)
        if handler is not None:
            handler(given)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.page.faults.append(f"</{tag}> at {self.getpos()} closes {self.open[-3:]}")
        while self.open and self.open.pop() != tag:
            pass
        if tag == "form":
            self.form = None
        elif tag == "button":
            self.button = None
        elif tag == "select":
            self.select = ""

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.button is not None:
            self.button.text += data
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            if self.open[-1] == "h1":
                self.page.headings.insert(0, data.strip())
            else:
                self.page.headings.append(data.strip())

    def begin_html(self, given: dict[str, str]) -> None:
        if not given.get("lang"):
            self.page.faults.append("<html> has no language")

    def begin_h1(self, _given: dict[str, str]) -> None:
        self.h1 += 1

    def begin_script(self, _given: dict[str, str]) -> None:
        self.page.faults.append("there is a <script>")

    def begin_a(self, given: dict[str, str]) -> None:
        if not given.get("href"):
            self.page.faults.append(f"a link leads nowhere: {given}")
        self.page.links.append(given.get("href", ""))

    def begin_img(self, given: dict[str, str]) -> None:
        if "alt" not in given or "width" not in given or "height" not in given:
            self.page.faults.append(f"a picture has no text or no size: {given}")
        self.page.images.append(given.get("src", ""))

    def begin_link(self, given: dict[str, str]) -> None:
        self.page.assets.append(given["href"])

    def begin_meta(self, given: dict[str, str]) -> None:
        if given.get("http-equiv") == "refresh":
            self.page.refresh = given["content"]

    def begin_label(self, given: dict[str, str]) -> None:
        if "for" in given:
            self.labelled.add(given["for"])

    def begin_form(self, given: dict[str, str]) -> None:
        self.form = Form(given["action"], given.get("method", "get"))
        self.page.forms.append(self.form)

    def begin_input(self, given: dict[str, str]) -> None:
        kind, name, value = given.get("type", "text"), given.get("name", ""), given.get("value", "")
        if kind in TYPED:
            self._control(given)
        if self.form is None:
            self.page.faults.append(f"an input stands outside of all forms: {given}")
        elif kind in ("radio", "checkbox"):
            self.form.choices.setdefault(name, []).append(value)
            if "checked" in given:
                self.form.values[name] = value
        else:
            self.form.values[name] = value

    def begin_select(self, given: dict[str, str]) -> None:
        self._control(given)
        self.select = given["name"]
        assert self.form is not None
        self.form.values[self.select] = ""

    def begin_option(self, given: dict[str, str]) -> None:
        assert self.form is not None
        self.form.choices.setdefault(self.select, []).append(given.get("value", ""))
        if "selected" in given:
            self.form.values[self.select] = given.get("value", "")

    def begin_button(self, given: dict[str, str]) -> None:
        self.button = Button("", given.get("name", ""), given.get("value", ""))
        self.button.action, self.button.method = given.get("formaction", ""), given.get("formmethod", "")
        if self.form is None:
            self.page.faults.append(f"a button stands outside of all forms: {given}")
        else:
            self.form.buttons.append(self.button)

    def _control(self, given: dict[str, str]) -> None:
        if "label" not in self.open:
            self.controls.append((given.get("id", ""), given.get("name", "")))

    def finished(self) -> Page:
        page = self.page
        page.text = " ".join(" ".join(self.words).split())
        page.faults += [f"<{tag}> is never closed" for tag in self.open]
        page.faults += [f"{name or of_id} has no label" for of_id, name in self.controls if of_id not in self.labelled]
        page.faults += [f"the id {one} is there twice" for one in set(self.ids) if self.ids.count(one) > 1]
        page.faults += [f"there is no id {one}" for one in self.referred if one not in self.ids]
        page.faults += [
            f"a button says nothing: {each}" for form in page.forms for each in form.buttons if not each.text
        ]
        if self.h1 != 1:
            page.faults.append(f"there are {self.h1} h1")
        return page
