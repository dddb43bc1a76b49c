"""Slow work of catalog: pictures are made of what was uploaded, and files that nobody needs are deleted."""

from mercato.runtime.media.store import MediaStore
from mercato.runtime.service import Door, Work
from mercato.runtime.slow_work.worker import NotYet
from mercato.runtime.transaction import Intent
from mercato.services.catalog.adapters.made_pictures import Made, Refused
from mercato.services.catalog.adapters.pictures import PictureMaker
from mercato.services.catalog.domain import MadeSize, StoredPicture, name_of, upload_name
from mercato.services.catalog.messages import (
    DiscardFiles,
    MakePicture,
    PlanPicture,
    RecordDiscard,
    RecordPicture,
    RefuseMedia,
)
from mercato.values.clock import MINUTE, Clock
from mercato.values.messages import Caller, NotFound

AT_ONCE = 2  # pictures: each has a processor for a second or two
TRIES = 20  # with the pauses between them some hours

NO_FILE = "No file came: ask for a new upload, and send the file before you complete it."
GONE = "It was removed while it was checked."
NOT_KEPT = "For some hours it could not be made or kept: ask whoever runs the shop, then upload the picture again."


class PictureWork:
    """The work over one store of media."""

    def __init__(self, media: MediaStore, maker: PictureMaker, clock: Clock) -> None:
        self._media = media
        self._maker = maker
        self._clock = clock
        self.rows = (
            Work(
                "picture",
                MakePicture,
                self.make,
                self.give_up,
                media.name,
                at_once=AT_ONCE,
                tries=TRIES,
                background=True,
            ),
            Work(
                "discard",
                DiscardFiles,
                self.discard,
                self.give_up_discard,
                media.name,
                at_once=4,
                tries=TRIES,
                background=True,
            ),
        )

    async def make(self, body: MakePicture, intent: Intent, calls: Door) -> RecordPicture | RefuseMedia:
        """A second run makes the same files under the same names. What was uploaded is deleted only after all is
        recorded, by work of its own."""
        store, media_id = intent.store, body.media_id
        try:
            content = await self._media.get(f"{store}/{upload_name(media_id)}")
        except NotFound:
            return RefuseMedia(media_id, NO_FILE)
        made = await self._maker.make(content)
        if isinstance(made, Refused):
            return RefuseMedia(media_id, made.reason)
        picture, files = _named(body, made)
        if not await calls.do(PlanPicture(media_id, tuple(files)), Caller.system(store, intent.id)):
            return RefuseMedia(media_id, GONE)
        for name, (file, content_type) in files.items():
            await self._media.put(f"{store}/{name}", file, content_type)
        return RecordPicture(picture)

    @staticmethod
    def give_up(body: MakePicture, _intent: Intent) -> RefuseMedia:
        return RefuseMedia(body.media_id, NOT_KEPT)

    async def discard(self, body: DiscardFiles, intent: Intent, _calls: Door) -> RecordDiscard:
        """Delete, and again when the upload cannot be repeated any more: its ticket still works until then."""
        for name in body.names:
            await self._media.delete(f"{intent.store}/{name}")
        left = body.until + MINUTE - self._clock.now()
        if left > 0 and upload_name(body.media_id) in body.names:
            raise NotYet(left)
        return RecordDiscard(body.media_id)

    @staticmethod
    def give_up_discard(body: DiscardFiles, _intent: Intent) -> RecordDiscard:
        return RecordDiscard(body.media_id)


def _named(body: MakePicture, made: Made) -> tuple[StoredPicture, dict[str, tuple[bytes, str]]]:
    """The picture as its product will have it, and the files that it needs by their names."""
    jpeg = name_of(body.media_id, made.jpeg, "jpg")
    files = {jpeg: (made.jpeg, "image/jpeg")}
    sizes = []
    for size in made.sizes:
        name = name_of(body.media_id, size.content, "webp")
        files[name] = (size.content, "image/webp")
        sizes.append(MadeSize(name, size.width, size.height))
    largest = sizes[-1]
    picture = StoredPicture(body.media_id, jpeg, largest.width, largest.height, made.colour, tuple(sizes))
    return picture, files
