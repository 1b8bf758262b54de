"""Write torchvision's answers for the transforms of crates/convnet/src/data/transform, as golden files beside them.

    python tools/transform_golden.py

needs torch and torchvision, and writes three files into crates/convnet/src/data/transform/golden:

    outputs.json     what torchvision's v2 transforms make of two small uint8 images (grey and RGB, of odd sizes) where
                     nothing is left to chance: each case is a transform as a recipe has it, the same keys as torchvision's
                     arguments; or the arguments of a function, where a transform always draws
    magnitudes.json  how strong AutoAugment and its successors may change, and AutoAugment's policies
    draws.json       what RandomResizedCrop and RandomErasing draw for images of several shapes: deciles of 20,000 draws
"""

import json
import pathlib

import torch
import torchvision
from torchvision.transforms import v2
from torchvision.transforms.v2 import AutoAugmentPolicy, functional as F

FOLDER = pathlib.Path(__file__).parent.parent / "crates/convnet/src/data/transform/golden"
DRAWS = 20_000


def image(channels, height, width, seed):
    """Waves and noise, with levels from 0 to 255."""
    noise = torch.rand(channels, height, width, generator=torch.Generator().manual_seed(seed))
    y, x, c = torch.arange(height)[:, None], torch.arange(width), torch.arange(channels)[:, None, None]
    wave = 0.5 + 0.5 * torch.sin(0.7 * x + 0.4 * y + 1.5 * c)
    return (255 * (0.65 * wave + 0.35 * noise)).round().clamp(0, 255).to(torch.uint8)


IMAGES = {"grey": image(1, 7, 5, 1), "rgb": image(3, 7, 10, 2), "square": image(1, 6, 6, 3)}


def build(recipe):
    """torchvision's transform for a table of a recipe."""
    arguments = dict(recipe)
    name = arguments.pop("name")
    if "transforms" in arguments:
        arguments["transforms"] = [build(child) for child in arguments["transforms"]]
    if name == "RandomAffine":
        arguments["interpolation"] = v2.InterpolationMode(arguments.get("interpolation", "nearest"))
    return getattr(v2, name)(**arguments)


def transforms():
    """Tables of recipes that leave nothing to chance."""
    for interpolation in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        for antialias in (True, False) if interpolation.startswith("bi") else (True,):
            for size in ([5, 4], [12, 17], 4, 11):
                yield dict(name="Resize", size=size, interpolation=interpolation, antialias=antialias)
    yield dict(name="Resize", size=6)
    yield dict(name="Resize", size=6, max_size=8)
    for size in (4, [3, 6], [5, 5], 10, [12, 4]):
        yield dict(name="CenterCrop", size=size)
    for mode in ("constant", "edge", "reflect", "symmetric"):
        yield dict(name="Pad", padding=[2, 3, 4, 1], padding_mode=mode)
        yield dict(name="Pad", padding=2, padding_mode=mode)
    yield dict(name="Pad", padding=[1, 2], fill=77)
    for name in ("RandomHorizontalFlip", "RandomVerticalFlip", "RandomInvert", "RandomAutocontrast", "RandomEqualize",
                 "RandomGrayscale"):
        yield dict(name=name, p=1)
        yield dict(name=name, p=0)
    for interpolation in ("nearest", "bilinear"):
        for expand in (False, True):
            for angle in (0, 17, 45.5, 90, 133, 180, 270, -30):
                yield dict(name="RandomRotation", degrees=[angle, angle], interpolation=interpolation, expand=expand)
        yield dict(name="RandomRotation", degrees=[25, 25], interpolation=interpolation, fill=200)
        yield dict(name="RandomRotation", degrees=[25, 25], interpolation=interpolation, center=[2, 1], fill=9)
        yield dict(name="RandomAffine", degrees=[20, 20], scale=[1.3, 1.3], interpolation=interpolation)
        yield dict(name="RandomAffine", degrees=[0, 0], scale=[0.6, 0.6], shear=[10, 10], interpolation=interpolation, fill=50)
        yield dict(name="RandomAffine", degrees=[-70, -70], shear=[12, 12, -20, -20], interpolation=interpolation, fill=255)
        yield dict(name="RandomAffine", degrees=[30, 30], center=[1, 4], interpolation=interpolation)
    for key in ("brightness", "contrast", "saturation"):
        for factor in (0, 0.4, 1.3, 2.5):
            yield dict(name="ColorJitter", **{key: [factor, factor]})
    for hue in (-0.5, -0.13, 0.02, 0.27, 0.5):
        yield dict(name="ColorJitter", hue=[hue, hue])
    for kernel, sigma in ((3, 0.8), ([5, 3], 1.7), ([1, 5], 0.3), (5, 2)):
        yield dict(name="GaussianBlur", kernel_size=kernel, sigma=[sigma, sigma])
    for bits in range(9):
        yield dict(name="RandomPosterize", bits=bits, p=1)
    for threshold in (0, 100, 128.5, 255):
        yield dict(name="RandomSolarize", threshold=threshold, p=1)
    for factor in (0, 0.5, 2, 3.3):
        yield dict(name="RandomAdjustSharpness", sharpness_factor=factor, p=1)
    yield dict(name="RandomApply", p=1, transforms=[dict(name="RandomInvert", p=1), dict(name="CenterCrop", size=4)])
    yield dict(name="RandomApply", p=0, transforms=[dict(name="RandomInvert", p=1)])
    yield dict(name="RandomChoice", p=[0, 1], transforms=[dict(name="RandomInvert", p=1), dict(name="RandomEqualize", p=1)])
    yield dict(name="RandomOrder", transforms=[dict(name="RandomInvert", p=1), dict(name="RandomVerticalFlip", p=1)])


def colours():
    """The same with a colour as the fill, of an RGB image."""
    fill = [10, 200, 90.4]
    yield dict(name="Pad", padding=[1, 2, 0, 3], fill=[10, 200, 90])
    for interpolation in ("nearest", "bilinear"):
        yield dict(name="RandomRotation", degrees=[33, 33], interpolation=interpolation, fill=fill)
        yield dict(name="RandomAffine", degrees=[0, 0], scale=[0.5, 0.5], interpolation=interpolation, fill=fill)


def functions():
    """Calls of functions: a name, arguments, and what they do."""
    modes = {name: v2.InterpolationMode(name) for name in ("nearest", "bilinear")}
    for name, mode in modes.items():
        for fill in (0, 60):
            for ends in ([[1, 1], [8, 0], [9, 6], [0, 4]], [[2, 0], [7, 2], [9, 5], [1, 6]]):
                starts = [[0, 0], [9, 0], [9, 6], [0, 6]]
                yield (dict(function="perspective", starts=starts, ends=ends, interpolation=name, fill=fill), "rgb",
                       lambda x: F.perspective(x, starts, ends, interpolation=mode, fill=fill))
        for translate in ([2, -1], [-3, 4]):
            yield (dict(function="affine", angle=15, translate=translate, scale=0.8, shear=[5, 3], interpolation=name, fill=0),
                   "rgb", lambda x: F.affine(x, 15, translate, 0.8, [5, 3], interpolation=mode, fill=0))
        space = v2.TrivialAugmentWide._AUGMENTATION_SPACE
        augment = v2.AutoAugment()
        for op, (magnitudes, signed) in {**space, "Invert": (lambda *_: None, False)}.items():
            values = magnitudes(31, 7, 10)
            for bin in (5, 21) if values is not None else (0,):
                value = 0.0 if values is None else float(values[bin])
                for strength in (value, -value) if signed else (value,):
                    # Twice as far as an image is wide, nothing is left.
                    strength = strength / 4 if op.startswith("Translate") else strength
                    for fill in (None, 128):
                        yield (dict(function="op", op=op, strength=strength, interpolation=name, fill=fill), "rgb",
                               lambda x: augment._apply_image_or_video_transform(
                                   x, op, strength, interpolation=mode, fill={"others": fill}))


def case(call, name, output):
    return {"call": call, "image": name, "shape": list(output.shape), "levels": bytes(output.flatten().tolist()).hex()}


def outputs():
    cases = []
    for recipe in transforms():
        for name, picture in IMAGES.items():
            if name == "square" and recipe["name"] not in ("RandomRotation", "CenterCrop"):
                continue
            # Reflection needs a larger image than a border, which convnet does not.
            if recipe.get("padding_mode") == "reflect" and name == "grey" and recipe["padding"] != 2:
                continue
            cases.append(case(recipe, name, build(recipe)(picture)))
    for recipe in colours():
        cases.append(case(recipe, "rgb", build(recipe)(IMAGES["rgb"])))
    seen = set()
    for call, name, function in functions():
        output = case(call, name, function(IMAGES[name]))
        # What does not interpolate or fill is the same for all that do.
        key = (call["function"], call.get("op"), call.get("strength"), output["levels"])
        if call["function"] != "op" or key not in seen:
            cases.append(output)
        seen.add(key)
    images = {name: {"shape": list(x.shape), "levels": bytes(x.flatten().tolist()).hex()} for name, x in IMAGES.items()}
    return {"torchvision": torchvision.__version__, "images": images, "cases": cases}


def magnitudes():
    tables = {}
    mix = v2.AugMix()
    spaces = {
        "AutoAugment": (v2.AutoAugment._AUGMENTATION_SPACE, 10),
        "RandAugment": (v2.RandAugment._AUGMENTATION_SPACE, 31),
        "TrivialAugmentWide": (v2.TrivialAugmentWide._AUGMENTATION_SPACE, 31),
        "AugMix": (mix._AUGMENTATION_SPACE, mix._PARAMETER_MAX),
    }
    for name, (space, bins) in spaces.items():
        tables[name] = {}
        for op, (magnitudes, signed) in space.items():
            values = magnitudes(bins, 37, 53)
            values = [0.0] * bins if values is None else [float(x) for x in values]
            tables[name][op] = {"signed": signed, "values": values}
        tables[f"{name} order"] = list(space)
    policies = {"imagenet": AutoAugmentPolicy.IMAGENET, "cifar10": AutoAugmentPolicy.CIFAR10, "svhn": AutoAugmentPolicy.SVHN}
    tables["policies"] = {
        name: [[[op, p, bin or 0] for op, p, bin in pair] for pair in v2.AutoAugment(policy)._policies]
        for name, policy in policies.items()
    }
    return tables


def deciles(values):
    values = torch.tensor(values, dtype=torch.float64)
    return [float(x) for x in torch.quantile(values, torch.linspace(0.1, 0.9, 9, dtype=torch.float64))]


def draws():
    torch.manual_seed(0)
    tables = []
    crops = [
        (dict(), [100, 100]), (dict(), [30, 200]), (dict(), [200, 30]), (dict(), [3, 4]), (dict(scale=[0.5, 1.0]), [40, 60]),
        # Every window is too wide: the middle is taken.
        (dict(scale=[0.9, 1.0], ratio=[3.0, 4.0]), [50, 50]), (dict(scale=[0.9, 1.0], ratio=[0.2, 0.3]), [50, 60]),
    ]
    for arguments, size in crops:
        transform, picture = v2.RandomResizedCrop(8, **arguments), torch.zeros(3, *size)
        drawn = [transform.make_params([picture]) for _ in range(DRAWS)]
        table = {key: deciles([x[key] for x in drawn]) for key in ("top", "left", "height", "width")}
        tables.append({"name": "RandomResizedCrop", "arguments": arguments, "size": size, **table})
    erasings = [(dict(), [100, 100]), (dict(), [32, 90]), (dict(scale=[0.5, 0.9]), [40, 40]), (dict(), [2, 3])]
    for arguments, size in erasings:
        transform, picture = v2.RandomErasing(**arguments), torch.zeros(3, *size)
        drawn = [transform.make_params([picture]) for _ in range(DRAWS)]
        done = [x for x in drawn if x["v"] is not None]
        names = {"i": "top", "j": "left", "h": "height", "w": "width"}
        table = {name: deciles([x[key] for x in done]) for key, name in names.items()}
        tables.append({"name": "RandomErasing", "arguments": arguments, "size": size, "done": len(done) / DRAWS, **table})
    return tables


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, value in (("outputs", outputs()), ("magnitudes", magnitudes()), ("draws", draws())):
        path = FOLDER / f"{name}.json"
        text = json.dumps(value, separators=(",", ":"))
        # A case a line, so that a change can be read.
        path.write_text(text.replace('},{"', '},\n{"').replace('"cases":[', '"cases":[\n') + "\n")
        print(f"{path.name}: {len(text)} bytes")
    print(f"torchvision {torchvision.__version__}")


if __name__ == "__main__":
    main()
