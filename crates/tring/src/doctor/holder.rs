//! Which program has a port, by what Linux tells under `/proc`.

use std::fs;

/// A program that has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// The name of the program.
    pub(super) name: String,
    /// The process id.
    pub(super) pid: u32,
}

/// Who has this port; none if nobody does or it cannot be seen: other users' programs are visible to root alone.
pub(super) fn of(udp: bool, port: u16) -> Option<Holder> {
    let tables = if udp { ["udp", "udp6"] } else { ["tcp", "tcp6"] };
    let inodes: Vec<String> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(format!("/proc/net/{table}")).ok())
        .flat_map(|text| inodes(&text, udp, port))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    for (pid, path) in processes.filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path()))) {
        let files = fs::read_dir(path.join("fd")).into_iter().flatten().flatten();
        let has = files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|link| inodes.iter().any(|inode| link.to_str() == Some(&format!("socket:[{inode}]"))));
        if has {
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default().trim().to_owned();
            return Some(Holder { name, pid });
        }
    }
    None
}

/// The inodes of sockets on this port, from a table of `/proc/net`: for TCP those that listen.
fn inodes(table: &str, udp: bool, port: u16) -> Vec<String> {
    const LISTENING: &str = "0A";
    let wanted = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| {
        row.get(1).is_some_and(|local| local.ends_with(&wanted))
            && (udp || row.get(3).is_some_and(|state| *state == LISTENING))
    })
    .filter_map(|row| row.get(9).map(|inode| (*inode).to_owned()))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_gives_the_inodes_of_a_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 00000000:1E14 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41234 2 0 0\n\
             1: 0100007F:1E15 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41235 2 0 0\n";
        assert_eq!(inodes(table, true, 7700), ["41234"]);
        assert_eq!(inodes(table, false, 7700), [""; 0]);
        assert_eq!(inodes(table, false, 7701), ["41235"]);
        assert_eq!(inodes("", true, 7700), [""; 0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_port_of_this_process_is_found_to_be_its_own() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let holder = of(true, socket.local_addr().unwrap().port()).unwrap();
        assert_eq!(holder.pid, std::process::id());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(of(false, listener.local_addr().unwrap().port()).unwrap().pid, std::process::id());
    }
}
