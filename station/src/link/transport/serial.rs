//! A serial port of this machine, named best by the place that its adapter is plugged into.

use super::Transport;
use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_serial::{ClearBuffer, SerialPort as _, SerialStream};

/// Where Linux (udev's rules) names the ports by their place: links to `/dev/ttyUSB0` and its like, whose number is the
/// order of plugging.
const BY_PLACE: &str = "/dev/serial/by-path";

/// An open port, 8N1 without flow control.
pub(in crate::link) struct SerialPort(SerialStream);

/// Opens it at `baud` bits per second for this process alone. The name may be a link: it is followed now, so that a port
/// named by its place is found again under whatever number its adapter has got since.
///
/// # Errors
/// What the system says.
pub(in crate::link) fn open(device: &str, baud: u32) -> Result<SerialPort, tokio_serial::Error> {
    let builder = tokio_serial::new(device, baud);
    let stream = SerialStream::open(&builder)?;
    // What the last board said before we came is not for us.
    stream.clear(ClearBuffer::All)?;
    advise(device, Path::new(BY_PLACE));
    Ok(SerialPort(stream))
}

/// Says how a port is better named that goes by the order of plugging.
fn advise(device: &str, by_place: &Path) {
    let places = places_of(Path::new(device), by_place);
    if let Some(place) = places.first() {
        tracing::info!(
            device,
            place = %place.display(),
            "the port's name goes by the order of plugging; name it by its place, so that it stays this one when adapters are plugged anew"
        );
    }
}

/// The links in `by_place` that lead to that device, in the order of their names; none for a device that is named by such a link.
fn places_of(device: &Path, by_place: &Path) -> Vec<PathBuf> {
    if device.starts_with(by_place) {
        return Vec::new();
    }
    let (Ok(target), Ok(links)) = (device.canonicalize(), std::fs::read_dir(by_place)) else {
        return Vec::new();
    };
    let mut places: Vec<PathBuf> = links
        .filter_map(|link| link.ok().map(|link| link.path()))
        .filter(|link| link.canonicalize().is_ok_and(|led| led == target))
        .collect();
    places.sort_unstable();
    places
}

impl Transport for SerialPort {
    fn sets_baud(&self) -> bool {
        true
    }

    fn set_baud(&mut self, baud: u32) -> io::Result<()> {
        Ok(self.0.set_baud_rate(baud)?)
    }

    fn discard_output(&mut self) {
        // A port that cannot do it only sends a few bytes too many, which the loader's dialogue bears.
        let _ = self.0.clear(ClearBuffer::Output);
    }
}

impl AsyncRead for SerialPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for SerialPort {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    // Never asked for: the line keeps flushes to itself.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::link::Line;
    use std::os::unix::fs::symlink;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// A pty as a plugged adapter: the far end, and the device that the adapter has got.
    fn adapter() -> (SerialStream, SerialStream, PathBuf) {
        let (far, held) = SerialStream::pair().unwrap();
        let device = PathBuf::from(held.name().unwrap());
        (far, held, device)
    }

    #[tokio::test]
    async fn a_port_that_comes_back_under_another_number_is_found_at_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("pci-0000:00:14.0-usb-0:1.1:1.0-port0");
        let named = place.to_str().unwrap();
        let (far, held, device) = adapter();
        symlink(&device, &place).unwrap();
        let mut line = Line::open(named, 115_200).unwrap();
        // Pulled: the far end hangs up, and the link goes.
        drop((far, held));
        std::fs::remove_file(&place).unwrap();
        let wait = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
        let gone = line.receive(&mut [0; 16], wait).await.unwrap_err();
        assert_eq!(gone.code, domain::text::FaultCode::PortVanished);
        let missing = Line::open(named, 115_200).unwrap_err();
        assert_eq!(missing.code, domain::text::FaultCode::PortNotOpened);
        // Another adapter takes the old number, ours comes back under a new one while the dead line is still held.
        let (_other_far, _other_held, _other) = adapter();
        let (mut far, _held, renamed) = adapter();
        assert_ne!(renamed, device);
        symlink(&renamed, &place).unwrap();
        let mut again = Line::open(named, 115_200).unwrap();
        far.write_all(b"here").await.unwrap();
        let mut heard = [0; 4];
        again.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"here");
    }

    #[tokio::test]
    async fn a_port_named_by_its_number_is_told_its_place_and_one_named_by_its_place_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (_far, _held, device) = adapter();
        let (_other_far, _other_held, other) = adapter();
        let place = folder.path().join("pci-1");
        symlink(&device, &place).unwrap();
        symlink(&other, folder.path().join("pci-0")).unwrap();
        symlink("/nowhere/at/all", folder.path().join("pci-2")).unwrap();
        assert_eq!(places_of(&device, folder.path()), std::slice::from_ref(&place));
        assert!(places_of(&place, folder.path()).is_empty());
        assert!(places_of(&device, &folder.path().join("none")).is_empty());
    }
}
