use std::path::PathBuf;

use convnet::data::CacheKind;
use convnet::train::RecipePatch;

use super::given;
use crate::args::whole;
use crate::error::Failure;

/// What is kept of images, and what becomes of those that are damaged.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Images")]
pub(in crate::commands::train) struct Images {
    /// Keep decoded images in memory, in a file on the disk, or nowhere (memory, disk, none); what does not fit is decoded
    /// whenever it is asked for [default: memory]
    #[arg(long, value_name = "PLACE")]
    cache: Option<CacheKind>,

    /// Folder of the files of `--cache disk` [default: images in $CONVNET_CACHE]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,

    /// The most bytes that are kept [default: 2 GiB of memory, 32 GiB of the disk]
    #[arg(long, value_name = "BYTES", value_parser = whole)]
    cache_limit: Option<u64>,

    /// Name images that cannot be decoded and leave them out, instead of stopping
    #[arg(long)]
    skip_corrupt: bool,
}

impl Images {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "cache.kind", self.cache)?;
        given(patch, "cache.dir", self.cache_dir.as_ref())?;
        given(patch, "cache.limit", self.cache_limit)?;
        given(patch, "skip_corrupt", self.skip_corrupt.then_some(true))
    }
}
