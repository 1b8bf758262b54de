class Builder:
    def __init__(self):
        self.parts = []

    def add(self, name, *sizes, **options):
        self.parts.append((name, sizes, options))
        return self

    def build(self):
        return {name: list(sizes) or options for name, sizes, options in self.parts}


print(
    Builder()
    .add("conv", 3, 64)
    .add("pool", kernel=2)
    .add(
        "fc",
        *[64, 10],
    )
    .build()
)
print("a.b.c".split(".")[1].upper().lower()[0], [1, 2, 3][1:][0], {"f": [lambda x: x + 1]}["f"][0](1), (lambda: [5])()[0])
table = {"basic": Builder, "none": None}
print(table["basic"]().add("x").parts[0][0], (table.get("none") or Builder)().build())
print([c for c in "hello world".title().replace(" ", "") if c.isupper()])
print(len(str(sum([len(x) for x in ["a", "bb"]]))), sorted(map(str, range(3)), reverse=True)[0])
print(Builder().add.__name__, getattr(Builder(), "add")("y").parts, Builder.build(Builder().add("z", 1)))
