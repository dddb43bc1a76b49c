"""Routes of search. Equal searches of anybody are answered by the same bytes until something that is shown changes."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from mercato.contracts.search import (
    FacetName,
    FindSimilar,
    GetSearchRules,
    Hit,
    ListNoResults,
    Results,
    SearchProducts,
    SetSearchRules,
    Suggest,
    Suggestions,
    Values,
)
from mercato.runtime.answers import encode
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Endpoint, Route
from mercato.runtime.http.routes import asks, does
from mercato.services.search.indexer import Serving
from mercato.values.ids import ProductId
from mercato.values.messages import Caller, Malformed

CAPACITY = 4_000  # answers that are kept
_OPTION = "option."
_SEVERAL = frozenset({"brand", "seller", "facets"})  # parameters that may be repeated, as may those of options
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_facet_name = msgspec.json.Decoder(FacetName)

Given = dict[str, Any]
Form = TypeVar("Form", bound=msgspec.Struct)


class SearchParameters(msgspec.Struct, frozen=True):
    """The query string of a search, as its description shows it."""

    q: Annotated[str, Meta(max_length=300, description="what a shopper has typed; no query language")] = ""
    category: Annotated[str, Meta(description="id or handle; those below it count too")] = ""
    brand: Annotated[Values, Meta(description="repeat it for several")] = ()
    price_min: Annotated[int, Meta(ge=0, description="minor units")] | None = None
    price_max: Annotated[int, Meta(ge=0, description="minor units")] | None = None
    rating: Annotated[int, Meta(ge=1, le=5, description="stars, at least")] | None = None
    in_stock: bool = False
    option: Annotated[
        dict[str, Values],
        Meta(description="`option.NAME=VALUE`, as in option.size=M; repeat it for several values"),
    ] = {}
    seller: Annotated[Values, Meta(description="repeat it for several")] = ()
    sort: str = "relevance"
    cursor: str = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 24
    facets: Annotated[
        tuple[str, ...],
        Meta(
            max_length=12,
            description="category, brand, price, rating, in_stock, seller, option.NAME; commas between, or repeated",
        ),
    ] = ()
    explain: Annotated[bool, Meta(description="why each hit stands where it stands, for staff")] = False


class Answers:
    """Answers by store and query string, as long as nothing has changed. None are kept where search runs elsewhere: who
    searches in its index is not told here when that changes."""

    def __init__(self, serving: Serving, *, here: bool) -> None:
        self._serving = serving
        self._here = here
        self._kept: dict[tuple[str, str, bytes], bytes] = {}
        self._generation = -1

    @property
    def generation(self) -> int:
        return self._serving.generation

    def find(self, key: tuple[str, str, bytes]) -> bytes | None:
        if self._generation != self._serving.generation:
            self._kept.clear()
            self._generation = self._serving.generation
        return self._kept.get(key)

    def keep(self, key: tuple[str, str, bytes], body: bytes, generation: int) -> None:
        """Keep an answer that was made when this was the generation."""
        if self._here and generation == self._serving.generation == self._generation:
            if len(self._kept) >= CAPACITY:
                self._kept.clear()
            self._kept[key] = body


def answering(answers: Answers, read: Callable[[Request], SearchProducts | Suggest | FindSimilar]) -> Endpoint:
    """Answers with what is kept, else asks. What staff are told is not kept: they may see more."""

    async def endpoint(edge: Edge, request: Request, caller: Caller) -> Reply:
        key = (caller.store, request.path, request.query)
        if not caller.is_staff:
            body = answers.find(key)
            if body is not None:
                return Reply(200, body)
        generation = answers.generation
        body = encode(await edge.calls.ask(read(request), caller))
        if not caller.is_staff:
            answers.keep(key, body, generation)
        return Reply(200, body)

    return endpoint


def read_search(request: Request) -> SearchProducts:
    """The search of a query string. Raises Malformed."""
    return search_of(request.query_pairs())


def search_of(pairs: Iterable[tuple[str, str]]) -> SearchProducts:
    """The search that parameters ask for; without a value they ask for nothing. Raises Malformed."""
    given: Given = {}
    for name, value in pairs:
        if _CONTROL.search(value):
            raise Malformed("a query parameter has control characters")
        if name in given and name not in _SEVERAL:
            raise Malformed(f"`{name}` is given twice")
        if not value and name not in ("q", "cursor"):
            continue
        if name.startswith(_OPTION):
            options: dict[str, list[str]] = given.setdefault("options", {})
            options.setdefault(name.removeprefix(_OPTION), []).append(value)
        elif name == "options":
            raise Malformed("unknown query parameter: options; an option is given as option.NAME=VALUE")
        elif name in _SEVERAL:
            given.setdefault(name, []).extend(_facet_names(value) if name == "facets" else [value])
        else:
            given[name] = value
    return _converted(given, SearchProducts)


def _facet_names(value: str) -> Sequence[str]:
    """Names with commas between, unless the whole is one option's name."""
    names = [name.strip() for name in value.split(",") if name.strip()]
    return names if all(map(_is_facet, names)) else [value]


def _is_facet(name: str) -> bool:
    try:
        _facet_name.decode(encode(name))
    except msgspec.ValidationError:
        return False
    return True


def _read_suggest(request: Request) -> Suggest:
    given = request.query_values()
    if any(map(_CONTROL.search, given.values())):
        raise Malformed("a query parameter has control characters")
    return _converted(dict(given), Suggest)


def _read_similar(request: Request) -> FindSimilar:
    given: Given = dict(request.query_values()) if request.query else {}
    if "product_id" in given:
        raise Malformed("unknown query parameter: product_id")
    return _converted({**given, "product_id": ProductId(request.params["product_id"])}, FindSimilar)


def _converted(given: Given, form: type[Form]) -> Form:
    unknown = given.keys() - set(form.__struct_fields__)
    if unknown:
        raise Malformed(f"unknown query parameter: {', '.join(sorted(unknown))}")
    try:
        return msgspec.convert(given, form, strict=False)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from None


def routes(serving: Serving, *, here: bool = True) -> tuple[Route, ...]:
    """`here`: this process has the index."""
    answers = Answers(serving, here=here)
    search = Route(
        "GET",
        "/v1/search",
        answering(answers, read_search),
        "SearchProducts",
        query=SearchParameters,
        reply=Results,
        refusals=SearchProducts.refusals,
        hot=True,
        description=SearchProducts.__doc__ or "",
    )
    suggest = Route(
        "GET",
        "/v1/suggest",
        answering(answers, _read_suggest),
        "Suggest",
        query=Suggest,
        reply=Suggestions,
        hot=True,
        description=f"What a shopper may be typing. {Suggest.__doc__ or ''}",
    )
    similar = Route(
        "GET",
        "/v1/products/{product_id}/similar",
        answering(answers, _read_similar),
        "FindSimilar",
        query=FindSimilar,
        reply=tuple[Hit, ...],
        refusals=FindSimilar.refusals,
        description=FindSimilar.__doc__ or "",
    )
    return (search, suggest, similar, *_ROUTES)


_ROUTES: tuple[Route, ...] = (
    asks("GET", "/v1/search/rules", GetSearchRules),
    does("PUT", "/v1/search/rules", SetSearchRules),
    asks("GET", "/v1/search/no-results", ListNoResults),
)
