"""Honest estimates: splits that keep patients together, metrics, patient-level intervals."""
