"""The order in which torchvision's ImageFolder takes images below class folders: folder_order.py.

Writes a small folder of images whose names are hard to order, and prints the classes and each image with its class:
the golden lines of crates/convnet/src/data/image_folder/tests.rs.
"""
import argparse
import pathlib
import tempfile

from PIL import Image
from torchvision.datasets import ImageFolder

NAMES = """cat/z.png cat/a/1.png cat/a-b/1.png cat/a/c/1.png cat/a.png cat/b/10.png cat/b/9.png cat/B/1.png
dog/deep/er/still/1.png dog/1.png dog/é/1.png dog/z/1.png""".split()


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (2, 2)).save(path)
        images = ImageFolder(folder)
        print(images.classes)
        for path, label in images.samples:
            print(f'("{pathlib.Path(path).relative_to(folder)}", {label}),')
        print(f"{len(images.samples)} of {len(NAMES)} images taken")


if __name__ == "__main__":
    main()
