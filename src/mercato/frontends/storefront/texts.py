"""What the shop says outside of its templates: one table for each kind of text, ready for other languages."""

# Shown once after a redirect; the address names the notice, never its text.
NOTICES = {
    "added": "It is in your cart now.",
    "cart_changed": "Your cart has changed.",
    "cart_emptied": "Your cart is empty now.",
    "cart_full": "That is more than a cart can hold: order it in two parts.",
    "cart_locked": "An order of this cart waits for its payment. Pay or cancel it, then the cart can change.",
    "cart_not_joined": "What you had put into a cart before could not join your own cart: it waits for a payment.",
    "other_currency": "Everything in a cart has one currency: order or empty the cart first.",
    "choose": "Choose a combination that exists, then add it to the cart.",
    "sold_out": "This one is sold out.",
    "not_enough": "We do not have that many of it: see how many are left.",
    "not_for_sale": "Something in your cart is no longer sold. Please remove it to go on.",
    "log_in_to_buy": "Please log in first; then you come back to your choice.",
    "logged_out": "You are logged out.",
    "check_mail": "A mail is on its way to you. It contains a link and a token to confirm your address.",
    "check_mail_reset": "If there is an account with this address, a mail with a link is on its way to it.",
    "verified": "Your address is confirmed. You can log in now.",
    "password_set": "Your new password is set. All other devices are logged out.",
    "profile_saved": "Your profile is saved.",
    "account_deleted": "Your account is deleted.",
    "order_cancelled": "The order is cancelled.",
    "cannot_cancel": "The order cannot be cancelled any more.",
    "declined": "The payment was declined. Nothing was charged; please try again.",
    "form_used": "This form was sent before with another choice. Here is a new one.",
    "not_ready": "The payment could not begin yet. Please try again.",
    "pay_later": "The payment provider is out of order. Nothing was charged; your order waits here, so try later.",
    "nothing_due": "There is nothing to pay for this order any more.",
}

# What filters are called; options have names of their own.
FACETS = {
    "category": "Category",
    "brand": "Brand",
    "seller": "Seller",
    "price": "Price",
    "rating": "Rating",
    "in_stock": "Stock",
}
YES_NO = {"true": "In stock", "false": "Sold out"}

# Notices about something that did not work.
TROUBLE = frozenset(
    "cart_full cart_locked cart_not_joined other_currency choose sold_out not_enough not_for_sale cannot_cancel "
    "declined form_used not_ready nothing_due pay_later".split()
)

# What fields are called, also where their errors are summed up.
ADDRESS_LABELS = {
    "name": "Name",
    "street": "Street and number",
    "street2": "Addition, such as a floor or a company",
    "postal_code": "Postal code",
    "city": "City",
    "region": "Region or state",
    "country": "Country",
    "phone": "Phone, only for questions about the delivery",
}
LABELS = {
    "name": "Your name",
    "email": "E-mail address",
    "phone": "Phone",
    "password": "Password",
    "old_password": "Old password",
    "token": "Token from the mail",
    **{f"delivery_{name}": label for name, label in ADDRESS_LABELS.items()},
    **{f"billing_{name}": label for name, label in ADDRESS_LABELS.items()},
}

FIELD_REQUIRED = "Please fill this in."
FIELD_TOO_LONG = "This is too long: at most {most} characters fit."
FIELD_CONTROL = "This contains characters that cannot be printed."
FIELD_EMAIL = "This is not an e-mail address such as jo@example.org."
FIELD_COUNTRY = "Please choose a country."
FIELD_PASSWORD = "The password needs 8 to 256 characters of any kind."  # noqa: S105 - a text about passwords
FIELD_PASSWORD_IS_EMAIL = "The password must not be the e-mail address."  # noqa: S105 - as above
FIELD_WRONG_PASSWORD = "This is not your password."  # noqa: S105 - as above
FIELD_TOKEN = "This token was used, has expired or is not complete. Ask for a new one below."  # noqa: S105 - a text
WRONG_CREDENTIALS = "E-mail address or password is wrong, or the address is not confirmed yet."
TRY_AGAIN_LATER = "That was too often. Please try again in {minutes} minutes."
PROFILE_CONFLICT = "Your profile was changed elsewhere in the meantime. Check it and save again."

PRICES_ROSE = "Prices have risen since you saw them last. The new ones are shown below; go on if you agree."
QUOTE_EXPIRED = "The prices that we had promised have expired. Here are the current ones; please check and order again."
CART_CHANGED_SINCE = "Your cart was changed in the meantime. Please check the order as it is now."
QUOTE_INVALID = "This order form is not valid any more. Please check the order as it is now."

ORDER_STATUS = {
    "pending": "Waiting for payment",
    "paid": "Paid",
    "cancelled": "Cancelled",
}

CANCEL_REASONS = {
    "sold_out": "Something in it was sold to somebody else a moment earlier.",
    "expired": "It was not paid in time.",
    "by_shopper": "You cancelled it.",
    "by_staff": "The shop cancelled it.",
}

PAYMENT_STATE = {
    "calling": "under way",
    "action_needed": "waiting for your confirmation",
    "unknown": "waiting for the payment provider",
    "captured": "successful",
    "failed": "declined",
}

# What the test gateway can be asked to do with a payment: source, name, explanation.
TEST_SOURCES = (
    ("approve", "Approve", "The payment succeeds at once."),
    ("decline", "Decline", "The payment is refused. You can try again."),
    ("step", "Ask for a further step", "You are sent to a page where you confirm or refuse the payment."),
    ("lose_answer", "Lose the answer", "The payment succeeds, but we hear of it only when we ask again."),
    ("lose_request", "Lose the request", "Our request never arrives and is repeated, with the same key."),
    ("stall", "Answer very slowly", "The gateway takes half a minute for its answer."),
    ("webhook_first", "Send the notice first", "Its notice arrives before its answer."),
    ("webhook_twice", "Send the notice twice", "The same notice arrives two times; you pay once."),
    ("webhook_late", "Only send a late notice", "There is no answer, only a notice after five seconds."),
    ("error", "Be out of order", "It answers with errors for a minute; then the payment succeeds."),
)

# Pages about what went wrong, by HTTP status: heading and explanation.
TROUBLES = {
    400: ("That could not be read", "The address or the form is not complete, or was changed on the way."),
    403: (
        "That is not possible from here",
        "The form was not sent from a page of this shop, or you were logged in somewhere else. Please begin again.",
    ),
    404: ("There is nothing here", "This page does not exist, has moved, or is not yours to see."),
    405: ("That is not how this page works", "Please begin again at one of the pages below."),
    409: ("Somebody was faster", "What you wanted to change was changed in the meantime. Have a look and try again."),
    413: ("That is too much", "The form is larger than we can take."),
    422: ("That cannot be done", "Something in what you sent does not fit. Please go back and check it."),
    429: ("One moment, please", "Too many requests came from you at once. Please wait a little and try again."),
    500: ("A fault of ours", "Something broke here. Nothing was done twice and nothing was lost; please try again."),
    503: ("We are very busy", "Nothing was done. Please try again in a moment."),
}
