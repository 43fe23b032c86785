//! Reads `/proc`.

use std::fs;

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// The first 15 bytes of its program's name.
    pub name: String,
    /// When it started, in clock ticks since the machine did. Ids are used again; with this they are unique.
    pub started: u64,
    state: char,
}

impl Process {
    /// Whether it has ended and only waits to be collected.
    #[must_use]
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    /// Whether it was stopped and waits to be continued.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state == 'T'
    }
}

/// All processes that can be seen.
pub(super) fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(read).collect()
}

/// The running children of a process.
#[must_use]
pub fn children(parent: u32) -> Vec<Process> {
    all().into_iter().filter(|process| process.parent == parent && !process.is_zombie()).collect()
}

/// The running children of a process, their children, and so on.
#[must_use]
pub fn descendants(ancestor: u32) -> Vec<Process> {
    let all = all();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            parents.push(process.pid);
            found.push(process.clone());
        }
    }
    found.retain(|process| !process.is_zombie());
    found
}

/// The running members of a process group.
#[must_use]
pub fn group_members(group: u32) -> Vec<Process> {
    all().into_iter().filter(|process| process.group == group && !process.is_zombie()).collect()
}

/// One process; `None` when there is none of this id.
#[must_use]
pub fn process(pid: u32) -> Option<Process> {
    read(pid)
}

/// A process may end at any time: then there is nothing to read.
fn read(pid: u32) -> Option<Process> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The line is `pid (name) state parent group …`, and the name may contain anything, parentheses too.
fn parse(pid: u32, stat: &str) -> Option<Process> {
    let (head, rest) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    // The 22nd field of the line, and the 17th after the group.
    let started = fields.nth(16)?.parse().ok()?;
    Some(Process { pid, parent, group, name: name.to_owned(), started, state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_contain_anything() {
        let process = parse(7, "7 (a) b (c)) S 1 42 42 0 -1 4194560 9 0 0 0 1 2 0 0 20 0 1 0 98765 1000").unwrap();
        assert_eq!((process.parent, process.group, process.name.as_str()), (1, 42, "a) b (c)"));
        assert_eq!(process.started, 98765);
        assert!(!process.is_zombie());
        assert_eq!(parse(7, "nonsense"), None);
    }

    #[test]
    fn this_process_is_seen() {
        let own = std::process::id();
        assert!(all().iter().any(|process| process.pid == own && !process.is_zombie()));
    }
}
