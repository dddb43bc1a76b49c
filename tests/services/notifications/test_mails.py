"""Each event that people must hear of is one mail, with what is true when it is sent."""

from contextlib import closing
from html import unescape
from pathlib import Path

from mercato.contracts.notifications import NotificationFailed, NotificationSent
from mercato.contracts.orders import CancelOrder
from mercato.contracts.stores import ChangeSettings
from mercato.contracts.users import AskPasswordReset, ChangePassword, ResetPassword, SignUp, UpdateProfile
from mercato.runtime.database.sqlite import connect
from mercato.services.orders.messages import ExpireOrder
from mercato.values.clock import HOUR
from mercato.values.ids import UserId
from mercato.values.messages import BUYER, Caller
from tests.services.conftest import settled, staff, system, user
from tests.services.notifications.conftest import BLUE, RED, Postbox, parts_of, postbox, sha256, token_in


async def test_a_confirmation_carries_the_link_and_its_text(box: Postbox) -> None:
    await box.node.calls.do(SignUp("jo@example.org", "Jolanthe", "hash"), Caller(store=RED))
    mail = await box.mail()
    text, html = parts_of(mail)
    token = token_in(mail)
    assert mail["Subject"] == "Confirm your e-mail address for Red"
    assert (mail["From"], mail["To"]) == ("Red <shop@red.example>", "jo@example.org")
    assert f"\nhttps://red.example/verify?token={token}\n" in text
    assert f"\n{token}\n" in text
    assert f'<a href="https://red.example/verify?token={token}">' in unescape(html)
    assert "Jolanthe" not in text + html, "a stranger's words in a mail that nobody has asked for"
    (delivery,) = await box.deliveries()
    assert (delivery.template, delivery.state, delivery.attempts) == ("verify_email", "sent", 1)
    assert delivery.sent_at == box.node.clock.now()
    assert box.files == [f"{delivery.id}@red.example.eml"]
    assert mail["Message-ID"] == f"<{delivery.id}@red.example>"
    assert box.node.told_of(NotificationSent) == [NotificationSent(delivery.id, "verify_email")]


async def test_the_token_of_a_mail_works(box: Postbox) -> None:
    user_id = await box.join()
    await box.node.calls.do(AskPasswordReset("jo@example.org"), Caller(store=RED))
    mail = await box.mail()
    assert mail["Subject"] == "Set a new password for Red"
    assert mail["To"] == "Jo <jo@example.org>"
    assert f"https://red.example/reset?token={token_in(mail)}" in parts_of(mail)[0]
    await box.node.calls.do(ResetPassword(sha256(token_in(mail)), "new hash"), Caller(store=RED))
    changed = await box.mail()
    assert changed["Subject"] == "Your password for Red was changed"
    assert "https://red.example/forgot" in parts_of(changed)[0]
    assert [delivery.user_id for delivery in await box.deliveries()] == [user_id] * 3


async def test_every_change_of_a_password_is_told(box: Postbox) -> None:
    jo = user(RED, await box.join())
    await box.node.calls.do(ChangePassword("hash", "second"), jo)
    await box.node.calls.do(ChangePassword("second", "third"), jo)
    assert [delivery.template for delivery in await box.deliveries()] == [
        "verify_email",
        "password_changed",
        "password_changed",
    ]


async def test_the_owner_of_an_account_hears_of_a_second_sign_up(box: Postbox) -> None:
    await box.join()
    await box.node.calls.do(SignUp("JO@example.org", "Mallory", "other hash"), Caller(store=RED))
    mail = await box.mail()
    text, html = parts_of(mail)
    assert mail["To"] == "Jo <jo@example.org>"
    assert mail["Subject"] == "You have an account at Red already"
    assert "https://red.example/login" in text
    assert "token" not in text + html
    assert "Mallory" not in text + html


async def test_a_receipt_shows_lines_totals_addresses_and_the_order(box: Postbox) -> None:
    jo = user(RED, await box.join())
    order = await box.pay(await box.order(jo), jo)
    assert order.status == "paid"
    mail = await box.mail()
    text, html = parts_of(mail)
    assert mail["Subject"] == f"Your receipt from Red: order {order.id}"
    assert text == (
        f"Hello Jo,\n\nthank you for your order. It is paid.\n\nOrder {order.id}\n\n"
        "2 x Mug (Blue) [M-1]\n    5.00 EUR each, 10.00 EUR\n\n"
        "Shipping: 4.90 EUR\nTotal: 14.90 EUR\nIt includes tax of 2.38 EUR.\n\n"
        "Delivered to:\n    Jo & Co\n    Weg 1\n    53111 Bonn\n    DE\n\n"
        "Billed to:\n    Office\n    Platz 2\n    Wien\n    AT\n\n"
        f"Follow your order:\n\nhttps://red.example/orders/{order.id}\n"
    )
    assert "<td>Mug (Blue)<br><small>M-1</small></td>" in html
    assert "<strong>14.90 EUR</strong>" in html
    assert "Jo &amp; Co<br>Weg 1<br>53111 Bonn<br>DE<br>" in html
    last = (await box.deliveries())[-1]
    assert (last.template, last.subject_id, last.state) == ("receipt", order.id, "sent")


async def test_a_shopper_hears_of_a_cancelled_order_unless_it_was_the_shopper(box: Postbox) -> None:
    jo = user(RED, await box.join())
    by_shopper = await box.order(jo)
    await box.node.calls.do(CancelOrder(by_shopper.id), jo)
    by_staff = await box.pay(await box.order(jo), jo)
    await box.node.calls.do(CancelOrder(by_staff.id), system(RED))
    await settled(box.node)
    expired = await box.order(jo)
    box.node.clock.advance(HOUR)
    await box.node.calls.do(ExpireOrder(expired.id), system(RED))
    await settled(box.node)
    sold_out = await box.order(jo, title="Rare", stock=0)
    assert sold_out.status == "cancelled"
    told = [(delivery.subject_id, delivery.template) for delivery in await box.deliveries()][1:]
    assert told == [
        (by_staff.id, "receipt"),
        (by_staff.id, "order_cancelled"),
        (expired.id, "order_cancelled"),
        (sold_out.id, "order_cancelled"),
    ]
    staff_mail, expired_mail, sold_out_mail = (parts_of(mail)[0] for mail in box.mails()[2:])
    assert "The shop has cancelled it." in staff_mail
    assert "What you have paid goes back to you: 14.90 EUR" in staff_mail
    assert "It was not paid in time." in expired_mail
    assert "goes back" not in expired_mail
    assert "2 x Rare (Blue)" in sold_out_mail
    assert "was sold before" in sold_out_mail


async def test_a_guest_gets_no_mail(box: Postbox) -> None:
    someone = Caller(store=RED, buyer="gst_1", roles=BUYER)
    order = await box.pay(await box.order(someone), someone)
    assert order.status == "paid"
    await box.node.calls.do(CancelOrder(order.id), system(RED))
    assert await box.deliveries() == []
    assert box.files == []


async def test_events_that_come_again_are_mailed_once(tmp_path: Path) -> None:
    async with postbox(tmp_path) as box:
        jo = user(RED, await box.join())
        await box.pay(await box.order(jo), jo)
        await box.node.calls.do(ChangePassword("hash", "second"), jo)
        deliveries, files = await box.deliveries(), box.files
        assert [delivery.template for delivery in deliveries] == ["verify_email", "receipt", "password_changed"]
    with closing(connect(tmp_path / "notifications.db")) as database:
        database.execute("UPDATE positions SET number = 0")
    for file in (tmp_path / "mail").iterdir():
        file.unlink()
    async with postbox(tmp_path) as again:
        assert await again.deliveries() == deliveries
        assert again.files == []
        assert len(files) == 3
        assert not again.node.told_of(NotificationSent, NotificationFailed)


async def test_what_people_write_is_text_in_a_mail(box: Postbox) -> None:
    hostile = "<script>alert('1')</script>"
    jo = user(RED, await box.join())
    await box.node.calls.do(UpdateProfile(UserId("me"), name=hostile), jo)
    await box.node.calls.do(ChangeSettings(name="<b>Red</b>"), staff(RED))
    await box.pay(await box.order(jo, title="<img src=x>"), jo)
    mail = await box.mail()
    text, html = parts_of(mail)
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;&#x2f;script&gt;" in html
    assert "&lt;img src=x&gt;" in html
    assert "&lt;b&gt;Red&lt;&#x2f;b&gt;" in html
    assert hostile in text
    assert "<img src=x>" in text
    assert mail["To"].addresses[0].addr_spec == "jo@example.org"
    assert mail["To"].addresses[0].display_name == hostile


async def test_stores_do_not_see_each_others_deliveries(box: Postbox) -> None:
    await box.join(store=RED)
    await box.join(store=BLUE)
    (red,), (blue,) = await box.deliveries(RED), await box.deliveries(BLUE)
    assert red.id != blue.id
    assert [mail["From"] for mail in box.mails()] == ["Red <shop@red.example>", "Blue <shop@blue.example>"]
