"""PyRadiomics' name of :mod:`radiomics.compat.imageoperations`."""

from typing import Any

from radiomics.compat import imageoperations as _home
from radiomics.compat.crops import cropToTumorMask as cropToTumorMask
from radiomics.compat.imageoperations import binImage as binImage
from radiomics.compat.imageoperations import checkMask as checkMask
from radiomics.compat.imageoperations import getBinEdges as getBinEdges
from radiomics.compat.imageoperations import getMask as getMask
from radiomics.compat.imageoperations import normalizeImage as normalizeImage
from radiomics.compat.imageoperations import resampleImage as resampleImage
from radiomics.compat.imageoperations import resegmentMask as resegmentMask


def __getattr__(name: str) -> Any:
    return getattr(_home, name)
