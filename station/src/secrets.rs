//! A unit's own password: drawn, sealed twice (to this station, to the server) and named by a placeholder. The plain text lives in
//! a [`Secret`] between the journal and the bytes to the board, nowhere else.

use crate::{board::Secret, private};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use crypto_box::aead::rand_core;
use domain::record::SecretRecord;
use hmac::{Hmac, Mac as _};
use rand::{Rng as _, RngCore as _, rngs::StdRng};
use sha2::Sha256;
use std::{fmt, path::Path};

/// A secret as the journal holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct SealedSecret {
    /// Nonce and cipher text under the station's own key.
    pub own: Vec<u8>,
    /// What the record says of it; not proved yet.
    pub record: SecretRecord,
}

/// The keys that seal.
pub struct Sealer {
    own: ChaCha20Poly1305,
    server: crypto_box::PublicKey,
    placeholder: Vec<u8>,
}

/// Names passwords of one board as its record does, without showing them.
#[derive(Clone)]
pub struct Placeholder {
    key: Vec<u8>,
    identity: String,
}

impl Placeholder {
    /// The first 16 bytes of the keyed hash over identity and password; none where the key cannot be used.
    #[must_use]
    pub fn of(&self, plain: &str) -> Option<[u8; 16]> {
        let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(&self.key).ok()?;
        // Covers the identity too: the same digits on two boards do not show as the same.
        mac.update(self.identity.as_bytes());
        mac.update(&[0]);
        mac.update(plain.as_bytes());
        mac.finalize().into_bytes().first_chunk().copied()
    }
}

impl fmt::Debug for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Placeholder(of {})", self.identity)
    }
}

/// Why a key or a sealed secret can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SealFault {
    #[error("{name} in the station's settings is not {bytes} bytes of base16; enrol the station again")]
    BadKey { name: &'static str, bytes: usize },
    #[error(
        "the station's own key {path} can't be used: {detail}; restore it from the backup, without it the passwords in the journal can't be opened"
    )]
    OwnKey { path: String, detail: String },
    #[error(
        "a password in the journal does not open with the station's own key; the board's password is known to the server only"
    )]
    NotOpened,
    #[error("a password could not be sealed")]
    NotSealed,
}

impl Sealer {
    /// `own_key`: 32 bytes; the others base16 as the enrolment gave them.
    ///
    /// # Errors
    /// A key of another length or that is no base16.
    pub fn new(own_key: &[u8; 32], sealing_key: &str, placeholder_key: &str) -> Result<Self, SealFault> {
        let server = decode_key(sealing_key, "sealing_key")?;
        let placeholder = decode_key(placeholder_key, "placeholder_key")?;
        Ok(Self {
            own: ChaCha20Poly1305::new(own_key.into()),
            server: crypto_box::PublicKey::from(server),
            placeholder: placeholder.to_vec(),
        })
    }

    /// Draws `length` digits, never those of `factory`.
    #[must_use]
    pub fn draw(length: u8, factory: &str, chance: &mut StdRng) -> Secret {
        loop {
            let digits: String =
                (0..length.max(1)).map(|_| char::from(b'0' + chance.random_range(0..10u8))).collect();
            if digits != factory {
                return Secret::new(digits);
            }
        }
    }

    /// Seals `secret` for the board with that identity.
    ///
    /// # Errors
    /// The ciphers refuse; never for a short text.
    pub fn seal(
        &self,
        secret: &Secret,
        identity: &str,
        chance: &mut StdRng,
    ) -> Result<SealedSecret, SealFault> {
        let plain = secret.expose().as_bytes();
        let mut own = vec![0; 12];
        chance.fill_bytes(&mut own);
        let cipher = self
            .own
            .encrypt(Nonce::from_slice(&own), Payload { msg: plain, aad: identity.as_bytes() })
            .map_err(|_| SealFault::NotSealed)?;
        own.extend_from_slice(&cipher);
        let sealed = self.server.seal(&mut OldRng(chance), plain).map_err(|_| SealFault::NotSealed)?;
        let length = u8::try_from(secret.length()).map_err(|_| SealFault::NotSealed)?;
        let record = SecretRecord {
            length,
            keyed_hash: self
                .placeholder(identity)
                .of(secret.expose())
                .map(hex::encode)
                .ok_or(SealFault::NotSealed)?,
            sealed: hex::encode(sealed),
            proved: false,
        };
        Ok(SealedSecret { own, record })
    }

    /// The plain text again.
    ///
    /// # Errors
    /// Another key, another identity, or bytes that were changed.
    pub fn open(&self, sealed: &SealedSecret, identity: &str) -> Result<Secret, SealFault> {
        let (nonce, cipher) = sealed.own.split_at_checked(12).ok_or(SealFault::NotOpened)?;
        let plain = self
            .own
            .decrypt(Nonce::from_slice(nonce), Payload { msg: cipher, aad: identity.as_bytes() })
            .map_err(|_| SealFault::NotOpened)?;
        String::from_utf8(plain).map(Secret::new).map_err(|_| SealFault::NotOpened)
    }

    /// How passwords of the board with that identity are named.
    #[must_use]
    pub fn placeholder(&self, identity: &str) -> Placeholder {
        Placeholder { key: self.placeholder.clone(), identity: identity.to_owned() }
    }
}

/// Reads the station's own key.
///
/// # Errors
/// The file is missing, can't be read, or does not hold 32 bytes.
pub fn read_own_key(path: &Path) -> Result<[u8; 32], SealFault> {
    let fault = |detail: String| SealFault::OwnKey { path: path.display().to_string(), detail };
    let bytes = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
    bytes.try_into().map_err(|bytes: Vec<u8>| fault(format!("it has {} bytes instead of 32", bytes.len())))
}

/// Reads the station's own key, or makes it where there is no file yet. Only for a station whose journal is new: beside an old one
/// a new key would silently give up every password in it.
///
/// # Errors
/// The file can't be read or written, or does not hold 32 bytes.
pub fn own_key_of_new_station(path: &Path, chance: &mut StdRng) -> Result<[u8; 32], SealFault> {
    if path.exists() {
        return read_own_key(path);
    }
    let mut key = [0; 32];
    chance.fill_bytes(&mut key);
    private::write_new(path, &key)
        .map_err(|error| SealFault::OwnKey { path: path.display().to_string(), detail: error.to_string() })?;
    Ok(key)
}

fn decode_key(text: &str, name: &'static str) -> Result<[u8; 32], SealFault> {
    hex::decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(SealFault::BadKey { name, bytes: 32 })
}

/// The generator behind the traits of the generation that the sealed box uses.
struct OldRng<'a>(&'a mut StdRng);

impl rand_core::RngCore for OldRng<'_> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }
    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill_bytes(dest);
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill_bytes(dest);
        Ok(())
    }
}

impl rand_core::CryptoRng for OldRng<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn a_secret_opens_for_the_station_and_for_the_server_and_shows_nowhere() {
        let mut chance = StdRng::seed_from_u64(7);
        let server = crypto_box::SecretKey::from([9; 32]);
        let sealer =
            Sealer::new(&[1; 32], &hex::encode(server.public_key().as_bytes()), &hex::encode([2; 32]))
                .unwrap();
        let secret = Sealer::draw(6, "123456", &mut chance);
        assert_eq!(secret.length(), 6);
        let sealed = sealer.seal(&secret, "machine_code:1", &mut chance).unwrap();
        assert_eq!(sealer.open(&sealed, "machine_code:1").unwrap(), secret);
        assert!(sealer.open(&sealed, "machine_code:2").is_err(), "another board's secret must not open");
        let box_ = hex::decode(&sealed.record.sealed).unwrap();
        assert_eq!(server.unseal(&box_).unwrap(), secret.expose().as_bytes());
        assert!(!format!("{sealed:?}").contains(secret.expose()));
        assert_eq!(sealed.record.keyed_hash.len(), 32);
        let elsewhere = sealer.seal(&secret, "machine_code:2", &mut chance).unwrap();
        assert_ne!(elsewhere.record.keyed_hash, sealed.record.keyed_hash, "one board tells of another");
        let again = sealer.seal(&secret, "machine_code:1", &mut chance).unwrap();
        assert_eq!(again.record.keyed_hash, sealed.record.keyed_hash);
    }

    #[test]
    fn the_factory_password_is_never_drawn() {
        let mut chance = StdRng::seed_from_u64(1);
        for _ in 0..2000 {
            assert_ne!(Sealer::draw(2, "42", &mut chance).expose(), "42");
        }
    }
}
