//! Losses: their values are not followed, since a network does not depend on them.

use super::Functions;

macro_rules! losses {
    ($($name:literal),+ $(,)?) => {
        vec![$(($name, |interp, _| Ok(interp.opaque(concat!("torch.nn.functional.", $name))))),+]
    };
}

pub(super) fn functions() -> Functions {
    losses![
        "cross_entropy",
        "nll_loss",
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "kl_div",
        "hinge_embedding_loss",
        "margin_ranking_loss",
        "cosine_embedding_loss",
        "triplet_margin_loss",
        "multi_margin_loss",
    ]
}
