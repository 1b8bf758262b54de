"""Which classifiers of torchvision and timm run from ONNX, and whether they give ONNX Runtime's numbers:
onnx_coverage.py torchvision|timm [--exporter script|dynamo] [names]. Prints the rows of docs/coverage.md.

Each network is drawn at random with statistics of real activations, exported, and run on two images by `convnet run` and by
ONNX Runtime. A row has the largest difference over the RMS, or what convnet says. Set up by bench/setup.sh; CONVNET names
another binary.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnxruntime
import torch

CONVNET = os.environ.get("CONVNET", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../target/release/convnet"))
# What may be wrong, over the RMS of all logits.
TOLERANCE = 1e-4

# Convolutional networks, one of each kind that timm has; no transformers.
TIMM = """
bat_resnext26ts convmixer_768_32 convnext_atto convnext_pico_ols convnextv2_atto cs3darknet_m
cs3edgenet_x cs3sedarknet_l cspdarknet53 cspresnet50 cspresnext50 darknet53 densenet121 densenetblur121d dla34 dla46_c
dla60_res2net dla60x dm_nfnet_f0 dpn68 dpn68b eca_nfnet_l0 ecaresnet26t edgenext_xx_small efficientnet_b0 efficientnet_es
efficientnet_lite0 efficientnetv2_rw_t ese_vovnet19b_dw fbnetc_100 fbnetv3_b focalnet_tiny_srf gcresnet33ts gernet_s
ghostnet_100 ghostnetv2_100 halonet26t hardcorenas_a hgnet_tiny hgnetv2_b0 hrnet_w18_small inception_next_tiny inception_resnet_v2
inception_v3 inception_v4 lambda_resnet26t lcnet_050 legacy_senet154 legacy_seresnet18 legacy_xception levit_128s mixnet_s
mnasnet_100 mobilenetv1_100 mobilenetv2_100 mobilenetv3_large_100 mobilenetv4_conv_small mobileone_s0 nasnetalarge nf_regnet_b0
nf_resnet50 nfnet_l0 pnasnet5large poolformer_s12 poolformerv2_s12 regnetv_040 regnetx_002 regnety_002 regnetz_b16 repghostnet_050
repvgg_a0 res2net50_14w_8s res2next50 resnest14d resnet18 resnet26t resnet50_gn resnetaa50 resnetblur50 resnetv2_50
resnext50_32x4d rexnet_100 rexnetr_100 selecsls42b semnasnet_075 seresnext26t_32x4d skresnet18 spnasnet_100 tf_efficientnetv2_b0
tf_mixnet_s tinynet_e tresnet_m vgg11_bn vovnet39a wide_resnet50_2 xception41
""".split()


def networks(library):
    if library == "timm":
        return TIMM
    import torchvision.models as models

    names = models.list_models(module=models)
    return [name for name in names if not re.match(r"vit_|swin_|maxvit_", name)]


def build(library, name):
    torch.manual_seed(sum(map(ord, name)))
    if library == "timm":
        import timm

        net = timm.create_model(name, pretrained=False)
        size = net.default_cfg["input_size"]
    else:
        import torchvision.models as models

        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        net = models.get_model(name, weights=None, **options)
        size = (3, 299, 299) if name == "inception_v3" else (3, 224, 224)
    return net, size


def drawn(net, images):
    """Scales, shifts and statistics that are not those of the start, and activations that do not vanish."""
    for module in net.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 0.5
            if module.weight is not None:
                module.weight.data.uniform_(0.5, 1.5)
                module.bias.data.normal_(0, 0.1)
    for name, parameter in net.named_parameters():
        # Layer scales start at next to nothing.
        if parameter.abs().max() < 1e-3 and ("gamma" in name or "scale" in name):
            parameter.data.uniform_(0.5, 1.0)
    net.train()
    with torch.no_grad():
        net(images)
    return net.eval()


def export(net, images, path, exporter):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "script":
            torch.onnx.export(net, (images,), path, dynamo=False, opset_version=17, input_names=["x"],
                              dynamic_axes={"x": {0: "N"}})
        else:
            torch.onnx.export(net, (images,), path, dynamo=True, opset_version=18, input_names=["x"], verbose=False,
                              dynamic_shapes=({0: torch.export.Dim("N", min=1, max=64)},))


def row(library, name, exporter, folder):
    net, size = build(library, name)
    net = drawn(net, torch.randn(4, *size))
    images = torch.randn(2, *size)
    x, y, model = (os.path.join(folder, file) for file in ("x.npy", "y.npy", "m.onnx"))
    numpy.save(x, images.numpy())
    try:
        export(net, images, model, exporter)
    except Exception as error:
        return "not exported", str(error).strip().splitlines()[0][:120]
    del net
    done = subprocess.run([CONVNET, "run", model, "--input", x, "--output", y], capture_output=True, text=True)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[0].replace(model, "")
        return "refused", re.sub(r"^error: *:? *", "", said)[:200]
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: images.numpy()})[0].astype(numpy.float64)
    found = numpy.load(y)
    difference = float(numpy.abs(found - expected).max() / numpy.sqrt(numpy.square(expected).mean()))
    return ("runs" if difference <= TOLERANCE else "WRONG"), f"{difference:.1e}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", choices=["torchvision", "timm"])
    parser.add_argument("--exporter", choices=["script", "dynamo"], default="script")
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    counts = {}
    # Where exporters fail they print whole graphs: standard output carries the rows alone.
    rows = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print("| network | exporter | | difference, or why not |\n|---|---|---|---|", file=rows)
    for name in options.names or networks(options.library):
        with tempfile.TemporaryDirectory() as folder:
            outcome, text = row(options.library, name, options.exporter, folder)
        counts[outcome] = counts.get(outcome, 0) + 1
        print(f"| {name} | {options.exporter} | {outcome} | {text} |", file=rows, flush=True)
    print(f"\n{sum(counts.values())} networks: " + ", ".join(f"{count} {what}" for what, count in counts.items()), file=rows)
    sys.exit(bool(counts.get("WRONG")))


if __name__ == "__main__":
    main()
