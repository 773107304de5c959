"""Masks: RTSTRUCT, DICOM SEG, 3D Slicer, label images; contours, and masks on other grids."""
