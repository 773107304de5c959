"""What PyRadiomics' feature classes have in common: how features are chosen, and computed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk


class FeatureClass:
    """One of PyRadiomics' classes: made from an image and a mask, its features by name.

    A subclass lists ``NAMES`` and computes all of them at once; ``getXFeatureValue()`` gives one.

    Parameters
    ----------
    inputImage, inputMask : SimpleITK images on one grid
    settings : PyRadiomics' settings; ``label`` is the mask's value
    """

    NAMES: tuple[str, ...] = ()
    OLD: tuple[str, ...] = ()  # deprecated: computed when asked for by name

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for feature in cls.NAMES + cls.OLD:
            setattr(cls, f"get{feature}FeatureValue", _feature_getter(feature))

    def __init__(self, inputImage: Any, inputMask: Any, **settings: Any) -> None:  # noqa: N803
        if inputImage is None or inputMask is None:
            raise ValueError("Missing input image or mask")
        self.settings = settings
        self.label = int(settings.get("label", 1))
        self.inputImage, self.inputMask = inputImage, inputMask
        given = settings.get("arrays")  # read once for all classes
        self.imageArray = given[0] if given else sitk.GetArrayFromImage(inputImage)
        self.maskArray = given[1] if given else sitk.GetArrayFromImage(inputMask) == self.label
        self.pixelSpacing = tuple(reversed(inputImage.GetSpacing()))
        self.enabledFeatures: dict[str, bool] = {}
        self.featureValues: Mapping[str, Any] = {}
        self._all: dict[str, float] | None = None

    @classmethod
    def getFeatureNames(cls) -> dict[str, bool]:  # noqa: N802
        """Return the names of features, and whether each is deprecated."""
        return {name: name in cls.OLD for name in sorted_features([*cls.NAMES, *cls.OLD])}

    def enableFeatureByName(self, featureName: str, enable: bool = True) -> None:  # noqa: N802, N803
        """Enable or disable one feature.

        Raises
        ------
        LookupError
            For a name that the class does not have.
        """
        if featureName not in self.NAMES + self.OLD:
            raise LookupError(f"Feature not found: {featureName}")
        self.enabledFeatures[featureName] = enable

    def enableAllFeatures(self) -> None:  # noqa: N802
        """Enable all features that are not deprecated."""
        for name in sorted_features(self.NAMES):
            self.enableFeatureByName(name)

    def disableAllFeatures(self) -> None:  # noqa: N802
        """Disable all features and forget their values."""
        self.enabledFeatures = {}
        self.featureValues = {}

    def execute(self) -> Mapping[str, Any]:
        """Return the values of the enabled features by name; of all, when none was enabled."""
        if not self.enabledFeatures:
            self.enableAllFeatures()
        chosen = [name for name, enabled in self.enabledFeatures.items() if enabled]
        values = self.values()
        self.featureValues = OrderedDict((name, np.asarray(values[name])) for name in chosen)
        return self.featureValues

    def values(self) -> dict[str, float]:
        """Return the values of all features, computed once."""
        if self._all is None:
            self._all = self.compute()
        return self._all

    def compute(self) -> dict[str, float]:
        """Compute all features."""
        raise NotImplementedError


def sorted_features(names: Iterable[str]) -> list[str]:
    """Return names of features in PyRadiomics' order: that of their methods."""
    return sorted(names, key=lambda name: f"{name}FeatureValue")


def _feature_getter(feature: str) -> Callable[[FeatureClass], Any]:
    """Return the method that gives one feature."""

    def get(self: FeatureClass) -> Any:
        return np.asarray(self.values()[feature])

    get.__name__ = f"get{feature}FeatureValue"
    get.__doc__ = f"Return {feature} as PyRadiomics defines it."
    return get
