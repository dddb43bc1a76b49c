"""The table of all pages, and what the edge needs beside them."""

from collections.abc import Callable

import msgspec

from mercato.contracts.catalog import CategoryChanged
from mercato.contracts.stores import SettingsChanged
from mercato.frontends.storefront import (
    account_pages,
    cart_pages,
    catalog_pages,
    checkout_pages,
    entrance_pages,
    order_pages,
    payment_pages,
    search_pages,
)
from mercato.frontends.storefront.assets import Assets
from mercato.frontends.storefront.formats import Formats
from mercato.frontends.storefront.pictures.serving import picture_routes
from mercato.frontends.storefront.rendering import Renderer
from mercato.frontends.storefront.shell import Shells
from mercato.frontends.storefront.trouble_pages import page_of_refusal
from mercato.frontends.storefront.visit import Handed, Page, Site, endpoint_of
from mercato.runtime.access.limits import Limit
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.values.messages import Access, Anyone, Buyer, Refusal, User

LANGUAGE = "en"

Row = tuple[str, str, Page, Access, Limit]

PAGES: tuple[Row, ...] = (
    ("GET", "/", catalog_pages.home, Anyone, "read"),
    ("GET", "/products", catalog_pages.all_products, Anyone, "read"),
    ("GET", "/categories/{handle}", catalog_pages.category, Anyone, "read"),
    ("GET", "/products/{handle}", catalog_pages.product, Anyone, "read"),
    ("POST", "/products/{handle}", cart_pages.add, Anyone, "write"),
    ("GET", "/search", search_pages.search, Anyone, "read"),
    ("GET", "/brands/{name}", search_pages.brand, Anyone, "read"),
    ("GET", "/cart", cart_pages.cart, Anyone, "read"),
    ("POST", "/cart/change", cart_pages.change, Buyer, "write"),
    ("POST", "/cart/empty", cart_pages.empty, Buyer, "write"),
    ("GET", "/checkout", checkout_pages.checkout, Buyer, "read"),
    ("POST", "/checkout", checkout_pages.change_addresses, Buyer, "read"),
    ("POST", "/checkout/preview", checkout_pages.preview, Buyer, "read"),
    ("POST", "/checkout/order", checkout_pages.place, Buyer, "write"),
    ("GET", "/orders", order_pages.orders, Buyer, "read"),
    ("GET", "/orders/{order_id}", order_pages.order, Buyer, "read"),
    ("POST", "/orders/{order_id}/cancellation", order_pages.cancel, Buyer, "write"),
    ("GET", "/orders/{order_id}/payment", payment_pages.choose_payment, Buyer, "read"),
    ("POST", "/orders/{order_id}/payment", payment_pages.pay, Buyer, "write"),
    ("GET", "/orders/{order_id}/waiting", payment_pages.waiting, Buyer, "read"),
    ("GET", "/orders/{order_id}/success", payment_pages.success, Buyer, "read"),
    ("GET", "/test-gateway/{payment_id}", payment_pages.further_step, Buyer, "read"),
    ("POST", "/test-gateway/{payment_id}", payment_pages.decide, Buyer, "write"),
    ("GET", "/signup", entrance_pages.sign_up_form, Anyone, "read"),
    ("POST", "/signup", entrance_pages.sign_up, Anyone, "auth"),
    ("GET", "/verify", entrance_pages.verify_form, Anyone, "read"),
    ("POST", "/verify", entrance_pages.verify, Anyone, "auth"),
    ("GET", "/login", entrance_pages.log_in_form, Anyone, "read"),
    ("POST", "/login", entrance_pages.log_in, Anyone, "auth"),
    ("POST", "/logout", entrance_pages.log_out, Anyone, "write"),
    ("GET", "/forgot", entrance_pages.forgot_form, Anyone, "read"),
    ("POST", "/forgot", entrance_pages.forgot, Anyone, "auth"),
    ("GET", "/reset", entrance_pages.reset_form, Anyone, "read"),
    ("POST", "/reset", entrance_pages.reset, Anyone, "auth"),
    ("GET", "/account", account_pages.account, User, "read"),
    ("GET", "/account/profile", account_pages.profile_form, User, "read"),
    ("POST", "/account/profile", account_pages.profile, User, "write"),
    ("GET", "/account/password", account_pages.password_form, User, "read"),
    ("POST", "/account/password", account_pages.change_password, User, "auth"),
    ("GET", "/account/delete", account_pages.delete_form, User, "read"),
    ("POST", "/account/delete", account_pages.delete, User, "auth"),
)


class Storefront(msgspec.Struct, frozen=True):
    """`page_of_refusal` is for the edge: what it answers where a page was refused."""

    routes: tuple[Route, ...]
    page_of_refusal: Callable[[Refusal, Request], Reply]


def storefront(edge: Edge, handed: Handed) -> Storefront:
    """The pages of all stores of this installation."""
    assets, formats = Assets(), Formats(LANGUAGE)
    site = Site(handed, Renderer(formats, assets.addresses), Shells(edge.clock), formats)
    for event in (CategoryChanged, SettingsChanged):
        handed.on(event, lambda envelope, _event: site.shells.forget(envelope.store))
    return Storefront(
        (*(_route(site, row) for row in PAGES), *assets.routes(), *picture_routes()), page_of_refusal(site, edge)
    )


def _route(site: Site, row: Row) -> Route:
    method, path, page, allow, limit = row
    name = f"{page.__name__}_page"
    return Route(method, path, endpoint_of(site, page), name, allow=allow, limit=limit, page=True)
