//! Port 0 in an address means "any free one"; links must name the one it became.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// The address with a port that was free a moment ago in place of port 0; any other as it is.
///
/// # Errors
/// When the address is not one of this machine's.
pub(crate) fn settle(address: SocketAddr) -> io::Result<SocketAddr> {
    if address.port() != 0 {
        return Ok(address);
    }
    TcpListener::bind(address)?.local_addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_0_becomes_one_that_can_be_listened_on() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let free = settle(any).unwrap();
        assert_ne!(free.port(), 0);
        TcpListener::bind(free).unwrap();
        assert_eq!(settle(free).unwrap(), free);
    }
}
