"""Commands about media: from an upload that is awaited to a picture that is shown, and off again."""

import msgspec

from mercato.contracts.catalog import (
    AwaitMedia,
    ChangeMedia,
    CompleteMedia,
    Media,
    MediaState,
    RemoveMedia,
    TooManyMedia,
)
from mercato.runtime.transaction import Transaction, encode
from mercato.services.catalog import storage
from mercato.services.catalog.commands.categories import Tree
from mercato.services.catalog.commands.products import find, save
from mercato.services.catalog.domain import (
    MOST_MEDIA,
    ProductBody,
    StoredPicture,
    StoredProduct,
    UrlOf,
    check_owner,
    moved,
    upload_name,
)
from mercato.services.catalog.messages import (
    DiscardFiles,
    ForgetMedia,
    MakePicture,
    PlanPicture,
    RecordDiscard,
    RecordPicture,
    RefuseMedia,
)
from mercato.services.catalog.queries import media_of
from mercato.services.catalog.storage import MediaRow
from mercato.values.clock import MINUTE
from mercato.values.ids import MediaId
from mercato.values.messages import Caller, Conflict, NotFound

UPLOAD_LIFE = 15 * MINUTE

_NAMES = msgspec.json.Decoder(tuple[str, ...])


def await_media(url_of: UrlOf, tx: Transaction, command: AwaitMedia, _caller: Caller) -> Media:
    product = find(tx, command.product_id)
    check_owner(product.body, command.variant_id, command.option_value)
    if len(tx.all(storage.LIST_MEDIA, product_id=product.id)) >= MOST_MEDIA:
        raise TooManyMedia(f"the product has {MOST_MEDIA} pictures and uploads already")
    row = MediaRow(
        id=command.media_id,
        product_id=product.id,
        state="awaited",
        file_name=command.file_name,
        content_type=command.content_type,
        size=command.size,
        alt=command.alt,
        variant_id=command.variant_id,
        option_value=command.option_value,
        reason="",
        names="[]",
        expires_at=tx.now + UPLOAD_LIFE,
        updated_at=tx.now,
        version=1,
    )
    tx.defer(storage.ADD_MEDIA, **msgspec.structs.asdict(row))
    return media_of(url_of, tx, row, None)


def complete_media(url_of: UrlOf, tx: Transaction, command: CompleteMedia, _caller: Caller) -> Media:
    row = _find(tx, command.media_id)
    if row.state == "awaited":
        row = _change(tx, row, "checking")
        tx.start("picture", row.id, MakePicture(command.media_id))
    return media_of(url_of, tx, row, find(tx, row.product_id))


def change_media(url_of: UrlOf, tx: Transaction, command: ChangeMedia, _caller: Caller) -> Media:
    row = _find(tx, command.media_id)
    if command.if_version is not None and command.if_version != row.version:
        raise Conflict(current_version=row.version)
    product = find(tx, row.product_id)
    fields = ("alt", "variant_id", "option_value")
    given = {name: value for name in fields if (value := getattr(command, name)) is not None}
    after = msgspec.structs.replace(row, **given)
    check_owner(product.body, after.variant_id, after.option_value)
    after = _change(tx, row, row.state, **given)
    picture = _shown(product, row.id)
    if picture is not None:
        here = product.body.media.index(picture)
        position = here if command.position is None else command.position
        picture = msgspec.structs.replace(picture, **given)
        product = _with_media(tx, product, moved(product.body.media, picture, position))
    return media_of(url_of, tx, after, product)


def remove_media(tx: Transaction, command: RemoveMedia, _caller: Caller) -> None:
    row = _find(tx, command.media_id)
    product = find(tx, row.product_id)
    if _shown(product, row.id) is not None:
        rest = tuple(picture for picture in product.body.media if picture.media_id != row.id)
        _with_media(tx, product, rest)
    _forget(tx, row)


def forget_media(tx: Transaction, command: ForgetMedia, _caller: Caller) -> None:
    row = tx.one(storage.FIND_MEDIA, id=command.media_id)
    if row is not None and row.state in ("awaited", "refused"):
        _forget(tx, row)


# What the worker tells.


def plan_picture(tx: Transaction, command: PlanPicture, _caller: Caller) -> bool:
    """The names are written down before the first file is kept, so that whatever happens all can be deleted."""
    row = tx.one(storage.FIND_MEDIA, id=command.media_id)
    if row is None or row.state != "checking":
        return False
    known = _names_of(row)
    _change(tx, row, "checking", names=_text((*known, *(name for name in command.names if name not in known))))
    return True


def record_picture(tx: Transaction, command: RecordPicture, _caller: Caller) -> None:
    """Nothing happens when that is known already. Files of a media that was removed meanwhile are deleted again."""
    picture = command.picture
    row = tx.one(storage.FIND_MEDIA, id=picture.media_id)
    if row is None:
        _discard(tx, picture.media_id, picture.names, tx.now)
        return
    if row.state != "checking":
        return
    given = {name: getattr(row, name) for name in ("alt", "variant_id", "option_value")}
    picture = msgspec.structs.replace(picture, **given)
    product = find(tx, row.product_id)
    _with_media(tx, product, (*product.body.media, picture))
    unused = tuple(name for name in _names_of(row) if name not in picture.names)
    _change(tx, row, "ready", names=_text(picture.names))
    _discard(tx, row.id, (upload_name(row.id), *unused), row.expires_at)


def refuse_media(tx: Transaction, command: RefuseMedia, _caller: Caller) -> None:
    row = tx.one(storage.FIND_MEDIA, id=command.media_id)
    if row is None or row.state != "checking":
        return
    _change(tx, row, "refused", reason=command.reason, names="[]")
    _discard(tx, row.id, (upload_name(row.id), *_names_of(row)), row.expires_at)


def record_discard(_tx: Transaction, _command: RecordDiscard, _caller: Caller) -> None:
    """The intent goes with this transaction; there is nothing else to tell."""


def _find(tx: Transaction, media_id: str) -> MediaRow:
    row = tx.one(storage.FIND_MEDIA, id=media_id)
    if row is None:
        raise NotFound("there is no such picture")
    return row


def _change(tx: Transaction, row: MediaRow, state: MediaState | str, **given: str) -> MediaRow:
    after = msgspec.structs.replace(row, state=state, updated_at=tx.now, **given)
    tx.must(
        storage.CHANGE_MEDIA,
        Conflict,
        of_id=row.id,
        known_version=row.version,
        state=after.state,
        alt=after.alt,
        variant_id=after.variant_id,
        option_value=after.option_value,
        reason=after.reason,
        names=after.names,
        updated_at=after.updated_at,
    )
    return msgspec.structs.replace(after, version=row.version + 1)


def _with_media(tx: Transaction, product: StoredProduct, media: tuple[StoredPicture, ...]) -> StoredProduct:
    """The product with these pictures; who keeps a copy of it is told."""
    body: ProductBody = msgspec.structs.replace(product.body, media=media)
    return save(tx, Tree(tx), product, msgspec.structs.replace(product, body=body))


def _shown(product: StoredProduct, media_id: str) -> StoredPicture | None:
    return next((picture for picture in product.body.media if picture.media_id == media_id), None)


def _forget(tx: Transaction, row: MediaRow) -> None:
    tx.run(storage.REMOVE_MEDIA, id=row.id)
    _discard(tx, row.id, (upload_name(row.id), *_names_of(row)), row.expires_at)


def _discard(tx: Transaction, media_id: str, names: tuple[str, ...], until: int) -> None:
    tx.start("discard", media_id, DiscardFiles(MediaId(media_id), names, until))


def _names_of(row: MediaRow) -> tuple[str, ...]:
    return _NAMES.decode(row.names)


def _text(names: tuple[str, ...]) -> str:
    return encode(names).decode()
