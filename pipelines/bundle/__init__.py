"""Trained models as one safe archive: saved, opened, used on new scans."""
