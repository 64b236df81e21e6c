//! Placeholder.
use clap::Args;
/// What to load and where.
#[derive(Debug, Clone, Args)]
pub struct LoadSettings {
    #[arg(long, default_value_t = 20_000)]
    pub runs: u32,
}
/// Loads.
///
/// # Errors
/// None yet.
#[expect(clippy::unused_async, reason = "placeholder")]
pub async fn load(
    _s: &LoadSettings,
    _say: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<(String, bool)> {
    Ok((String::new(), true))
}
