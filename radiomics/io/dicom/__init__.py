"""DICOM images: files, headers, frames and pixels, series with their geometry, repair and SUV."""
