"""The account of a shopper who is logged in: profile, password, the end of it."""

from mercato.contracts.users import ChangePassword, EraseUser, GetUser, UpdateProfile, UserAccount, WrongCredentials
from mercato.frontends.storefront import texts
from mercato.frontends.storefront.entrance_pages import INVALID, too_often
from mercato.frontends.storefront.forms import Form, sent_form
from mercato.frontends.storefront.passwords import confirm_own, hash_of, verify_own
from mercato.frontends.storefront.visit import Visit
from mercato.runtime.http.exchange import Reply
from mercato.values.ids import UserId
from mercato.values.messages import Conflict, Malformed, TooManyRequests

PHONE = 40


async def account(visit: Visit) -> Reply:
    return await visit.show("account.html", account=await _own(visit))


async def profile_form(visit: Visit) -> Reply:
    own = await _own(visit)
    form = Form({"name": own.name, "phone": own.phone, "version": str(own.version)})
    return await visit.show("profile.html", form=form, email=own.email)


async def profile(visit: Visit) -> Reply:
    form = sent_form(visit)
    name, phone = form.line("name"), form.line("phone", required=False, most=PHONE)
    own = await _own(visit)
    if form.ok:
        try:
            await visit.do(UpdateProfile(own.id, name, phone, _version(form)))
            return visit.go("/account", notice="profile_saved")
        except Conflict:
            form.problem = texts.PROFILE_CONFLICT
            form.values["version"] = str(own.version)
    return await visit.show("profile.html", INVALID, form=form, email=own.email)


async def password_form(visit: Visit) -> Reply:
    return await visit.show("password.html", form=Form())


async def change_password(visit: Visit) -> Reply:
    form = sent_form(visit)
    own = await _own(visit)
    old, new = form.old_password("old_password"), form.new_password("password", own.email)
    if form.ok:
        try:
            old_hash, attempt_id = await verify_own(visit, old)
            new_hash = await visit.site.handed.passwords.hash(new)
            keep = hash_of(visit.token)
            await visit.do(ChangePassword(old_hash, new_hash, keep, attempt_id))
            return visit.go("/account", notice="password_set")
        except WrongCredentials:
            form.refuse("old_password", texts.FIELD_WRONG_PASSWORD)
        except TooManyRequests as refusal:
            return await too_often(visit, "password.html", form, refusal)
    return await visit.show("password.html", INVALID, form=form)


async def delete_form(visit: Visit) -> Reply:
    return await visit.show("delete.html", form=Form())


async def delete(visit: Visit) -> Reply:
    """The password is asked for again: what follows cannot be taken back."""
    form = sent_form(visit)
    password = form.old_password("password")
    if form.ok:
        try:
            await confirm_own(visit, password)
            await visit.do(EraseUser(UserId(visit.caller.buyer)))
            visit.cookie = visit.session.removed()
            return visit.go("/", notice="account_deleted")
        except WrongCredentials:
            form.refuse("password", texts.FIELD_WRONG_PASSWORD)
        except TooManyRequests as refusal:
            return await too_often(visit, "delete.html", form, refusal)
    return await visit.show("delete.html", INVALID, form=form)


async def _own(visit: Visit) -> UserAccount:
    return await visit.ask(GetUser(UserId(visit.caller.buyer)))


def _version(form: Form) -> int:
    text = form.text("version")
    if not text.isascii() or not text.isdecimal() or len(text) > len("1000000000000000"):
        raise Malformed("the form has no version")
    return int(text)
