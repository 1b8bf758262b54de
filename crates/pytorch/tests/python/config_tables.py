"""Networks' tables as people write them."""
cfgs = {
    "VGG11": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "VGG13": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
}


def make_layers(cfg, batch_norm=False):
    layers, cin = [], 3
    for v in cfg:
        if v == "M":
            layers += [("pool", 2)]
        else:
            conv = ("conv", cin, v)
            layers += [conv, ("bn", v), "relu"] if batch_norm else [conv, "relu"]
            cin = v
    return layers


for name, cfg in sorted(cfgs.items()):
    print("%-8s %3d %3d" % (name, len(make_layers(cfg)), len(make_layers(cfg, batch_norm=True))))

setting = [
    # t, c, n, s
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
]
cin = 32
for t, c, n, s in setting:
    for i in range(n):
        stride = s if i == 0 else 1
        print(cin, "->", c, "stride", stride, "expand", t, "residual", stride == 1 and cin == c)
        cin = c
strides = [2] + [1] * 3
print(strides, [1] + [2] * 2, list(zip(strides, range(4))))
growth, channels = 12, 24
for i, n in enumerate((6, 12)):
    channels += n * growth
    if i != 1:
        channels = int(channels * 0.5)
print(channels, (100 - 4) // 6, (20 - 2) % 6 == 0)
depth = 110
assert (depth - 2) % 6 == 0, "depth should be 6n+2"
n = (depth - 2) // 6
print(n, [16 * 2 ** i for i in range(3)], sum([3, 4, 6, 3]) * 3 + 2)
