"""At start: what became of shadow decisions is taken up where the journal left it."""

from collections.abc import Mapping, Sequence

from watchdog.domain.events import Record
from watchdog.domain.shadow_book import ShadowBook
from watchdog.ports import Journal


async def recall_shadows(journal: Journal, books: Mapping[str, ShadowBook]) -> None:
    """Fill the books (by target) from the journal, and from now on with all that it takes in."""

    def learn(records: Sequence[Record]) -> None:
        for record in records:
            book = books.get(getattr(record.event, "target", ""))
            if book is not None:
                book.apply(record)

    learn(await journal.read(kinds=ShadowBook.DECISIONS))
    waiting = [shadow.seq for book in books.values() for shadow in book.open.values()]
    if waiting:
        learn(await journal.read(kinds=ShadowBook.ENDS, after=min(waiting)))
    journal.listen(learn)
