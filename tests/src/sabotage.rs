//! Which sabotage spoils the stations of this process: one by name, where they are compiled in.

use anyhow::Result;

#[cfg(feature = "sabotage")]
pub fn choose(_campaign: &str, name: Option<&str>) -> Result<()> {
    let sabotage = name.map(station::sabotage::Sabotage::parse).transpose().map_err(anyhow::Error::msg)?;
    station::sabotage::choose(sabotage);
    Ok(())
}

#[cfg(not(feature = "sabotage"))]
pub fn choose(campaign: &str, name: Option<&str>) -> Result<()> {
    if let Some(name) = name {
        anyhow::bail!(
            "the sabotage {name} is not in this program, as in none that is built for use; `cargo xtask campaign {campaign} --sabotage {name}` builds one with it"
        );
    }
    Ok(())
}
