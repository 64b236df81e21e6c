//! Hashes of badges and PINs, which stations keep copies of: a jig PC reckons one while somebody waits, so they cost less than a password's
//! (docs/adr/0024). Neither is ever logged, answered or put into the audit.

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version, password_hash::phc::PasswordHash};

/// KiB, passes and lanes of one reckoning.
const COST: (u32, u32, u32) = (8 * 1024, 2, 1);

/// Of a badge's code, with the installation's salt: the same code has the same hash, and one reckoning finds whose it is.
///
/// # Errors
/// Where the thread fails.
pub async fn badge_hash(code: String, salt: Vec<u8>) -> anyhow::Result<String> {
    reckon(code, Some(salt)).await
}

/// Of a PIN, with a salt of its own.
///
/// # Errors
/// Where the thread or the generator fails.
pub async fn pin_hash(pin: String) -> anyhow::Result<String> {
    reckon(pin, None).await
}

async fn reckon(secret: String, salt: Option<Vec<u8>>) -> anyhow::Result<String> {
    let hash = tokio::task::spawn_blocking(move || -> anyhow::Result<String> {
        let (memory, passes, lanes) = COST;
        let params = Params::new(memory, passes, lanes, None)
            .map_err(|error| anyhow::anyhow!("the costs can't be: {error}"))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: Result<PasswordHash, _> = match &salt {
            Some(salt) => argon.hash_password_with_salt(secret.as_bytes(), salt),
            None => argon.hash_password(secret.as_bytes()),
        };
        hash.map(|hash| hash.to_string()).map_err(|error| anyhow::anyhow!("can't hash: {error}"))
    });
    hash.await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::password;

    #[tokio::test]
    async fn a_badge_has_one_hash_and_a_pin_a_new_one_each_time() {
        let of = |code: &str| badge_hash(code.to_owned(), vec![7; 16]);
        assert_eq!(of("0000482913").await.unwrap(), of("0000482913").await.unwrap());
        assert_ne!(of("0000482913").await.unwrap(), of("0000482914").await.unwrap());
        let (one, two) =
            (pin_hash("482913".to_owned()).await.unwrap(), pin_hash("482913".to_owned()).await.unwrap());
        assert_ne!(one, two);
        assert!(one.starts_with("$argon2id$v=19$m=8192,t=2,p=1$"), "{one}");
        // Whoever reads the text's own costs comes to the same.
        assert!(password::verify("482913".to_owned(), Some(one.clone())).await);
        assert!(!password::verify("482914".to_owned(), Some(one)).await);
    }
}
