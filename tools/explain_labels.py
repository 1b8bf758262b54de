"""Suspected labels beside the package cleanlab's on the same probabilities, with labels that were made wrong on purpose.

    python tools/explain_labels.py [--share 0.03]

Exports the bundled images, gives a share of the test images another class, trains LeNet on the training images as they are, writes
a report and the probabilities of the test images, and prints precision and recall of the suspects: convnet's from the page,
cleanlab's `find_label_issues(filter_by="confident_learning")`. Ends with 1 if both do not name the same images.
Needs numpy and cleanlab; CONVNET is the program [target/release/convnet].
"""

import argparse
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from cleanlab.filter import find_label_issues

CONVNET = os.environ.get("CONVNET", "target/release/convnet")


def convnet(*arguments):
    subprocess.run([CONVNET, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.03)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        convnet("data", "export", "fashion-mnist-mini", folder / "data" / "train", "--split", "train", "--count", 2000)
        convnet("data", "export", "fashion-mnist-mini", folder / "data" / "test", "--split", "test", "--count", 2000)
        rng = random.Random(0)
        files = sorted((folder / "data" / "test").glob("*/*.png"))
        classes = sorted({file.parent.name for file in files})
        wrong = set()
        for file in rng.sample(files, round(given.share * len(files))):
            other = rng.choice([name for name in classes if name != file.parent.name])
            moved = file.parent.parent / other / f"{file.parent.name.replace(' ', '-').replace('/', '-')}-{file.name}"
            file.rename(moved)
            wrong.add(f"{other}/{moved.name}")
        run = folder / "run"
        convnet("train", "lenet", "--data", folder / "data", "--out", run, "--quiet")
        convnet("report", run, "-o", folder / "report.html")
        convnet("eval", run, "--json", "--predictions", folder / "p.csv", "--probabilities")
        page = json.loads(re.search(r'id="report">(.*?)</script>', (folder / "report.html").read_text(), re.S).group(1))
        ours = {page["images"][suspect["image"]]["name"] for suspect in page["suspects"]}
        rows = list(csv.reader((folder / "p.csv").open()))
    header = rows[0]
    columns = [i for i, name in enumerate(header) if name.startswith("p(")]
    names = [header[i][2:-1] for i in columns]
    labels = numpy.array([names.index(row[header.index("class")]) for row in rows[1:]])
    probabilities = numpy.array([[float(row[i]) for i in columns] for row in rows[1:]])
    found = find_label_issues(labels, probabilities, filter_by="confident_learning")
    theirs = {row[0] for row, suspected in zip(rows[1:], found) if suspected}
    for name, suspects in (("convnet", ours), ("cleanlab", theirs)):
        hits = len({suspect for suspect in suspects if any(suspect.endswith(one) for one in wrong)})
        print(f"{name}: {len(suspects)} suspects, {hits} of {len(wrong)} wrong labels among them: "
              f"precision {hits / max(len(suspects), 1):.1%}, recall {hits / len(wrong):.1%}")
    print(f"{len(ours & theirs)} are the same")
    sys.exit(ours != theirs)


if __name__ == "__main__":
    main()
