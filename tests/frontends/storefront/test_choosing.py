"""Which variant is chosen, without any page."""

from mercato.contracts.catalog import Option, Product, Variant
from mercato.frontends.storefront.choosing import choose
from mercato.values.ids import ProductId, VariantId

OPTIONS = (Option("Colour", ("Ink", "Chalk")), Option("Size", ("M", "L")))


def test_nothing_given_chooses_the_first_variant_that_can_be_sold() -> None:
    product = _product(("Ink", "M", 0), ("Ink", "L", 0), ("Chalk", "L", 1))
    assert choose(product, {}).values == {"option1": "Chalk", "option2": "L"}


def test_a_given_value_is_kept_and_the_rest_is_chosen_to_fit() -> None:
    product = _product(("Ink", "M", 0), ("Chalk", "M", 1), ("Ink", "L", 2))
    assert choose(product, {"option1": "Ink"}).values == {"option1": "Ink", "option2": "L"}
    assert choose(product, {"option2": "M"}).values == {"option1": "Chalk", "option2": "M"}


def test_values_that_the_product_does_not_have_are_not_taken() -> None:
    product = _product(("Ink", "M", 1))
    chosen = choose(product, {"option1": "Gold", "option2": "", "option9": "M"})
    assert chosen.values == {"option1": "Ink", "option2": "M"}
    assert chosen.variant is product.variants[0]


def test_a_combination_that_does_not_exist_has_no_variant() -> None:
    product = _product(("Ink", "M", 1), ("Chalk", "L", 1))
    assert choose(product, {"option1": "Ink", "option2": "L"}).variant is None


def test_each_value_tells_what_it_would_lead_to_from_here() -> None:
    product = _product(("Ink", "M", 1), ("Chalk", "M", 0), ("Chalk", "L", 5))
    colours, sizes = choose(product, {"option1": "Ink", "option2": "M"}).choices
    assert [(value.text, value.chosen, value.state) for value in colours.values] == [
        ("Ink", True, "available"),
        ("Chalk", False, "sold_out"),
    ]
    assert [(value.text, value.state) for value in sizes.values] == [("M", "available"), ("L", "missing")]


def test_a_product_without_options_is_its_only_variant() -> None:
    product = _product((0,), options=())
    chosen = choose(product, {"option1": "Ink"})
    assert (chosen.choices, chosen.variant) == ((), product.variants[0])


def _product(*rows: tuple[str | int, ...], options: tuple[Option, ...] = OPTIONS) -> Product:
    variants = tuple(
        Variant(VariantId(f"var_{place}"), tuple(map(str, row[:-1])), price=100, available=int(row[-1]))
        for place, row in enumerate(rows)
    )
    return Product(
        id=ProductId("prod_1"),
        handle="thing",
        title="Thing",
        description="",
        vendor="",
        type="",
        tags=(),
        categories=(),
        options=options,
        variants=variants,
        images=(),
        specs=(),
        status="active",
        seller="owner",
        currency="EUR",
        created_at=0,
        updated_at=0,
        version=1,
    )
