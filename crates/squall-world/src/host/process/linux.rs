//! What only Linux can do. Elsewhere the end of a process is looked for now and then, and children
//! that left their group are not found.

use std::os::fd::OwnedFd;

use rustix::process::Pid;

/// Something that becomes readable once the process has ended.
#[cfg(target_os = "linux")]
pub(super) fn handle(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn handle(_: Pid) -> Option<OwnedFd> {
    None
}

/// All processes but this one whose environment holds `entry`, a `NAME=value`.
#[cfg(target_os = "linux")]
pub(super) fn marked(entry: &str) -> Vec<Pid> {
    let Ok(folders) = std::fs::read_dir("/proc") else { return Vec::new() };
    let me = rustix::process::getpid();
    let number = |folder: std::fs::DirEntry| -> Option<Pid> {
        Pid::from_raw(folder.file_name().to_str()?.parse().ok()?)
    };
    let is_marked = |pid: &Pid| {
        // What ended in the meantime, or belongs to somebody else, is not ours.
        let path = format!("/proc/{}/environ", pid.as_raw_nonzero());
        let environment = std::fs::read(path).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|known| known == entry.as_bytes())
    };
    folders.flatten().filter_map(number).filter(|&pid| pid != me).filter(is_marked).collect()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn marked(_: &str) -> Vec<Pid> {
    Vec::new()
}
