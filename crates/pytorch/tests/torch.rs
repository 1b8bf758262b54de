//! Texts of PyTorch's vocabulary, beside what PyTorch prints for them (`tools/torch_samples.py` writes it), and what is
//! said of wrong arguments.

use std::path::Path;

use convnet_pytorch::print_of;

#[test]
fn samples_print_what_pytorch_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torch");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "py") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = std::fs::read_to_string(path.with_extension("out")).unwrap();
        let (printed, report) = print_of(&path.display().to_string(), &text);
        assert!(report.is_none(), "{}: {:?}", path.display(), report.map(|report| report.diagnostics));
        for (i, (expected, printed)) in expected.lines().zip(printed.lines()).enumerate() {
            assert_eq!(printed, expected, "{}: line {}", path.display(), i + 1);
        }
        assert_eq!(printed.lines().count(), expected.lines().count(), "{}", path.display());
        count += 1;
    }
    assert!(count >= 4);
}

/// A statement, a part of the message, and a part of its helps and notes.
const WRONG: &[(&str, &str, &str)] = &[
    ("nn.Conv2d(64 / 4, 8, 3)", "in_channels must be an integer, got 16.0 (float)", "write `64 // 4`"),
    ("nn.Conv2d(3, 8.0, 3)", "out_channels must be an integer, got 8.0 (float)", "write 8 without"),
    (
        "nn.Conv2d(3, 8, '3')",
        "kernel_size must be an integer or a pair of them, got '3' (str)",
        "write 3 without quotes",
    ),
    ("nn.Conv2d(3, 8, 3, stride=0)", "stride must be at least 1, got 0", "a stride of 1"),
    (
        "nn.Conv2d(3, 8, 3, padding=-1)",
        "padding must be at least 0, got -1",
        "it is Conv2d(in_channels, out_channels",
    ),
    (
        "nn.Conv2d(6, 8, 3, groups=4)",
        "in_channels must be divisible by groups",
        "groups=2 divides both 6 and 8",
    ),
    ("nn.Conv2d(3, 8, (3, 3, 3))", "got 3 numbers", "Conv2d("),
    ("nn.Conv2d(3, 8, 3, padding='full')", "invalid padding string 'full'", ""),
    ("nn.Conv2d(3, 8, 3, 2, 'same')", "padding='same' is not supported for strided", "padding=(1, 1)"),
    ("nn.Conv2d(3, 8)", "missing 1 required positional argument: 'kernel_size'", "kernel_size"),
    (
        "nn.Conv2d(3, 8, kernal_size=3)",
        "unexpected keyword argument 'kernal_size'",
        "did you mean `kernel_size`?",
    ),
    (
        "nn.Linear(None, 3)",
        "in_features must be an integer, got None",
        "Linear(in_features, out_features, bias=True)",
    ),
    ("nn.Linear(0, 3)", "in_features must be at least 1, got 0", ""),
    ("nn.Dropout(50)", "dropout probability has to be between 0 and 1, but got 50", "p=0.5"),
    ("nn.Sequential(nn.ReLU)", "is not a Module subclass", "`ReLU()`"),
    ("nn.Sequential([nn.ReLU()])", "is not a Module subclass", "`Sequential(*layers)`"),
    ("nn.Sequential(F.relu)", "is not a Module subclass", "`nn.ReLU()` for `F.relu`"),
    ("nn.Sequential({'a': nn.ReLU()})", "is not a Module subclass", "OrderedDict"),
    ("nn.ModuleList(nn.ReLU())", "object is not iterable", "ModuleList([layer, layer])"),
    ("nn.ReLU()(3)", "relu", ""),
    ("nn.Conv2D(3, 8, 3)", "no attribute 'Conv2D'", "did you mean `Conv2d`?"),
    ("nn.LSTM(3, 8)(torch.randn(1, 3))", "convnet has no `nn.LSTM`", ""),
    ("nn.init.kaiming_normal_(nn.Conv2d(1, 1, 1).bias)", "fewer than 2 dimensions", "weights of Conv2d"),
    ("nn.init.constant_(nn.Conv2d(1, 1, 1, bias=False).bias, 0)", "got None", "is not None"),
    ("nn.MaxPool2d(0)", "kernel_size must be at least 1", ""),
    ("nn.Sequential(nn.ReLU())[3]", "index 3 is out of range", "it has 1 layers"),
    ("A()", "cannot assign module before Module.__init__() call", "super().__init__()"),
    ("B()(1)", "missing the required \"forward\" function", "is `foward` meant"),
    ("C()(1)", "forward of `C` returns nothing", "`return x` is missing"),
];

#[test]
fn wrong_arguments_are_told() {
    let start = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n\
                 class A(nn.Module):\n    def __init__(self):\n        self.c = nn.ReLU()\n\
                 class B(nn.Module):\n    def foward(self, x):\n        return x\n\
                 class C(nn.Module):\n    def forward(self, x):\n        x = x + 1\n";
    let mut faults = Vec::new();
    for (statement, message, told) in WRONG {
        let (_, report) = print_of("net.py", &format!("{start}{statement}\n"));
        let Some(report) = report else {
            faults.push(format!("{statement}: no error"));
            continue;
        };
        let first = &report.diagnostics[0];
        let all = [first.notes.join("\n"), first.helps.join("\n")].join("\n");
        if !first.message.contains(message) || !all.contains(told) {
            faults.push(format!("{statement}: {}\n{all}", first.message));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}
