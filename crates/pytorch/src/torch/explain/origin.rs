//! Places that matter for an error: where a layer was made, where what arrives comes from.

use crate::interp::Interp;
use crate::source::Span;
use crate::torch::TapeId;
use crate::value::Instance;

impl Interp {
    /// The layer of PyTorch's that is being called, if one is.
    fn layer(&self) -> Option<&Instance> {
        let module = &self.frame.as_ref()?.module;
        let is_layer = module.class.mro.borrow().iter().any(|class| {
            class.module.starts_with("torch.nn.modules.")
                && !matches!(&*class.module, "torch.nn.modules.module" | "torch.nn.modules.container")
        });
        is_layer.then_some(module)
    }

    /// Where an argument of the layer that is being called stands.
    pub(in crate::torch) fn layer_argument(&self, name: &str) -> Option<Span> {
        let arguments = self.layer()?.arguments.borrow();
        arguments.iter().find(|(known, _)| **known == *name).map(|&(_, span)| span)
    }

    /// Where the layer that is being called was made.
    pub(in crate::torch) fn layer_made(&self) -> Option<Span> {
        self.layer()?.made.get()
    }

    /// The class of the layer that is being called.
    pub(in crate::torch) fn layer_name(&self) -> Option<String> {
        self.layer().map(|layer| layer.class.name.to_string())
    }

    /// The class of PyTorch's that the layer is which is being called, or that its class derives from.
    pub(in crate::torch) fn layer_kind(&self) -> Option<String> {
        let mro = self.layer()?.class.mro.borrow();
        mro.iter()
            .find(|class| class.module.starts_with("torch.nn.modules."))
            .map(|class| class.name.to_string())
    }

    /// Where a value was made, and what is written there.
    pub(in crate::torch) fn origin(&self, id: TapeId) -> Option<(Span, String)> {
        let step = self.tape.step(id);
        let here = self.site();
        let told = self.told(id);
        if let Some(&site) = step.sites.first()
            && site != here
        {
            return Some((site, format!("{told} comes from here")));
        }
        let made = step.frame.as_ref()?.module.made.get()?;
        (made != here && Some(made) != self.layer_made()).then(|| (made, format!("this gives {told}")))
    }
}
