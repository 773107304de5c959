"""Batch runs over a cohort: manifest, store of records, workers, table, status and summary."""
