"""PyRadiomics' feature extractor."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from radiomics.compat import CLASSES, generalinfo, getFeatureClasses, getImageTypes, parameters
from radiomics.compat import imageoperations as operations
from radiomics.compat.binning import grey_levels
from radiomics.compat.crops import crop, crop_to_reach, cropToTumorMask, padded_box, part_as_image
from radiomics.compat.images import TYPES, reach, variants
from radiomics.compat.maps import feature_maps
from radiomics.compat.textures import texture_region
from radiomics.kernels.threads import one_thread_each, side_by_side
from radiomics.plugins import did_you_mean
from radiomics.types import Once

logger = logging.getLogger("radiomics.featureextractor")


class RadiomicsFeatureExtractor:
    """Extract PyRadiomics' features of one label of a mask.

    Parameters
    ----------
    params : parameter file (YAML or JSON), or the same as a dict; nothing for the defaults
    settings : settings that change those
    """

    def __init__(
        self, params: str | Path | Mapping[str, Any] | None = None, **settings: Any
    ) -> None:
        self.featureClassNames = list(CLASSES)
        self.settings: dict[str, Any] = dict(parameters.DEFAULTS)
        self.enabledImagetypes: dict[str, dict[str, Any]] = {"Original": {}}
        self.enabledFeatures: dict[str, list[str] | None] = {
            name: [] for name in CLASSES if name != "shape2D"
        }
        if params is not None:
            self.loadParams(params)
        for name in settings:
            if name not in parameters.KNOWN:
                raise ValueError(f"no setting '{name}'. {did_you_mean(name, parameters.KNOWN)}")
        self.settings.update(settings)

    def loadParams(self, paramsFile: str | Path | Mapping[str, Any]) -> None:  # noqa: N802, N803
        """Take settings, image types and features from a parameter file."""
        found = parameters.read(paramsFile)
        self.enabledImagetypes = found["imageType"] or {"Original": {}}
        self.enabledFeatures = found["featureClass"] or {name: [] for name in CLASSES}
        self.settings = {**parameters.DEFAULTS, **found["setting"], **found["voxelSetting"]}

    def loadJSONParams(self, JSON_configuration: str) -> None:  # noqa: N802, N803
        """Take settings, image types and features from JSON text."""
        self.loadParams(json.loads(JSON_configuration))

    def addProvenance(self, provenance_on: bool = True) -> None:  # noqa: N802
        """Write the ``diagnostics_*`` entries, or leave them out."""
        self.settings["additionalInfo"] = provenance_on

    def execute(
        self,
        imageFilepath: Any,  # noqa: N803
        maskFilepath: Any,  # noqa: N803
        label: int | None = None,
        label_channel: int | None = None,
        voxelBased: bool = False,  # noqa: N803
    ) -> OrderedDict[str, Any]:
        """Return the diagnostics and the enabled features of an image inside a label.

        Parameters
        ----------
        imageFilepath, maskFilepath : file names, or SimpleITK images
        voxelBased : maps of the features of the patch around each voxel, as SimpleITK images

        Raises
        ------
        ValueError
            For files that cannot be read, and regions that cannot be used.
        """
        settings = dict(self.settings)
        given = {"label": label, "label_channel": label_channel}
        settings |= {key: value for key, value in given.items() if value is not None}
        label = int(settings.get("label", 1))
        logger.info("Calculating features with label: %d", label)
        diagnostics: dict[str, Any] = {}
        if settings["additionalInfo"]:
            diagnostics |= generalinfo.version_entries()
            diagnostics |= generalinfo.configuration_entries(settings, self.enabledImagetypes)
        image, mask, box = self._load(imageFilepath, maskFilepath, settings, diagnostics)
        whole, whole_box = mask, box
        if settings.get("resegmentRange") is not None:
            mask = operations.resegmentMask(image, mask, **settings)
            box, _ = operations.checkMask(image, mask, **settings)
            if settings["additionalInfo"]:
                diagnostics |= generalinfo.mask_entries(mask, image, label, "resegmented")
        found: OrderedDict[str, Any] = OrderedDict(diagnostics)
        if not voxelBased:
            shaped = (mask, box) if settings.get("resegmentShape", False) else (whole, whole_box)
            found.update(self.computeShape(image, *shaped, **settings))
        with one_thread_each():
            found.update(self._derived_features(image, mask, box, settings, voxelBased))
        return found

    def _derived_features(
        self, image: Any, mask: Any, box: Any, settings: dict[str, Any], voxel_based: bool
    ) -> dict[str, Any]:
        """Return the features of each derived image, or their maps."""
        found: dict[str, Any] = {}
        compute = self.computeMaps if voxel_based else self.computeFeatures
        pad = int(settings.get("kernelRadius", 1)) if voxel_based else 0
        of_mask = {} if voxel_based else {"of_mask": Once()}  # all images have one mask
        for kind, changes in self.enabledImagetypes.items():
            logger.info("Calculating features for image type %s with settings %s", kind, changes)
            if kind not in TYPES:
                raise ValueError(f"no image type '{kind}'. {did_you_mean(kind, TYPES)}")
            for merged in variants(kind, {**settings, **changes}):
                far = reach(kind, merged, image.GetSpacing())
                margin = None if far is None else [steps + pad for steps in far]
                around, within, place = crop_to_reach(image, mask, box, margin)
                part = padded_box(place, pad, within)
                inside = crop(within, part)
                calls = []
                for array, name in TYPES[kind](around, within, merged, part):
                    derived = part_as_image(array, around, part)
                    calls.append(partial(compute, derived, inside, name, **merged, **of_mask))
                for values in side_by_side(calls):
                    found.update(values)
        return found

    def _load(
        self, image: Any, mask: Any, settings: dict[str, Any], diagnostics: dict[str, Any]
    ) -> tuple[Any, Any, Any]:
        """Return image and mask as features are computed from them, and the region's box."""
        label = int(settings.get("label", 1))
        logger.info("Loading image and mask")
        image, mask = _read_image(image, "image"), _read_image(mask, "mask")
        mask = operations.getMask(mask, **settings)
        if settings.get("additionalInfo"):
            diagnostics |= generalinfo.image_entries(image, "original")
            diagnostics |= generalinfo.mask_entries(mask, None, label, "original")
        if settings.get("normalize"):
            image = operations.normalizeImage(image, **settings)
        if settings.get("interpolator") and settings.get("resampledPixelSpacing") is not None:
            image, mask = operations.resampleImage(image, mask, **settings)
            if settings.get("additionalInfo"):
                diagnostics |= generalinfo.image_entries(image, "interpolated")
                diagnostics |= generalinfo.mask_entries(mask, image, label, "interpolated")
        box, corrected = operations.checkMask(image, mask, **settings)
        if corrected is not None:
            mask = corrected
            if settings.get("additionalInfo"):
                diagnostics |= generalinfo.mask_entries(mask, image, label, "corrected")
        if settings.get("preCrop") and settings.get("resampledPixelSpacing") is None:
            image, mask = cropToTumorMask(image, mask, box, **settings)
            box, _ = operations.checkMask(image, mask, **settings)
        return image, mask, box

    def computeShape(  # noqa: N802
        self,
        image: Any,
        mask: Any,
        boundingBox: Any,  # noqa: N803
        **settings: Any,
    ) -> OrderedDict[str, Any]:
        """Return the shape features of a mask."""
        found: OrderedDict[str, Any] = OrderedDict()
        chosen = [name for name in self.enabledFeatures if name.startswith("shape")]
        if not chosen:
            return found
        del image
        inside, _ = cropToTumorMask(mask, mask, boundingBox)
        dims, force = mask.GetDimension(), settings.get("force2D", False)
        for kind in chosen:
            if kind == "shape" and dims != 3:
                logger.warning("Shape features are only available in 3D: left out")
                continue
            if kind == "shape2D" and dims == 3:
                axis = dims - 1 - int(settings.get("force2Ddimension", 0))
                if not force or inside.GetSize()[axis] > 1:
                    logger.warning("Shape2D features need force2D and a single slice: left out")
                    continue
            found.update(self._class_features(kind, inside, inside, "original", settings))
        return found

    def computeFeatures(  # noqa: N802
        self,
        image: Any,
        mask: Any,
        imageTypeName: str,  # noqa: N803
        **settings: Any,
    ) -> OrderedDict[str, Any]:
        """Return all enabled features but shape's of one derived image."""
        chosen = [name for name in self.enabledFeatures if not name.startswith("shape")]
        array = sitk.GetArrayFromImage(image)
        inside = sitk.GetArrayFromImage(mask) == int(settings.get("label", 1))
        grey = grey_levels(array, inside, settings)
        shared = dict(settings, levels=grey, arrays=(array, inside))
        spacing = tuple(reversed(image.GetSpacing()))
        shared["region"] = texture_region(array, inside, spacing, shared)
        calls = [
            lambda kind=kind: self._class_features(kind, image, mask, imageTypeName, shared)
            for kind in chosen
        ]
        found: OrderedDict[str, Any] = OrderedDict()
        for part in side_by_side(calls):
            found.update(part)
        return found

    def computeMaps(  # noqa: N802
        self,
        image: Any,
        mask: Any,
        imageTypeName: str,  # noqa: N803
        **settings: Any,
    ) -> OrderedDict[str, Any]:
        """Return maps of all enabled features but shape's of one derived image."""
        found: OrderedDict[str, Any] = OrderedDict()
        for kind, names in self.enabledFeatures.items():
            if not kind.startswith("shape"):
                made = feature_maps(kind, image, mask, settings, names or [])
                prefix = f"{imageTypeName}_{kind}"
                found.update({f"{prefix}_{key}": value for key, value in made.items()})
        return found

    def _class_features(
        self, kind: str, image: Any, mask: Any, prefix: str, settings: dict[str, Any]
    ) -> dict[str, Any]:
        made = getFeatureClasses()[kind](image, mask, **settings)
        for feature in self.enabledFeatures[kind] or []:
            made.enableFeatureByName(feature)
        return {f"{prefix}_{kind}_{name}": value for name, value in made.execute().items()}

    def enableAllImageTypes(self) -> None:  # noqa: N802
        """Enable all image types with their default settings."""
        self.enabledImagetypes = {name: {} for name in getImageTypes()}

    def disableAllImageTypes(self) -> None:  # noqa: N802
        """Disable all image types."""
        self.enabledImagetypes = {}

    def enableImageTypeByName(  # noqa: N802
        self,
        imageType: str,  # noqa: N803
        enabled: bool = True,
        customArgs: dict[str, Any] | None = None,  # noqa: N803
    ) -> None:
        """Enable an image type with settings of its own, or disable it."""
        if imageType not in getImageTypes():
            logger.warning("Image type %s is not recognized", imageType)
        elif enabled:
            self.enabledImagetypes[imageType] = dict(customArgs or {})
        else:
            self.enabledImagetypes.pop(imageType, None)

    def enableImageTypes(self, **enabledImagetypes: dict[str, Any]) -> None:  # noqa: N802, N803
        """Enable image types with settings of their own."""
        self.enabledImagetypes.update(enabledImagetypes)

    def enableAllFeatures(self) -> None:  # noqa: N802
        """Enable all features of all classes."""
        self.enabledFeatures = {name: [] for name in self.featureClassNames}

    def disableAllFeatures(self) -> None:  # noqa: N802
        """Disable all features."""
        self.enabledFeatures = {}

    def enableFeatureClassByName(self, featureClass: str, enabled: bool = True) -> None:  # noqa: N802, N803
        """Enable all features of a class, or disable it."""
        if featureClass not in self.featureClassNames:
            logger.warning("Feature class %s is not recognized", featureClass)
        elif enabled:
            self.enabledFeatures[featureClass] = []
        else:
            self.enabledFeatures.pop(featureClass, None)

    def enableFeaturesByName(self, **enabledFeatures: list[str]) -> None:  # noqa: N802, N803
        """Enable some features of classes: ``enableFeaturesByName(glcm=["Contrast"])``."""
        self.enabledFeatures.update(enabledFeatures)


def _read_image(given: Any, what: str) -> Any:
    if isinstance(given, sitk.Image):
        return given
    if isinstance(given, str | Path) and Path(given).is_file():
        try:
            return sitk.ReadImage(str(given))
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(f"Error reading {what} {given}: {reason}") from None
    raise ValueError(
        f"Error reading {what}: {given!r:.200} is neither a file nor a SimpleITK image"
    )
