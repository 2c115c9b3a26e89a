"""The report card of anybody's reports: candidate texts held against reference texts, offline and deterministic."""
