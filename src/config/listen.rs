//! Listening addresses, as people write them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::fault::Fault;

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
