//! The service's own keys, one file each under `DIR/keys`, readable by nobody else. They are never in the database.

use crate::clock;
use anyhow::Context as _;
use crypto_box::SecretKey;
use domain::ids::StationId;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
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
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Reads the keys in `folder`.
    ///
    /// # Errors
    /// A file that can't be read or written, or holds no key; one that is missing where the database was worked with it.
    pub fn open(folder: &Path, missing: Missing) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("can't make the folder for keys {}", folder.display()))?;
        Ok(Self {
            release: SigningKey::from_bytes(&key(folder, "release", missing)?),
            sealing: SecretKey::from(key(folder, "sealing", missing)?),
            placeholder: key(folder, "placeholder", missing)?,
        })
    }

    /// New keys that are nowhere kept: for tests.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self {
            release: SigningKey::from_bytes(&clock::random_bytes()),
            sealing: SecretKey::from(clock::random_bytes::<32>()),
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

    /// HMAC key of one station's placeholders, base16. Each station has its own: a stolen jig PC tries the passwords of no
    /// other.
    #[must_use]
    pub fn placeholder_of(&self, station: StationId) -> String {
        // HMAC fills a short key up to a block with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.placeholder);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(b"jigline placeholder ");
        mac.update(station.0.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// Opens a sealed box.
    #[must_use]
    pub fn unseal(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        self.sealing.unseal(sealed).ok()
    }
}

/// What becomes of a key that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The database is new: nothing was signed or sealed yet.
    Make,
    /// Stations, releases and passwords rest on the old one: a new key would part them from it without a word.
    Refuse,
}

fn key(folder: &Path, name: &str, missing: Missing) -> anyhow::Result<[u8; 32]> {
    let path = folder.join(format!("{name}.key"));
    match fs::read_to_string(&path) {
        Ok(text) => {
            let bytes = hex::decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            bytes.with_context(|| {
                format!("{} holds no key (64 hex digits); put it back from your backup", path.display())
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && missing == Missing::Refuse => {
            anyhow::bail!(
                "the key {} is missing, but the database holds stations or releases that rest on it; put the folder {} back \
                 from your backup (or name the right folder with --data) and start again",
                path.display(),
                folder.display()
            )
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
        let first = Keys::open(&folder.path().join("keys"), Missing::Make).unwrap();
        let second = Keys::open(&folder.path().join("keys"), Missing::Make).unwrap();
        assert_eq!(first.release_public(), second.release_public());
        let mode = fs::metadata(folder.path().join("keys/sealing.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(first.sealing_public(), Keys::ephemeral().sealing_public());
    }

    #[test]
    fn a_lost_key_of_a_database_in_use_is_named_and_never_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        Keys::open(folder.path(), Missing::Make).unwrap();
        Keys::open(folder.path(), Missing::Refuse).unwrap();
        let lost = folder.path().join("sealing.key");
        fs::remove_file(&lost).unwrap();
        let said = Keys::open(folder.path(), Missing::Refuse).unwrap_err().to_string();
        assert!(said.contains("sealing.key") && said.contains("backup"), "{said}");
        assert!(!lost.exists());
    }

    #[test]
    fn every_station_has_a_placeholder_key_of_its_own() {
        let keys = Keys::ephemeral();
        let (one, two) = (StationId(uuid::Uuid::from_u128(1)), StationId(uuid::Uuid::from_u128(2)));
        assert_eq!(keys.placeholder_of(one), keys.placeholder_of(one));
        assert_ne!(keys.placeholder_of(one), keys.placeholder_of(two));
        assert_ne!(keys.placeholder_of(one), hex::encode(keys.placeholder));
        assert_eq!(keys.placeholder_of(one).len(), 64);
    }
}
