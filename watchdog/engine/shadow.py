"""What becomes of shadow decisions, as the journal takes it in."""

from collections.abc import Mapping, Sequence

from watchdog.domain.events import Record
from watchdog.domain.shadow_book import ShadowBook
from watchdog.ports import Journal


def keep_shadows(journal: Journal, books: Mapping[str, ShadowBook]) -> None:
    """From now on, fill the books (by target) with all that the journal takes in."""

    def learn(records: Sequence[Record]) -> None:
        for record in records:
            book = books.get(getattr(record.event, "target", ""))
            if book is not None:
                book.apply(record)

    journal.listen(learn)
