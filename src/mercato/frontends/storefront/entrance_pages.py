"""Ways into an account: signing up, confirming the address, logging in and out, a forgotten password.

Whether an address has an account is told to nobody but its owner, by mail.
"""

from mercato.contracts.carts import CartLocked, MergeCart
from mercato.contracts.users import (
    AskPasswordReset,
    CheckToken,
    CloseSession,
    InvalidToken,
    ResetPassword,
    SignUp,
    VerifyEmail,
    WrongCredentials,
)
from mercato.frontends.storefront import texts
from mercato.frontends.storefront.forms import Form, sent_form
from mercato.frontends.storefront.passwords import hash_of, open_session
from mercato.frontends.storefront.visit import Visit, local_path
from mercato.runtime.http.exchange import Reply
from mercato.values.clock import MINUTE, SECOND
from mercato.values.ids import BuyerId
from mercato.values.messages import TooManyRequests

GUEST = "gst_"
INVALID = 422


async def sign_up_form(visit: Visit) -> Reply:
    return await visit.show("sign_up.html", form=Form())


async def sign_up(visit: Visit) -> Reply:
    """The password is hashed whoever it is, so that the time tells nothing about the account."""
    form = sent_form(visit)
    name, email = form.line("name"), form.email("email")
    password = form.new_password("password", email)
    if not form.ok:
        return await visit.show("sign_up.html", INVALID, form=form)
    await visit.do(SignUp(email, name, await visit.site.handed.passwords.hash(password)))
    return visit.go("/verify", notice="check_mail")


async def verify_form(visit: Visit) -> Reply:
    """The token of a link stands in the form already. Nothing is confirmed by opening a link: programs do that too."""
    return await visit.show("verify.html", form=Form({"token": visit.request.query_values().get("token", "")}))


async def verify(visit: Visit) -> Reply:
    form = sent_form(visit)
    token = form.line("token", most=200)
    if form.ok:
        try:
            await visit.do(VerifyEmail(hash_of(token)))
            return visit.go("/login", notice="verified")
        except InvalidToken:
            form.refuse("token", texts.FIELD_TOKEN)
    return await visit.show("verify.html", INVALID, form=form)


async def log_in_form(visit: Visit) -> Reply:
    onward = local_path(visit.request.query_values().get("next", ""))
    if visit.signed_in:
        return visit.go(onward)
    return await visit.show("log_in.html", form=Form({"next": onward}))


async def log_in(visit: Visit) -> Reply:
    form = sent_form(visit)
    form.values["next"] = onward = local_path(form.text("next"))
    email, password = form.line("email", most=1_000), form.old_password("password")
    if not form.ok:
        return await visit.show("log_in.html", INVALID, form=form)
    try:
        session = await open_session(visit, email, password)
    except WrongCredentials as refusal:
        form.problem = texts.WRONG_CREDENTIALS
        return await visit.show("log_in.html", refusal.status, form=form)
    except TooManyRequests as refusal:
        return await too_often(visit, "log_in.html", form, refusal)
    seconds = (session.expires_at - visit.edge.clock.now()) // SECOND
    visit.cookie = visit.session.kept(session.token, seconds)
    joined = await _join_carts(visit, BuyerId(session.user_id))
    return visit.go(onward) if joined else visit.go("/cart", notice="cart_not_joined")


async def log_out(visit: Visit) -> Reply:
    if visit.token:
        await visit.do(CloseSession(hash_of(visit.token)))
    visit.cookie = visit.session.removed()
    return visit.go("/", notice="logged_out")


async def forgot_form(visit: Visit) -> Reply:
    return await visit.show("forgot.html", form=Form())


async def forgot(visit: Visit) -> Reply:
    form = sent_form(visit)
    email = form.email("email")
    if not form.ok:
        return await visit.show("forgot.html", INVALID, form=form)
    await visit.do(AskPasswordReset(email))
    return visit.go("/reset", notice="check_mail_reset")


async def reset_form(visit: Visit) -> Reply:
    return await visit.show("reset.html", form=Form({"token": visit.request.query_values().get("token", "")}))


async def reset(visit: Visit) -> Reply:
    """A token that is no good is refused before anything is hashed."""
    form = sent_form(visit)
    token = form.line("token", most=200)
    if form.ok:
        try:
            contact = await visit.calls.ask(CheckToken(hash_of(token), "reset_password"), visit.system)
            password = form.new_password("password", contact.email)
            if form.ok:
                password_hash = await visit.site.handed.passwords.hash(password)
                await visit.do(ResetPassword(hash_of(token), password_hash))
                return visit.go("/login", notice="password_set")
        except InvalidToken:
            form.refuse("token", texts.FIELD_TOKEN)
    return await visit.show("reset.html", INVALID, form=form)


async def too_often(visit: Visit, template: str, form: Form, refusal: TooManyRequests) -> Reply:
    """The same form again, with the time after which a password may be tried again."""
    seconds = int(refusal.facts.get("retry_after", 60))
    form.problem = texts.TRY_AGAIN_LATER.format(minutes=-(-seconds * SECOND // MINUTE))
    reply = await visit.show(template, refusal.status, form=form)
    reply.headers = (*reply.headers, (b"retry-after", str(seconds).encode()))
    return reply


async def _join_carts(visit: Visit, user: BuyerId) -> bool:
    """Put what a guest has chosen into the cart of the account. False where that cart waits for a payment."""
    guest = visit.caller.buyer
    if not guest.startswith(GUEST):
        return True
    try:
        await visit.calls.do(MergeCart(BuyerId(guest), user), visit.system)
    except CartLocked:
        return False
    return True
