use crate::workspace::Workspace;
pub fn check(_: &Workspace) -> anyhow::Result<()> {
    Ok(())
}
