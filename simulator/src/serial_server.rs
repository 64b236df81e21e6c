//! A transparent serial server: a slot's line over TCP, raw bytes both ways at the line's own rate, one client at a time. The rate of
//! the line is the server's and no client changes it.

use std::{io, net::SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use crate::port::MemorySocket;

/// Listens for slot number `slot` (counted from 1): the first on the port of `first`, each other one port further. Port 0 is any free
/// one for each.
///
/// # Errors
/// What the operating system says; and where there is no such port.
pub async fn listen(first: SocketAddr, slot: u16) -> io::Result<TcpListener> {
    let mut address = first;
    if address.port() != 0 {
        let beyond = || io::Error::new(io::ErrorKind::InvalidInput, "there is no port beyond 65535");
        let port = slot.checked_sub(1).and_then(|further| address.port().checked_add(further));
        address.set_port(port.ok_or_else(beyond)?);
    }
    TcpListener::bind(address).await
}

/// Serves one client after the other; the next one waits until the one before it has left.
///
/// # Errors
/// Where no more clients can be taken.
pub async fn serve(listener: TcpListener, socket: MemorySocket) -> io::Result<()> {
    loop {
        let (client, from) = listener.accept().await?;
        tracing::debug!(%from, "a client of the line");
        if let Err(error) = carry(client, &socket).await {
            tracing::info!(%from, %error, "a client of the line went");
        }
    }
}

async fn carry(mut client: TcpStream, socket: &MemorySocket) -> io::Result<()> {
    // A frame is small and nothing follows it: it must not wait to be joined with more.
    client.set_nodelay(true)?;
    let mut line = socket.connect();
    copy_bidirectional(&mut client, &mut line.stream).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_slot_listens_one_port_further_than_the_one_before_it() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut pairs = 0;
        // Somebody else may have the port next to a free one.
        for _ in 0..50 {
            let first = listen(any, 1).await.unwrap().local_addr().unwrap();
            let Ok(second) = listen(first, 2).await else { continue };
            assert_eq!(second.local_addr().unwrap().port(), first.port() + 1);
            pairs += 1;
        }
        assert!(pairs > 0);
        let refused = listen(SocketAddr::from(([127, 0, 0, 1], 65_535)), 2).await.unwrap_err();
        assert!(refused.to_string().contains("65535"), "{refused}");
    }
}
