//! Listening addresses, as people write them.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use super::fault::Fault;
use crate::rollout::socket_path::{SOCKET_PATH_BYTES_MAX, SocketPath, UNIX};

/// One address: `ip:port`, `[ipv6]:port`, `localhost:port`, `:port` or a port alone, which means all addresses.
pub(super) fn parse_one(text: &str) -> Result<SocketAddr, Fault> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port: u16 = port.parse().map_err(|_| format!("`{text}` is not an address with a port"))?;
    match host {
        "" | "*" => Ok((IpAddr::V4(Ipv4Addr::UNSPECIFIED), port).into()),
        "localhost" => Ok((IpAddr::V4(Ipv4Addr::LOCALHOST), port).into()),
        name => {
            Err(format!("`{name}` is not an IP address; names other than `localhost` are not resolved here")
                .into())
        }
    }
}

/// Several addresses separated by commas, each once, at least one.
pub(super) fn parse_many(text: &str) -> Result<Vec<SocketAddr>, Fault> {
    let addresses = text.split(',').map(parse_one).collect::<Result<Vec<_>, _>>()?;
    for (index, address) in addresses.iter().enumerate() {
        if address.port() != 0 && addresses[..index].contains(address) {
            return Err(format!("`{address}` is given twice").into());
        }
    }
    Ok(addresses)
}

/// Where the front listens.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Front {
    pub(super) addresses: Vec<SocketAddr>,
    /// Sockets in the file system.
    pub(super) files: Vec<PathBuf>,
}

/// Addresses and files (`unix:/path`), separated by commas, each once, at least one.
pub(super) fn parse_front(text: &str) -> Result<Front, Fault> {
    let is_file = |text: &&str| text.starts_with(UNIX);
    let (files, addresses): (Vec<&str>, Vec<&str>) = text.split(',').map(str::trim).partition(is_file);
    let files = files.into_iter().map(parse_file).collect::<Result<Vec<_>, _>>()?;
    if let Some(twice) = files.iter().enumerate().find(|(at, file)| files[..*at].contains(file)) {
        return Err(format!("`{UNIX}{}` is given twice", twice.1.display()).into());
    }
    let only_files = addresses.is_empty() && !files.is_empty();
    let addresses = if only_files { Vec::new() } else { parse_many(&addresses.join(","))? };
    Ok(Front { addresses, files })
}

fn parse_file(text: &str) -> Result<PathBuf, Fault> {
    let path = Path::new(text.strip_prefix(UNIX).unwrap_or(text));
    if !path.is_absolute() || path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        let what =
            format!("`{text}` is not `{UNIX}` and an absolute path of at most {SOCKET_PATH_BYTES_MAX} bytes");
        return Err(what.into());
    }
    Ok(path.to_owned())
}

/// Folders that endpoints' sockets may be in, separated by commas.
pub(super) fn socket_folders(text: &str) -> Result<Vec<SocketPath>, Fault> {
    let folder = |text: &str| {
        let what = || {
            format!(
                "`{text}` is not the absolute path of a folder, in letters, digits and `._+@=~-`, without `.`, `..`, an empty part or \
                 a `/` at its end"
            )
        };
        text.parse::<SocketPath>().map_err(|_| Fault::from(what()))
    };
    text.split(',').map(str::trim).map(folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let read = |text| parse_one(text).unwrap().to_string();
        assert_eq!(read("80"), "0.0.0.0:80");
        assert_eq!(read(":8080"), "0.0.0.0:8080");
        assert_eq!(read("localhost:9"), "127.0.0.1:9");
        assert_eq!(read("[::]:80"), "[::]:80");
        assert_eq!(parse_many("80, [::1]:80").unwrap().len(), 2);
    }

    #[test]
    fn files_stand_among_addresses() {
        let front = parse_front("unix:/run/a.sock, 80, unix:/run/b.sock").unwrap();
        assert_eq!(front.addresses, ["0.0.0.0:80".parse().unwrap()]);
        assert_eq!(front.files, ["/run/a.sock", "/run/b.sock"].map(PathBuf::from));
        let front = parse_front("unix:/run/a.sock").unwrap();
        assert_eq!((front.addresses.len(), front.files.len()), (0, 1));
        let long = format!("unix:/{}", "x".repeat(107));
        for wrong in ["unix:run/a.sock", "unix:", "unix:/a,", "unix:/a,unix:/a", "", &long, "unix:/a,80,80"] {
            assert!(parse_front(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn says_which_part_is_wrong() {
        assert!(
            parse_many("80,example.org:80")
                .unwrap_err()
                .to_string()
                .contains("`example.org` is not an IP address")
        );
        assert!(parse_many("80,99999").unwrap_err().to_string().contains("`99999`"));
        assert!(parse_many("80,").unwrap_err().to_string().contains("``"));
        assert!(parse_many("80,0.0.0.0:80").unwrap_err().to_string().contains("twice"));
        assert!(parse_many("0.0.0.0:0,0.0.0.0:0").is_ok(), "port 0 asks for any free one, each time another");
    }
}
