"""Files that are not DICOM: NIfTI, NRRD, MetaImage, 2D images, IDX, class folders, tables."""
