"""Figures and one self-contained HTML report."""
