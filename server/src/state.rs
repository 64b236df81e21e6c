//! What every handler has at hand. No state of the factory lives here: that is PostgreSQL's.

use crate::{auth::GuessLimiter, keys::Keys, line::LineHub, metrics::Metrics};
use sqlx::PgPool;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    pub pool: PgPool,
    pub keys: Arc<Keys>,
    pub metrics: Arc<Metrics>,
    pub limiter: Arc<GuessLimiter>,
    /// Of codes of enrolment, by their source.
    pub guesses: Arc<GuessLimiter>,
    pub line: Arc<LineHub>,
    /// Ends streams that would never end by themselves.
    pub stopping: CancellationToken,
}

impl AppState {
    /// A service on this database with these keys.
    #[must_use]
    pub fn new(pool: PgPool, keys: Keys, stopping: CancellationToken) -> Self {
        Self {
            pool,
            keys: Arc::new(keys),
            metrics: Arc::default(),
            limiter: Arc::default(),
            guesses: Arc::default(),
            line: Arc::default(),
            stopping,
        }
    }
}
