//! The service's own keys, one file each under `DIR/keys`, readable by nobody else. They are never in the database.

use crate::clock;
use anyhow::Context as _;
use crypto_box::SecretKey;
use ed25519_dalek::{Signer as _, SigningKey};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// All of them.
pub struct Keys {
    release: SigningKey,
    sealing: SecretKey,
    placeholder: [u8; 32],
    #[expect(
        dead_code,
        reason = "made with the others, so that one backup holds every key; secrets of the API will use it"
    )]
    storage: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Reads the keys in `folder`, making what is missing.
    ///
    /// # Errors
    /// A file that can't be read or written, or holds no key.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("can't make the folder for keys {}", folder.display()))?;
        Ok(Self {
            release: SigningKey::from_bytes(&key(folder, "release")?),
            sealing: SecretKey::from(key(folder, "sealing")?),
            storage: key(folder, "storage")?,
            placeholder: key(folder, "placeholder")?,
        })
    }

    /// New keys that are nowhere kept: for tests.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self {
            release: SigningKey::from_bytes(&clock::random_bytes()),
            sealing: SecretKey::from(clock::random_bytes::<32>()),
            storage: clock::random_bytes(),
            placeholder: clock::random_bytes(),
        }
    }

    /// Signature over `bytes`, base16.
    #[must_use]
    pub fn sign_release(&self, bytes: &[u8]) -> String {
        hex::encode(self.release.sign(bytes).to_bytes())
    }

    /// Ed25519 public key, base16.
    #[must_use]
    pub fn release_public(&self) -> String {
        hex::encode(self.release.verifying_key().to_bytes())
    }

    /// X25519 public key, base16.
    #[must_use]
    pub fn sealing_public(&self) -> String {
        hex::encode(self.sealing.public_key().as_bytes())
    }

    /// HMAC key of placeholders, base16.
    #[must_use]
    pub fn placeholder_hex(&self) -> String {
        hex::encode(self.placeholder)
    }

    /// Opens a sealed box.
    #[must_use]
    pub fn unseal(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        self.sealing.unseal(sealed).ok()
    }
}

fn key(folder: &Path, name: &str) -> anyhow::Result<[u8; 32]> {
    let path = folder.join(format!("{name}.key"));
    match fs::read_to_string(&path) {
        Ok(text) => {
            let bytes = hex::decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            bytes.with_context(|| {
                format!("{} holds no key (64 hex digits); put it back from your backup", path.display())
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let bytes = clock::random_bytes();
            // Written aside and renamed: a start cut short leaves no half key.
            let half = folder.join(format!("{name}.key.new"));
            let _ = fs::remove_file(&half);
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&half)
                .with_context(|| format!("can't write {}", half.display()))?;
            file.write_all(hex::encode(bytes).as_bytes())
                .and_then(|()| file.sync_all())
                .and_then(|()| fs::rename(&half, &path))
                .with_context(|| format!("can't write {}", path.display()))?;
            Ok(bytes)
        }
        Err(error) => Err(error).with_context(|| format!("can't read the key {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_the_same_and_nobody_else_reads_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::open(&folder.path().join("keys")).unwrap();
        let second = Keys::open(&folder.path().join("keys")).unwrap();
        assert_eq!(first.release_public(), second.release_public());
        let mode = fs::metadata(folder.path().join("keys/sealing.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(first.sealing_public(), Keys::ephemeral().sealing_public());
    }
}
