//! The first accounts: one a role, with random passwords, written once to a file that only its owner reads.

use crate::{
    auth::password,
    clock,
    db::{accounts, accounts::Person, audit},
};
use anyhow::Context as _;
use domain::{ids::AccountId, role::Role};
use sqlx::PgPool;
use std::{collections::BTreeMap, fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

/// Makes an account for each role where there is none at all, and writes their passwords to `file`. The file is written
/// before the accounts are committed: a start cut short can't leave accounts that nobody can sign in to.
///
/// # Errors
/// Where the file can't be written or the database refuses.
pub async fn make_first_accounts(pool: &PgPool, file: &Path) -> anyhow::Result<bool> {
    let mut db = pool.begin().await?;
    // Two servers started at once on an empty database make one set of accounts.
    accounts::lock(&mut db).await?;
    if accounts::count(&mut db).await? > 0 {
        return Ok(false);
    }
    let mut shown = BTreeMap::new();
    for role in Role::ALL {
        let password = hex::encode(clock::random_bytes::<12>());
        let hash = password::hash(password.clone()).await?;
        let person =
            Person { account_id: AccountId(clock::new_id()), username: role.as_str().to_owned(), role };
        let now = clock::now();
        accounts::insert(&mut db, &person, &hash, now).await?;
        let entry = audit::Entry {
            writer: "service",
            at: now,
            action: "account.create",
            subject: role.as_str(),
            detail: serde_json::json!({ "role": role }),
        };
        audit::append(&mut db, &entry).await?;
        let shown_account = serde_json::json!({ "username": role.as_str(), "password": password });
        shown.insert(role.as_str(), shown_account);
    }
    write(file, &serde_json::to_vec_pretty(&shown)?)?;
    db.commit().await?;
    tracing::info!(file = %file.display(), "made one account a role; their passwords stand in the file, hand them out and remove it");
    Ok(true)
}

fn write(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    let _ = fs::remove_file(file);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
        .open(file)
        .and_then(|mut open| open.write_all(content).and_then(|()| open.sync_all()))
        .with_context(|| {
            format!("can't write the first accounts to {}; name another --bootstrap-accounts", file.display())
        })
}
