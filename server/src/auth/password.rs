//! Passwords: Argon2id, always off the async threads.

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash};

/// Hashes a password.
///
/// # Errors
/// Where the thread or the generator fails.
pub async fn hash(password: String) -> anyhow::Result<String> {
    let hash = tokio::task::spawn_blocking(move || {
        Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
    });
    hash.await?.map_err(|error| anyhow::anyhow!("can't hash a password: {error}"))
}

/// Whether the password is the one of `hash`. Without a hash it takes as long and is wrong.
pub async fn verify(password: String, hash: Option<String>) -> bool {
    // What nobody's password hashes to: an unknown name must not answer faster than a known one.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$7y4iNvRk0yVZbQbXJ3BqXJv2q6Z3d3l3bWq1v5m8yBk";
    let verify = tokio::task::spawn_blocking(move || {
        let known = hash.is_some();
        let text = hash.unwrap_or_else(|| NOBODY.to_owned());
        let Ok(parsed) = PasswordHash::new(&text) else { return false };
        Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && known
    });
    verify.await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_opens() {
        let stored = hash("correct".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(verify("correct".to_owned(), Some(stored.clone())).await);
        assert!(!verify("wrong".to_owned(), Some(stored)).await);
        assert!(!verify("correct".to_owned(), None).await);
    }
}
