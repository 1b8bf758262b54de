class Module:
    def __init__(self):
        self.children = {}

    def add(self, name, value):
        setattr(self, name, value)
        self.children[name] = value


m = Module()
for i in range(3):
    m.add(f"layer{i + 1}", i * 10)
print([getattr(m, f"layer{i}") for i in range(1, 4)], m.layer2, list(m.children), hasattr(m, "layer4"), hasattr(m, "add"))
print(getattr(m, "layer9", None), getattr(m, "add").__name__, m.__dict__ == vars(m), list(vars(m)))
m.__dict__["direct"] = 5
print(m.direct, "direct" in m.__dict__, [k for k in m.__dict__ if k.startswith("layer")])
name = "layer1"
exec_free = {"layer1": lambda: "called"}
print(exec_free[name](), eval("1 + 2") if False else 3)
m.method = lambda x: x * 2
print(m.method(4))
Module.shared = "class"
print(m.shared, Module().shared, "shared" in vars(m))
m.shared = "own"
del m.shared
print(m.shared, getattr(Module, "shared"), hasattr(Module, "nothing"))
for attribute in ("layer1", "missing"):
    print(attribute, getattr(m, attribute, "default"))
print(sorted(a for a in dir(m) if not a.startswith("_")))
