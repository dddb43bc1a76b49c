"""Routes of catalog."""

from mercato.contracts.catalog import (
    ChangeProduct,
    CreateProduct,
    GetProduct,
    ListCategories,
    ListProducts,
    ReplaceProduct,
    SaveCategory,
)
from mercato.runtime.http.route import Route
from mercato.runtime.http.routes import Options, asks, does

ROUTES: tuple[Route, ...] = (
    does(
        "POST",
        "/v1/products",
        CreateProduct,
        Options(status=201, makes={"product_id": "prod"}, location="/v1/products/{product_id}"),
    ),
    asks("GET", "/v1/products", ListProducts),
    asks("GET", "/v1/products/{product_id}", GetProduct, Options(hot=True, limit="none")),
    does("PUT", "/v1/products/{product_id}", ReplaceProduct),
    does("PATCH", "/v1/products/{product_id}", ChangeProduct),
    asks("GET", "/v1/categories", ListCategories),
    does(
        "POST",
        "/v1/categories",
        SaveCategory,
        Options(status=201, makes={"category_id": "cat"}),
    ),
    does("PUT", "/v1/categories/{category_id}", SaveCategory),
)
