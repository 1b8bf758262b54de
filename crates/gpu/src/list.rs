//! The list of launches: a step of a network as plain data, before any device sees it.

use std::fmt;

use crate::dnn::Convolution;
use crate::kernels::Family;
use crate::linear::Product;
use crate::view::{Bytes, Format, Vector, View, Words};

/// What a launch waits for: launches of one lane run one after another, those of two side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The main lane.
    #[default]
    Main,
    /// The lane of weight gradients, between a fork and a join.
    Side,
}

impl Lane {
    /// Both lanes.
    pub const ALL: [Self; 2] = [Self::Main, Self::Side];

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Main => 0,
            Self::Side => 1,
        }
    }
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument {
    /// The address of a byte of memory.
    Memory(usize),
    /// The address of a byte of the lane's scratch.
    Scratch(usize),
    /// The address of the lane's counters, which are zero between launches.
    Counters,
    /// The address of a word of the list's constants.
    Constants(usize),
    /// No address.
    Null,
    /// An integer of 32 bits.
    Int(i32),
    /// An unsigned integer of 64 bits.
    Long(u64),
    /// A number.
    Float(f32),
}

/// A kernel, its grid and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelLaunch {
    /// The source that holds it.
    pub family: Family,
    /// Its name there.
    pub name: String,
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block.
    pub threads: u32,
    /// Its arguments, in order.
    pub arguments: Vec<Argument>,
}

/// What a launch does.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// One of our kernels.
    Kernel(KernelLaunch),
    /// A convolution by cuDNN.
    Convolution(Box<Convolution>),
    /// A matrix product by cuBLAS.
    Product(Product),
    /// The side lane waits for what the main one was given so far.
    Fork,
    /// The main lane waits for what the side one was given so far.
    Join,
}

/// A piece of work in a lane.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The lane that runs it.
    pub lane: Lane,
    /// What it does.
    pub work: Work,
}

/// Counters of a lane.
pub const COUNTERS: usize = 2048;

/// Launches over one block of memory, in order.
///
/// Operations are methods that check their views against the block and one another and add launches; nothing runs until a
/// device binds the list. Addresses are bytes from the block's start.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    memory: usize,
    lane: Lane,
    forked: bool,
    launches: Vec<Launch>,
    constants: Vec<u32>,
    scratch: [usize; 2],
}

impl List {
    /// An empty list over a block of so many bytes.
    pub fn new(memory: usize) -> Self {
        let (lane, forked) = (Lane::Main, false);
        Self { memory, lane, forked, launches: Vec::new(), constants: Vec::new(), scratch: [0; 2] }
    }

    /// Bytes of the block.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The launches so far.
    pub fn launches(&self) -> &[Launch] {
        &self.launches
    }

    /// Words that kernels read: windows of poolings, what elements along an axis are made of, orders of elements.
    pub fn constants(&self) -> &[u32] {
        &self.constants
    }

    /// Bytes of scratch that the launches of a lane share, without the workspaces of libraries.
    pub fn scratch(&self, lane: Lane) -> usize {
        self.scratch[lane.index()]
    }

    /// The lane of the launches that follow. The side lane opens with [`List::fork`].
    ///
    /// # Panics
    /// If it is the side lane and nothing was forked since the last join.
    pub fn on(&mut self, lane: Lane) {
        assert!(lane == Lane::Main || self.forked, "a fork before the side lane is used");
        self.lane = lane;
    }

    /// From here on the side lane may read what was launched before. Until the join, what one lane writes the other must not
    /// touch: whoever makes the list sees to that.
    pub fn fork(&mut self) {
        self.forked = true;
        self.launches.push(Launch { lane: Lane::Main, work: Work::Fork });
    }

    /// The main lane goes on when the side lane is done. A list that forked must join before it ends.
    ///
    /// # Panics
    /// If nothing was forked.
    pub fn join(&mut self) {
        assert!(self.forked, "a fork before a join");
        self.forked = false;
        self.lane = Lane::Main;
        self.launches.push(Launch { lane: Lane::Main, work: Work::Join });
    }

    /// Whether the side lane has work that the main one did not wait for.
    pub fn is_open(&self) -> bool {
        self.forked
    }

    pub(crate) fn push(&mut self, work: Work) {
        self.launches.push(Launch { lane: self.lane, work });
    }

    /// What the last launch does.
    pub(crate) fn last(&mut self) -> Option<&mut Work> {
        self.launches.last_mut().map(|launch| &mut launch.work)
    }

    pub(crate) fn kernel(&mut self, launch: KernelLaunch) {
        self.push(Work::Kernel(launch));
    }

    /// Reserves scratch for one operation; the next one reuses it.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        let scratch = &mut self.scratch[self.lane.index()];
        *scratch = (*scratch).max(bytes);
    }

    /// Keeps words for kernels to read; equal ones are kept once.
    pub(crate) fn keep(&mut self, words: &[u32]) -> Argument {
        let found = self.constants.windows(words.len().max(1)).position(|window| window == words);
        Argument::Constants(found.unwrap_or_else(|| {
            self.constants.extend_from_slice(words);
            self.constants.len() - words.len()
        }))
    }

    fn check_range(&self, at: usize, bytes: usize, align: usize, what: &dyn fmt::Debug) {
        let inside = at.checked_add(bytes).is_some_and(|end| end <= self.memory);
        assert!(inside, "{what:?} reaches beyond a block of {} bytes", self.memory);
        assert!(at.is_multiple_of(align), "{what:?} starts between elements");
    }

    /// # Panics
    /// If the view reaches beyond the block, starts between elements, or is too large for 32-bit indices.
    pub(crate) fn check(&self, view: View) {
        self.check_range(view.at, view.bytes(), view.format.size(), &view);
        let count = view.pixels.checked_mul(view.channels).filter(|&n| n < 1 << 32);
        assert!(count.is_some() && view.stride < 1 << 31, "{view:?} has 2³² elements or more");
    }

    /// # Panics
    /// If a view does not fit the block, or they differ in pixels or channels.
    pub(crate) fn check_alike(&self, first: View, others: &[View]) {
        self.check(first);
        for &view in others {
            self.check(view);
            assert_eq!((view.pixels, view.channels), (first.pixels, first.channels), "views of one size");
        }
    }

    /// # Panics
    /// If the range does not fit the block or is shorter than `len`.
    pub(crate) fn check_vector(&self, vector: Vector, len: usize) {
        self.check_range(vector.at, vector.len * vector.format.size(), vector.format.size(), &vector);
        assert!(vector.len >= len && vector.len < 1 << 32, "{vector:?} of {len} elements");
    }

    /// # Panics
    /// If the range does not fit the block, is shorter than `len`, or is not single precision.
    pub(crate) fn check_floats(&self, vector: Vector, len: usize) {
        self.check_vector(vector, len);
        assert_eq!(vector.format, Format::F32, "{vector:?} in single precision");
    }

    /// # Panics
    /// If the range does not fit the block or has another length.
    pub(crate) fn check_bytes(&self, bytes: Bytes, len: usize) {
        self.check_range(bytes.at, bytes.len, 1, &bytes);
        assert_eq!(bytes.len, len, "length of {bytes:?}");
    }

    /// # Panics
    /// If the range does not fit the block or has another length.
    pub(crate) fn check_words(&self, words: Words, len: usize) {
        self.check_range(words.at, words.len * 4, 4, &words);
        assert_eq!(words.len, len, "length of {words:?}");
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(at) => write!(f, "@{at}"),
            Self::Scratch(at) => write!(f, "scratch+{at}"),
            Self::Counters => write!(f, "counters"),
            Self::Constants(at) => write!(f, "constants+{at}"),
            Self::Null => write!(f, "-"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Long(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
        }
    }
}

impl fmt::Display for KernelLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.grid;
        write!(f, "{} {x}", self.name)?;
        for side in [y, z].into_iter().take(if z > 1 { 2 } else { usize::from(y > 1) }) {
            write!(f, "x{side}")?;
        }
        write!(f, "·{} (", self.threads)?;
        for (i, argument) in self.arguments.iter().enumerate() {
            write!(f, "{}{argument}", if i > 0 { ", " } else { "" })?;
        }
        write!(f, ")")
    }
}

impl fmt::Display for List {
    /// A line a launch, those of the side lane indented.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for launch in &self.launches {
            if launch.lane == Lane::Side {
                write!(f, "    ")?;
            }
            match &launch.work {
                Work::Kernel(kernel) => writeln!(f, "{kernel}")?,
                Work::Convolution(convolution) => writeln!(f, "{convolution}")?,
                Work::Product(product) => writeln!(f, "{product}")?,
                Work::Fork => writeln!(f, "fork")?,
                Work::Join => writeln!(f, "join")?,
            }
        }
        let [main, side] = self.scratch;
        write!(f, "memory {}, scratch {main} + {side}, constants {}", self.memory, self.constants.len() * 4)
    }
}
