//! Where fetched files are kept.

use std::ffi::OsString;
use std::path::PathBuf;

/// `$CONVNET_CACHE`, else `convnet` in `$XDG_CACHE_HOME` or in `~/.cache`.
pub(super) fn folder() -> Option<PathBuf> {
    from(|name| std::env::var_os(name))
}

fn from(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    path("CONVNET_CACHE")
        .or_else(|| path("XDG_CACHE_HOME").map(|cache| cache.join("convnet")))
        .or_else(|| path("HOME").or_else(|| path("USERPROFILE")).map(|home| home.join(".cache/convnet")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_setting_counts() {
        let with = |set: &[(&str, &str)]| {
            from(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        let (home, xdg) = (("HOME", "/h"), ("XDG_CACHE_HOME", "/x"));
        assert_eq!(with(&[home, xdg, ("CONVNET_CACHE", "/c")]), Some("/c".into()));
        assert_eq!(with(&[home, xdg, ("CONVNET_CACHE", "")]), Some("/x/convnet".into()));
        assert_eq!(with(&[home]), Some("/h/.cache/convnet".into()));
        assert_eq!(with(&[]), None);
    }
}
