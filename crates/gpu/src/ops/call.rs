//! Arguments and grids of launches.

use crate::kernels::Family;
use crate::list::{Argument, KernelLaunch, List};
use crate::view::{Bytes, Format, Vector, View, Words};

/// The most blocks of a walk over elements: some sixteen for each multiprocessor of a large card.
const BLOCKS: usize = 2112;

/// A launch being put together.
pub(super) struct Call {
    launch: KernelLaunch,
}

impl Call {
    /// A call of a kernel that walks over the vectors of views of one size.
    pub(super) fn walk(family: Family, kernel: &str, vectors: usize) -> Self {
        Self::grid(family, kernel, [vectors.div_ceil(256).clamp(1, BLOCKS), 1, 1], 256)
    }

    /// A call of a kernel with a grid of its own.
    pub(super) fn grid(family: Family, kernel: &str, grid: [usize; 3], threads: u32) -> Self {
        let grid = grid.map(|side| u32::try_from(side).expect("a grid of fewer than 2³² blocks"));
        Self { launch: KernelLaunch { family, name: kernel.into(), grid, threads, arguments: Vec::new() } }
    }

    fn push(mut self, argument: Argument) -> Self {
        self.launch.arguments.push(argument);
        self
    }

    /// An argument as it is.
    pub(super) fn raw(self, argument: Argument) -> Self {
        self.push(argument)
    }

    /// A view's address and stride.
    pub(super) fn view(self, view: View) -> Self {
        self.push(Argument::Memory(view.at)).int(view.stride)
    }

    /// The same, or no address.
    pub(super) fn maybe_view(self, view: Option<View>) -> Self {
        match view {
            Some(view) => self.view(view),
            None => self.push(Argument::Null).int(0),
        }
    }

    /// A range's address.
    pub(super) fn vector(self, vector: Vector) -> Self {
        self.push(Argument::Memory(vector.at))
    }

    /// The same, or no address.
    pub(super) fn maybe_vector(self, vector: Option<Vector>) -> Self {
        self.push(vector.map_or(Argument::Null, |vector| Argument::Memory(vector.at)))
    }

    /// A range's address.
    pub(super) fn bytes(self, bytes: Bytes) -> Self {
        self.push(Argument::Memory(bytes.at))
    }

    /// The same, or no address.
    pub(super) fn maybe_bytes(self, bytes: Option<Bytes>) -> Self {
        self.push(bytes.map_or(Argument::Null, |bytes| Argument::Memory(bytes.at)))
    }

    /// A range's address.
    pub(super) fn words(self, words: Words) -> Self {
        self.push(Argument::Memory(words.at))
    }

    /// A size, which the views' checks keep below 2³².
    pub(super) fn int(self, value: usize) -> Self {
        let value = u32::try_from(value).expect("a size below 2³²");
        self.push(Argument::Int(value.cast_signed()))
    }

    /// A flag.
    pub(super) fn flag(self, value: bool) -> Self {
        self.push(Argument::Int(i32::from(value)))
    }

    /// A number.
    pub(super) fn float(self, value: f32) -> Self {
        self.push(Argument::Float(value))
    }

    /// The launch.
    pub(super) fn launch(self) -> KernelLaunch {
        self.launch
    }

    /// Adds the launch to a list.
    pub(super) fn add(self, list: &mut List) {
        list.kernel(self.launch);
    }
}

/// Views of one size as a kernel walks over them: rows without gaps are one row.
pub(super) struct Walk<const N: usize> {
    pub(super) views: [View; N],
    /// Whether elements go by vectors.
    pub(super) wide: bool,
}

impl<const N: usize> Walk<N> {
    /// A walk by pixels and channels, where the kernel needs to know the channel.
    pub(super) fn by_channel(views: [View; N]) -> Self {
        Self { views, wide: views.iter().all(|view| view.is_wide()) }
    }

    /// A walk over elements.
    pub(super) fn over(views: [View; N]) -> Self {
        let dense = views.iter().all(|view| view.is_dense());
        let one = |view: View| View::dense(view.at, 1, view.pixels * view.channels, view.format);
        Self::by_channel(if dense { views.map(one) } else { views })
    }

    /// The kernel for the views' format.
    pub(super) fn kernel(&self, name: &str, format: Format) -> String {
        suffixed(name, format.name(), self.wide)
    }

    /// Vectors of the first view in this format's lanes.
    pub(super) fn vectors(&self, format: Format) -> usize {
        let count = self.views[0].pixels * self.views[0].channels;
        if self.wide { count / format.lanes() } else { count }
    }
}

/// A kernel's name for a format, by vectors or not.
pub(super) fn suffixed(name: &str, format: &str, wide: bool) -> String {
    format!("{name}_{format}{}", if wide { "_wide" } else { "" })
}

/// # Panics
/// If the views differ in format.
pub(super) fn one_format(views: &[View]) -> Format {
    let format = views[0].format;
    assert!(views.iter().all(|view| view.format == format), "views of one format: {views:?}");
    format
}
