//! People: made, given badge and PIN, made leads. Used by the routes and by the command line.

use crate::{
    auth::{jig, password},
    clock,
    db::{
        DbError, accounts,
        accounts::Person,
        audit,
        people::{self, Change, JigChange},
    },
    enrolment::Decider,
    error::{ApiError, ApiResult},
};
use domain::{
    api::{
        floor::{DelegateLead, JigAccess, NewPerson, NewPersonView, PersonRow},
        problem::FieldFault,
    },
    floor::{PersonFault, parse_badge, parse_person_name, parse_personnel_number, parse_pin, parse_username},
    ids::AccountId,
};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// Makes an account, with a password for the office that is told once.
///
/// # Errors
/// A name, number or badge that can't be or is somebody's.
pub async fn add(db: &mut PgConnection, form: &NewPerson, by: Decider<'_>) -> ApiResult<NewPersonView> {
    let (username, name) = (parse_username(&form.username), parse_person_name(&form.name));
    let mut faults: Vec<FieldFault> =
        [username.err(), name.err()].into_iter().flatten().map(fault_of).collect();
    faults.extend(faults_of(&form.jig));
    let (Ok(username), Ok(name), true) = (username, name, faults.is_empty()) else {
        return Err(ApiError::invalid(faults));
    };
    let password = hex::encode(clock::random_bytes::<12>());
    let hash = password::hash(password.clone()).await.map_err(internal)?;
    let person =
        Person { account_id: AccountId(clock::new_id()), username: username.to_owned(), role: form.role };
    accounts::insert(db, &person, &hash, by.at).await.map_err(refused)?;
    people::set_name(db, person.account_id, name).await?;
    let detail = json!({ "role": form.role, "name": name, "by": by.name });
    append(db, by, "account.create", username, detail).await?;
    let person = if form.jig == JigAccess::default() {
        find(db, person.account_id).await?
    } else {
        set_access(db, person.account_id, &form.jig, by).await?
    };
    Ok(NewPersonView { person, password })
}

/// Changes how somebody signs in at jigs.
///
/// # Errors
/// Nobody has that id; a number or badge that can't be or is somebody's.
pub async fn set_access(
    db: &mut PgConnection,
    id: AccountId,
    form: &JigAccess,
    by: Decider<'_>,
) -> ApiResult<PersonRow> {
    let faults = faults_of(form);
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let person = find(db, id).await?;
    let badge_hash = match given(form.badge.as_deref()) {
        Some(code) => {
            let salt = people::badge_salt(db, &clock::random_bytes::<16>()).await?;
            Some(jig::badge_hash(code.to_owned(), salt).await.map_err(internal)?)
        }
        None => None,
    };
    let pin_hash = match given(form.pin.as_deref()) {
        Some(pin) => Some(jig::pin_hash(pin.to_owned()).await.map_err(internal)?),
        None => None,
    };
    let change = JigChange {
        number: change(form.number.as_deref(), given(form.number.as_deref())),
        badge_hash: change(form.badge.as_deref(), badge_hash.as_deref()),
        pin_hash: change(form.pin.as_deref(), pin_hash.as_deref()),
        language: form.language,
    };
    people::change(db, id, &change).await.map_err(refused)?;
    append(db, by, "account.jig", &person.username, told(form, by)).await?;
    find(db, id).await
}

/// Lets somebody decide at jigs, or takes that back.
///
/// # Errors
/// Nobody has that id; no reason.
pub async fn delegate(
    db: &mut PgConnection,
    id: AccountId,
    form: &DelegateLead,
    by: Decider<'_>,
) -> ApiResult<PersonRow> {
    let reason = crate::routes::reason("reason", &form.reason)?;
    let person = find(db, id).await?;
    if people::set_lead(db, id, form.lead).await? {
        let detail = json!({ "lead": form.lead, "reason": reason, "by": by.name });
        append(db, by, "account.lead", &person.username, detail).await?;
    }
    find(db, id).await
}

/// The account of that name.
///
/// # Errors
/// Nobody has it.
pub async fn named(db: &mut PgConnection, username: &str) -> ApiResult<AccountId> {
    let username = username.trim();
    people::named(db, username).await?.ok_or_else(|| ApiError::not_found("person", username))
}

async fn find(db: &mut PgConnection, id: AccountId) -> ApiResult<PersonRow> {
    people::list(db, Some(id)).await?.pop().ok_or_else(|| ApiError::not_found("person", id))
}

async fn append(
    db: &mut PgConnection,
    by: Decider<'_>,
    action: &str,
    subject: &str,
    detail: Value,
) -> ApiResult<()> {
    Ok(audit::append(db, &audit::Entry { writer: by.writer, at: by.at, action, subject, detail }).await?)
}

/// What a text holds that is no withdrawal.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn change<'a>(said: Option<&str>, value: Option<&'a str>) -> Change<'a> {
    match (said, value) {
        (None, _) => Change::Stays,
        (Some(_), None) => Change::TakenAway,
        (Some(_), Some(value)) => Change::Becomes(value),
    }
}

/// For the audit: which of badge and PIN was set or taken away, and neither itself.
fn told(form: &JigAccess, by: Decider<'_>) -> Value {
    let act = |said: Option<&str>| said.map(|said| if said.trim().is_empty() { "taken away" } else { "set" });
    json!({
        "number": form.number.as_deref().map(str::trim), "badge": act(form.badge.as_deref()), "pin": act(form.pin.as_deref()),
        "language": form.language, "by": by.name,
    })
}

fn faults_of(form: &JigAccess) -> Vec<FieldFault> {
    let faults = [
        given(form.number.as_deref()).and_then(|text| parse_personnel_number(text).err()),
        given(form.badge.as_deref()).and_then(|text| parse_badge(text).err()),
        given(form.pin.as_deref()).and_then(|text| parse_pin(text).err()),
    ];
    faults.into_iter().flatten().map(fault_of).collect()
}

fn fault_of(fault: PersonFault) -> FieldFault {
    let detail = match fault {
        PersonFault::Username => "1 to 40 letters, digits, dots, dashes and underscores",
        PersonFault::Name => "1 to 60 characters that can be seen",
        PersonFault::Number => "1 to 16 letters of English, digits and dashes",
        PersonFault::Badge => "as the scanner reads it, 6 to 64 characters",
        PersonFault::Pin => "6 to 12 digits, not one again and again, not in a row",
    };
    FieldFault { field: fault.field().to_owned(), detail: detail.to_owned() }
}

fn refused(error: DbError) -> ApiError {
    let what = match error.constraint() {
        Some("account_username_key") => "that name",
        Some("account_personnel_number_key") => "that number",
        Some("account_badge_hash_key") => "that badge",
        _ => return error.into(),
    };
    ApiError::conflict("conflict", format!("Somebody else has {what} already; take another."))
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn internal(error: anyhow::Error) -> ApiError {
    ApiError::internal(error.as_ref())
}
