//! What memory the machine has to give.

use std::fs;
use std::path::Path;

/// Bytes that this process may still take without driving others out, where the system tells (Linux): what the kernel
/// calls available, or less where a control group's limit leaves less.
pub(crate) fn available_memory() -> Option<usize> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let least = left_in_groups(Path::new("/sys/fs/cgroup"), &groups).chain(available_in(&meminfo)).min()?;
    Some(usize::try_from(least).unwrap_or(usize::MAX))
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The names of a control group's files: its limit, what is in use, and of that what could be dropped.
struct Files {
    limit: &'static str,
    usage: &'static str,
    droppable: &'static str,
}

const VERSION_1: Files = Files {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    droppable: "total_inactive_file",
};
const VERSION_2: Files = Files { limit: "memory.max", usage: "memory.current", droppable: "inactive_file" };

/// What the limits of a process's control groups leave, those of the groups around them included. `groups` is its
/// `/proc/self/cgroup`: lines of `number:controllers:path`.
fn left_in_groups(root: &Path, groups: &str) -> impl Iterator<Item = u64> {
    groups.lines().flat_map(move |line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let (root, files) = match controllers {
            "" => (root.to_owned(), VERSION_2),
            _ if controllers.split(',').any(|name| name == "memory") => (root.join("memory"), VERSION_1),
            _ => return Vec::new(),
        };
        // In a container the path may be the host's, of which the root alone is there.
        let group = root.join(path.trim_start_matches('/'));
        group.ancestors().take_while(|at| at.starts_with(&root)).filter_map(|at| left(at, &files)).collect()
    })
}

/// What a control group's own limit leaves; `None` where it has none.
fn left(group: &Path, files: &Files) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let (limit, usage) = (number(files.limit)?, number(files.usage)?);
    let stat = read("memory.stat").unwrap_or_default();
    let droppable =
        stat.lines().find_map(|line| line.split_once(' ').filter(|(name, _)| *name == files.droppable));
    let droppable = droppable.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0);
    Some(limit.saturating_sub(usage.saturating_sub(droppable)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(group: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(group).unwrap();
        files.iter().for_each(|(name, text)| fs::write(group.join(name), text).unwrap());
    }

    #[test]
    fn available_memory_is_a_line_in_kibibytes() {
        let meminfo =
            "MemTotal:       24684096 kB\nMemFree:         4341716 kB\nMemAvailable:   24064784 kB\n";
        assert_eq!(available_in(meminfo), Some(24_064_784 << 10));
        assert_eq!(available_in("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn a_group_leaves_its_limit_less_what_is_used_and_cannot_be_dropped() {
        let root = tempfile::tempdir().unwrap();
        let outer = [("memory.max", "1000\n"), ("memory.current", "600\n")];
        write(&root.path().join("a"), &outer);
        let stat = "anon 50\ninactive_file 300\nactive_file 9\n";
        let inner = [("memory.max", "max\n"), ("memory.current", "500\n"), ("memory.stat", stat)];
        write(&root.path().join("a/b"), &inner);
        let left = |groups: &str| left_in_groups(root.path(), groups).collect::<Vec<_>>();
        assert_eq!(left("0::/a/b\n"), [400], "the group around it has the limit");
        write(&root.path().join("a/b"), &[("memory.max", "700\n")]);
        assert_eq!(left("0::/a/b\n"), [500, 400]);
        assert_eq!(left("0::/not/there\n12:cpu,cpuacct:/a\n"), [0u64; 0]);
        let old = [("memory.limit_in_bytes", "100"), ("memory.usage_in_bytes", "120"), ("memory.stat", "")];
        write(&root.path().join("memory"), &old);
        assert_eq!(left("4:memory:/of/the/host\n"), [0], "the root stands for a path that is not there");
    }
}
