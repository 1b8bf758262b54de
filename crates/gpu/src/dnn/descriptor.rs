//! cuDNN's descriptors, with setters and getters typed as its header says.

use std::ffi::{c_int, c_void};

use crate::Error;
use crate::load::cudnn::Cudnn;

/// A kind of descriptor.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Pointwise = 0,
    Convolution = 1,
    Engine = 2,
    EngineConfiguration = 3,
    Heuristics = 4,
    Plan = 5,
    KnobChoice = 7,
    Forward = 10,
    WeightGradient = 11,
    InputGradient = 12,
    PointwiseOperation = 13,
    Graph = 15,
    VariantPack = 16,
    Tensor = 17,
}

/// An attribute and the type of its elements.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attribute {
    PointwiseMode,
    PointwisePrecision,
    ConvolutionType,
    ConvolutionMode,
    ConvolutionDilations,
    ConvolutionStrides,
    ConvolutionPost,
    ConvolutionPre,
    ConvolutionDimensions,
    HeuristicsMode,
    HeuristicsGraph,
    HeuristicsResults,
    ConfigurationEngine,
    ConfigurationKnobs,
    PlanHandle,
    PlanConfiguration,
    PlanWorkspace,
    KnobKind,
    KnobValue,
    /// Of an operation, by its number.
    Operand(c_int),
    /// A factor of an operation, by its number.
    Factor(c_int),
    GraphHandle,
    GraphOperations,
    TensorAlignment,
    TensorType,
    TensorDimensions,
    TensorStrides,
    TensorId,
    TensorVirtual,
    PackIds,
    PackPointers,
    PackWorkspace,
    EngineGraph,
    EngineIndex,
    EngineNotes,
}

/// The types of elements that cuDNN tells apart.
mod element {
    use std::ffi::c_int;

    pub(super) const HANDLE: c_int = 0;
    pub(super) const DATA_TYPE: c_int = 1;
    pub(super) const BOOLEAN: c_int = 2;
    pub(super) const INT64: c_int = 3;
    pub(super) const FLOAT: c_int = 4;
    pub(super) const POINTER: c_int = 6;
    pub(super) const CONVOLUTION_MODE: c_int = 7;
    pub(super) const HEURISTICS_MODE: c_int = 8;
    pub(super) const KNOB: c_int = 9;
    pub(super) const NOTE: c_int = 11;
    pub(super) const POINTWISE_MODE: c_int = 14;
    pub(super) const DESCRIPTOR: c_int = 15;
}

impl Attribute {
    /// Its number, and its elements' type.
    fn numbers(self) -> (c_int, c_int) {
        use element::*;
        match self {
            Self::PointwiseMode => (0, POINTWISE_MODE),
            Self::PointwisePrecision => (1, DATA_TYPE),
            Self::ConvolutionType => (100, DATA_TYPE),
            Self::ConvolutionMode => (101, CONVOLUTION_MODE),
            Self::ConvolutionDilations => (102, INT64),
            Self::ConvolutionStrides => (103, INT64),
            Self::ConvolutionPost => (104, INT64),
            Self::ConvolutionPre => (105, INT64),
            Self::ConvolutionDimensions => (106, INT64),
            Self::HeuristicsMode => (200, HEURISTICS_MODE),
            Self::HeuristicsGraph => (201, DESCRIPTOR),
            Self::HeuristicsResults => (202, DESCRIPTOR),
            Self::ConfigurationEngine => (300, DESCRIPTOR),
            Self::ConfigurationKnobs => (302, DESCRIPTOR),
            Self::PlanHandle => (400, HANDLE),
            Self::PlanConfiguration => (401, DESCRIPTOR),
            Self::PlanWorkspace => (402, INT64),
            Self::KnobKind => (600, KNOB),
            Self::KnobValue => (601, INT64),
            Self::Operand(number) => (number, DESCRIPTOR),
            Self::Factor(number) => (number, FLOAT),
            Self::GraphHandle => (800, HANDLE),
            Self::GraphOperations => (801, DESCRIPTOR),
            Self::TensorAlignment => (900, INT64),
            Self::TensorType => (901, DATA_TYPE),
            Self::TensorDimensions => (902, INT64),
            Self::TensorStrides => (903, INT64),
            Self::TensorId => (906, INT64),
            Self::TensorVirtual => (907, BOOLEAN),
            Self::PackIds => (1000, INT64),
            Self::PackPointers => (1001, POINTER),
            Self::PackWorkspace => (1003, POINTER),
            Self::EngineGraph => (1300, DESCRIPTOR),
            Self::EngineIndex => (1301, INT64),
            Self::EngineNotes => (1303, NOTE),
        }
    }

    fn size(self) -> usize {
        match self.numbers().1 {
            element::HANDLE | element::POINTER | element::DESCRIPTOR | element::INT64 => 8,
            element::BOOLEAN => 1,
            _ => 4,
        }
    }
}

/// A descriptor, destroyed when it is dropped.
pub(super) struct Descriptor {
    cudnn: &'static Cudnn,
    pointer: *mut c_void,
}

// SAFETY: a descriptor belongs to no thread; cuDNN asks only that none be used by two at once, which takes `&mut` or a
// finalized descriptor, which is only read.
unsafe impl Send for Descriptor {}
// SAFETY: shared descriptors are finalized, and cuDNN reads those without changing them.
unsafe impl Sync for Descriptor {}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the descriptor was created and is used no more; its failure changes nothing.
        unsafe { (self.cudnn.destroy_descriptor)(self.pointer) };
    }
}

impl Descriptor {
    pub(super) fn new(cudnn: &'static Cudnn, kind: Kind) -> Result<Self, Error> {
        let mut pointer = std::ptr::null_mut();
        // SAFETY: the function writes one pointer.
        let code = unsafe { (cudnn.create_descriptor)(kind as c_int, &raw mut pointer) };
        cudnn.check(&format!("cudnnBackendCreateDescriptor {kind:?}"), code)?;
        Ok(Self { cudnn, pointer })
    }

    pub(super) fn pointer(&self) -> *mut c_void {
        self.pointer
    }

    fn set<T>(self, attribute: Attribute, values: &[T]) -> Result<Self, Error> {
        assert_eq!(size_of::<T>(), attribute.size(), "elements of {attribute:?}");
        let (name, kind) = attribute.numbers();
        let (count, pointer) = (values.len() as i64, values.as_ptr().cast());
        // SAFETY: as many elements of the attribute's type as said; cuDNN copies them.
        let code = unsafe { (self.cudnn.set_attribute)(self.pointer, name, kind, count, pointer) };
        self.cudnn.check(&format!("cudnnBackendSetAttribute {attribute:?}"), code)?;
        Ok(self)
    }

    pub(super) fn integers(self, attribute: Attribute, values: &[i64]) -> Result<Self, Error> {
        self.set(attribute, values)
    }

    /// A number of an enumeration.
    pub(super) fn choice(self, attribute: Attribute, value: c_int) -> Result<Self, Error> {
        self.set(attribute, &[value])
    }

    pub(super) fn number(self, attribute: Attribute, value: f32) -> Result<Self, Error> {
        self.set(attribute, &[value])
    }

    pub(super) fn flag(self, attribute: Attribute, value: bool) -> Result<Self, Error> {
        self.set(attribute, &[value])
    }

    pub(super) fn descriptors(self, attribute: Attribute, values: &[&Self]) -> Result<Self, Error> {
        let pointers: Vec<*mut c_void> = values.iter().map(|value| value.pointer).collect();
        self.set(attribute, &pointers)
    }

    /// A handle of cuDNN, or addresses on the device.
    pub(super) fn pointers(self, attribute: Attribute, values: &[*mut c_void]) -> Result<Self, Error> {
        self.set(attribute, values)
    }

    pub(super) fn finalize(self) -> Result<Self, Error> {
        // SAFETY: the descriptor lives.
        let code = unsafe { (self.cudnn.finalize)(self.pointer) };
        self.cudnn.check("cudnnBackendFinalize", code)?;
        Ok(self)
    }

    fn get<T: Clone>(&self, attribute: Attribute, values: &mut Vec<T>) -> Result<(), Error> {
        assert_eq!(size_of::<T>(), attribute.size(), "elements of {attribute:?}");
        let (name, kind) = attribute.numbers();
        let (room, mut count) = (values.len(), 0i64);
        let target = values.as_mut_ptr().cast();
        // SAFETY: room for as many elements of the attribute's type as said.
        let code = unsafe {
            (self.cudnn.get_attribute)(self.pointer, name, kind, room as i64, &raw mut count, target)
        };
        self.cudnn.check(&format!("cudnnBackendGetAttribute {attribute:?}"), code)?;
        values.truncate(usize::try_from(count).unwrap_or(0).min(room));
        Ok(())
    }

    pub(super) fn integer(&self, attribute: Attribute) -> Result<i64, Error> {
        let mut values = vec![0i64];
        self.get(attribute, &mut values)?;
        Ok(values.first().copied().unwrap_or(0))
    }

    /// Numbers of an enumeration, up to `room`.
    pub(super) fn choices(&self, attribute: Attribute, room: usize) -> Result<Vec<c_int>, Error> {
        let mut values = vec![0; room];
        self.get(attribute, &mut values)?;
        Ok(values)
    }

    /// Fills descriptors that were created for it, and keeps those that were.
    pub(super) fn fill(&self, attribute: Attribute, mut descriptors: Vec<Self>) -> Result<Vec<Self>, Error> {
        let mut pointers: Vec<*mut c_void> =
            descriptors.iter().map(|descriptor| descriptor.pointer).collect();
        self.get(attribute, &mut pointers)?;
        descriptors.truncate(pointers.len());
        Ok(descriptors)
    }
}
