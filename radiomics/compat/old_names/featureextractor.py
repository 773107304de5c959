"""PyRadiomics' name of :mod:`radiomics.compat.featureextractor`."""

from radiomics.compat.featureextractor import RadiomicsFeatureExtractor as RadiomicsFeatureExtractor
