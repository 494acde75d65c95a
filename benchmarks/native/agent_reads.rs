//! What the agent reads of all processes and sockets: a stand-in to measure against. It needs the
//! standard library only: `rustc -O agent_reads.rs`.
//!
//!     agent_reads once    every file and link that an agent reads, once
//!     agent_reads agent   what the agent 6.5 reads for its list of sockets, as often as it does
//!
//! Both list the processes, read the files of each, all links in its `fd`, and the socket tables of
//! each network namespace, give each connection its process, its role and the age of its link, and
//! print how much they found. They have no rules and send nothing.
//!
//! `once` reads `stat`, `status`, `cmdline`, `cgroup`, the links `exe`, `ns/net` and `root`, and each
//! link in `fd`: what the agents of both dialects need.
//!
//! `agent` makes the system calls of agent/src/platform/platform_synchronizer/linux_process.rs and
//! linux_socket.rs of DeepFlow v6.5 with its procfs 0.14. It reads neither `status` nor `exe`, but
//! lists all processes twice, reads `stat` twice, looks up all entries of `ns`, twice, and the
//! target of each link in `fd`, and reads the TCP tables twice. The agent does most of this once
//! more for its list of processes.

use std::collections::{HashMap, HashSet};
use std::env;
use std::ffi::{c_char, c_int, c_uint, CStr, CString};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::process::exit;
use std::time::{SystemTime, UNIX_EPOCH};

const AT_FDCWD: c_int = -100;
const AT_SYMLINK_NOFOLLOW: c_int = 0x100;
const AT_EMPTY_PATH: c_int = 0x1000;
const O_CLOEXEC: c_int = 0o2000000;
const O_PATH: c_int = 0o10000000;
const STATX_BASIC_STATS: c_uint = 0x7ff;

extern "C" {
    fn openat(directory: c_int, path: *const c_char, flags: c_int, ...) -> c_int;
    fn readlinkat(directory: c_int, path: *const c_char, buffer: *mut u8, size: usize) -> isize;
    fn statx(
        directory: c_int,
        path: *const c_char,
        flags: c_int,
        mask: c_uint,
        to: *mut Statx,
    ) -> c_int;
}

/// struct statx of the kernel, which is the same on all architectures.
#[repr(C, align(8))]
struct Statx {
    bytes: [u8; 256],
}

impl Statx {
    fn uid(&self) -> u32 {
        u32::from_ne_bytes(self.bytes[20..24].try_into().unwrap())
    }
    fn inode(&self) -> u64 {
        u64::from_ne_bytes(self.bytes[32..40].try_into().unwrap())
    }
    fn changed_s(&self) -> i64 {
        i64::from_ne_bytes(self.bytes[96..104].try_into().unwrap())
    }
}

fn open_at(directory: c_int, path: &CStr, flags: c_int) -> io::Result<OwnedFd> {
    match unsafe { openat(directory, path.as_ptr(), flags | O_CLOEXEC) } {
        -1 => Err(io::Error::last_os_error()),
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
    }
}

fn stat_at(directory: c_int, path: &CStr, flags: c_int) -> io::Result<Statx> {
    let mut found = Statx { bytes: [0; 256] };
    match unsafe { statx(directory, path.as_ptr(), flags, STATX_BASIC_STATS, &mut found) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(found),
    }
}

fn link_at(directory: c_int, path: &CStr) -> io::Result<String> {
    let mut buffer = vec![0u8; 256];
    match unsafe { readlinkat(directory, path.as_ptr(), buffer.as_mut_ptr(), buffer.len()) } {
        -1 => Err(io::Error::last_os_error()),
        size => {
            buffer.truncate(size as usize);
            Ok(String::from_utf8_lossy(&buffer).into_owned())
        }
    }
}

/// An opened folder of a process.
struct Process {
    pid: i32,
    fd: OwnedFd,
    often: bool,
}

impl Process {
    fn open(pid: i32, often: bool) -> io::Result<Process> {
        let path = CString::new(format!("/proc/{pid}")).unwrap();
        Ok(Process { pid, fd: open_at(AT_FDCWD, &path, O_PATH)?, often })
    }

    fn all() -> io::Result<Vec<i32>> {
        Ok(fs::read_dir("/proc")?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect())
    }

    fn text(&self, name: &CStr) -> io::Result<String> {
        let mut file = File::from(open_at(self.fd.as_raw_fd(), name, 0)?);
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text)
    }

    fn namespaces(&self) -> io::Result<HashMap<String, u64>> {
        let folder = open_at(self.fd.as_raw_fd(), c"ns", 0)?;
        let mut found = HashMap::new();
        for entry in fs::read_dir(format!("/proc/{}/ns", self.pid))? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            let path = CString::new(name.as_str())?;
            found.insert(name, stat_at(folder.as_raw_fd(), &path, 0)?.inode());
        }
        Ok(found)
    }

    fn netns(&self) -> io::Result<u64> {
        if self.often {
            return Ok(self.namespaces()?.get("net").copied().unwrap_or(0));
        }
        Ok(stat_at(self.fd.as_raw_fd(), c"ns/net", 0)?.inode())
    }

    /// The descriptors that are sockets, with their inodes.
    fn sockets(&self) -> io::Result<Vec<(i32, u64)>> {
        let folder = open_at(self.fd.as_raw_fd(), c"fd", 0)?;
        let mut found = vec![];
        for entry in fs::read_dir(format!("/proc/{}/fd", self.pid))? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            let path = CString::new(name.as_str())?;
            let Ok(target) = link_at(folder.as_raw_fd(), &path) else { continue };
            if self.often && stat_at(folder.as_raw_fd(), &path, 0).is_err() {
                continue;
            }
            let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            if let (Ok(fd), Some(Ok(inode))) = (name.parse(), inode.map(str::parse)) {
                found.push((fd, inode));
            }
        }
        Ok(found)
    }

    fn net_table(&self, name: &CStr) -> io::Result<Vec<Row>> {
        let file = File::from(open_at(self.fd.as_raw_fd(), name, 0)?);
        let lines = BufReader::new(file).lines().skip(1);
        lines.map(|line| Row::parse(&line?).ok_or(io::ErrorKind::InvalidData.into())).collect()
    }
}

/// One row of a socket table.
struct Row {
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
    inode: u64,
}

const ESTABLISHED: u8 = 1;
const LISTEN: u8 = 10;

impl Row {
    fn parse(line: &str) -> Option<Row> {
        let mut fields = line.split_whitespace();
        fields.next()?;
        let local = address(fields.next()?)?;
        let remote = address(fields.next()?)?;
        let state = u8::from_str_radix(fields.next()?, 16).ok()?;
        let inode = fields.nth(5)?.parse().ok()?;
        Some(Row { local, remote, state, inode })
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let words: Option<Vec<u32>> = (0..ip.len() / 8)
        .map(|nth| u32::from_str_radix(&ip[nth * 8..nth * 8 + 8], 16).ok())
        .collect();
    let bytes: Vec<u8> = words?.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let ip = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// The agent knows IPv4 only, and IPv6 that stands for it.
fn ipv4(address: SocketAddr) -> Option<(Ipv4Addr, u16)> {
    match address.ip() {
        IpAddr::V4(ip) => Some((ip, address.port())),
        IpAddr::V6(ip) => Ipv6Addr::to_ipv4_mapped(&ip).map(|ip| (ip, address.port())),
    }
}

/// What the agent keeps of a process.
#[derive(Clone)]
#[allow(dead_code)]
struct ProcessData {
    name: String,
    process_name: String,
    comm: String,
    exe: String,
    arguments: Vec<String>,
    ppid: u64,
    start_s: u64,
    uid: u32,
    user: String,
    netns: u64,
    container: String,
}

fn data(process: &Process, boot_s: u64) -> Option<ProcessData> {
    let arguments: Vec<String> = process
        .text(c"cmdline")
        .ok()?
        .split('\0')
        .filter(|piece| !piece.is_empty())
        .map(str::to_string)
        .collect();
    let uid = stat_at(process.fd.as_raw_fd(), c"", AT_EMPTY_PATH).ok()?.uid();
    let name = Path::new(arguments.first()?).file_name()?.to_string_lossy().into_owned();
    let stat = process.text(c"stat").ok()?;
    let again = if process.often { process.text(c"stat").ok() } else { None };
    let (mut comm, mut exe) = (String::new(), String::new());
    if !process.often {
        let status = process.text(c"status").ok()?;
        comm = status.lines().next()?.split(':').nth(1)?.trim().to_string();
        exe = link_at(process.fd.as_raw_fd(), c"exe").unwrap_or_default();
    }
    let ticks = stat_field(again.as_ref().unwrap_or(&stat), 19).unwrap_or(0);
    Some(ProcessData {
        name: name.clone(),
        process_name: name,
        comm,
        exe,
        arguments,
        ppid: stat_field(&stat, 1).unwrap_or(0),
        start_s: boot_s + ticks / 100,
        uid,
        user: String::new(),
        netns: process.netns().ok()?,
        container: container(&process.text(c"cgroup").unwrap_or_default()),
    })
}

/// A field after the name of the program, counted from the state, which is field 0.
fn stat_field(text: &str, number: usize) -> Option<u64> {
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(number)?.parse().ok()
}

fn container(cgroups: &str) -> String {
    let path = cgroups
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let wanted = ["", "pids", "cpuset", "devices", "memory", "cpu"];
            controllers.split(',').any(|one| wanted.contains(&one)).then_some(path)
        })
        .next()
        .unwrap_or("");
    let last = path.rsplit('/').next().unwrap_or("");
    if last.len() == 64 {
        last.to_string()
    } else {
        String::new()
    }
}

fn boot_s() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("btime "));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

fn set_user(pid: i32, data: &mut ProcessData, users: &mut HashMap<u64, HashMap<u32, String>>) {
    let root = CString::new(format!("/proc/{pid}/root")).unwrap();
    let Ok(found) = stat_at(AT_FDCWD, &root, 0) else { return };
    let names = users.entry(found.inode()).or_insert_with(|| {
        let text = fs::read_to_string(format!("/proc/{pid}/root/etc/passwd")).unwrap_or_default();
        let entry = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_string();
            Some((fields.nth(1)?.parse().ok()?, name))
        };
        text.lines().filter_map(entry).collect()
    });
    data.user = names.get(&data.uid).cloned().unwrap_or_default();
}

fn main() -> io::Result<()> {
    let often = match env::args().nth(1).as_deref() {
        Some("once") => false,
        Some("agent") => true,
        _ => {
            eprintln!("usage: agent_reads once|agent");
            exit(2);
        }
    };
    let boot_s = boot_s();
    let mut known = HashMap::new();
    if often {
        for pid in Process::all()? {
            let Ok(process) = Process::open(pid, often) else { continue };
            if let Some(data) = data(&process, boot_s) {
                known.insert(pid, data);
            }
        }
    }
    let mut users = HashMap::new();
    let mut owners = HashMap::new();
    let mut namespaces: HashMap<u64, u16> = HashMap::new();
    let mut listening_anywhere = HashSet::new();
    let mut listening = HashSet::new();
    let (mut tcp, mut udp) = (vec![], vec![]);
    let mut processes = vec![];
    for pid in Process::all()? {
        let Ok(process) = Process::open(pid, often) else { continue };
        let found = if often { known.get(&pid).cloned() } else { data(&process, boot_s) };
        let Some(mut data) = found else { continue };
        set_user(pid, &mut data, &mut users);
        let netns = if often { process.netns().unwrap_or(0) } else { data.netns };
        processes.push(data);
        let Ok(sockets) = process.sockets() else { continue };
        for (fd, inode) in sockets {
            owners.insert(inode, (pid, fd));
        }
        let index = namespaces.len() as u16;
        if namespaces.insert(netns, index).is_some() {
            continue;
        }
        for (tcp_table, udp_table) in [(c"net/tcp", c"net/udp"), (c"net/tcp6", c"net/udp6")] {
            let Ok(tcp_rows) = process.net_table(tcp_table) else { continue };
            for row in tcp_rows.iter().filter(|row| row.state == LISTEN) {
                if row.local.ip().is_unspecified() {
                    listening_anywhere.insert((row.local.port(), netns));
                } else if let Some(local) = ipv4(row.local) {
                    listening.insert(local);
                }
            }
            let again =
                if often { process.net_table(tcp_table).unwrap_or_default() } else { tcp_rows };
            let Ok(udp_rows) = process.net_table(udp_table) else { continue };
            tcp.push((again, netns));
            udp.push((udp_rows, netns));
        }
    }
    let mut connections = vec![];
    let mut servers = 0;
    for (rows, netns) in tcp {
        for row in rows.iter().filter(|row| row.state == ESTABLISHED) {
            let Some((pid, fd)) = owners.get(&row.inode) else { continue };
            let Ok(age_s) = socket_age_s(*pid, *fd) else { continue };
            let (Some(local), Some(remote)) = (ipv4(row.local), ipv4(row.remote)) else { continue };
            let server =
                listening_anywhere.contains(&(local.1, netns)) || listening.contains(&local);
            servers += server as usize;
            connections.push((*pid, local, remote, server, netns, age_s));
        }
    }
    for (rows, netns) in udp {
        for row in rows.iter().filter(|row| !row.remote.ip().is_unspecified()) {
            let Some((pid, fd)) = owners.get(&row.inode) else { continue };
            let Ok(age_s) = socket_age_s(*pid, *fd) else { continue };
            let (Some(local), Some(remote)) = (ipv4(row.local), ipv4(row.remote)) else { continue };
            connections.push((*pid, local, remote, false, netns, age_s));
        }
    }
    println!(
        "{} processes, {} network namespaces, {} ends of connections, {} of servers",
        processes.len(),
        namespaces.len(),
        connections.len(),
        servers
    );
    Ok(())
}

fn socket_age_s(pid: i32, fd: i32) -> io::Result<u64> {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let path = CString::new(format!("/proc/{pid}/fd/{fd}"))?;
    let since = stat_at(AT_FDCWD, &path, AT_SYMLINK_NOFOLLOW)?.changed_s();
    Ok(now_s.saturating_sub(since as u64))
}
