"""Which exam came before which: priors by patient and date."""

from collections.abc import Iterable
from typing import Self

from mammoscribe.data.formats.spool import temporary_database
from mammoscribe.data.records import ImageText, MammoExam


class Chronology:
    """When each record of each patient was made, on disk; a context, since its file goes when it is left.

    The prior of a record is the latest one of the same patient that is strictly earlier, by date and time; a record
    without a date has no prior and is nobody's. Records of one moment (two series of one visit) are not each other's.
    """

    def __init__(self) -> None:
        self._db = temporary_database("CREATE TABLE made (patient TEXT, moment TEXT, id TEXT);")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, record: MammoExam | ImageText) -> None:
        """Keep when a record was made."""
        if record.date is not None:
            self._db.execute("INSERT INTO made VALUES (?, ?, ?)", (record.patient_id, _moment(record), record.id))

    def add_all(self, records: Iterable[MammoExam | ImageText]) -> None:
        """Keep when each of these was made."""
        for record in records:
            self.add(record)

    def prior_of(self, record: MammoExam | ImageText) -> str | None:
        """The id of the record before this one, None when there is none."""
        if record.date is None:
            return None
        self._db.execute("CREATE INDEX IF NOT EXISTS by_patient ON made (patient, moment)")
        query = "SELECT id FROM made WHERE patient = ? AND moment < ? ORDER BY moment DESC, id LIMIT 1"
        found = self._db.execute(query, (record.patient_id, self._day_or_moment(record))).fetchone()
        return found[0] if found else None

    @staticmethod
    def _day_or_moment(record: MammoExam | ImageText) -> str:
        """Without a time of its own, a record comes after earlier days only."""
        return _moment(record) if record.time is not None else record.date.isoformat() if record.date else ""


def _moment(record: MammoExam | ImageText) -> str:
    """Text that sorts by time; a record without a time is taken as of the end of its day."""
    assert record.date is not None
    return f"{record.date.isoformat()}T{record.time.isoformat() if record.time else '99'}"
