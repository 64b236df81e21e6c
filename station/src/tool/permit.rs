//! Who may write where: blocks whose addresses are assumed are for simulators, and for engineers who say so.

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
};
use crate::slot_port::is_pseudo_terminal;
use clap::Args;
use domain::model::{DeviceModel, Provenance};
use std::collections::BTreeSet;

/// What kind of board is written to.
#[derive(Debug, Clone, Copy, Args)]
pub struct Permission {
    /// Write where the model only assumes the addresses, on a real board that may be lost
    #[arg(long, conflicts_with = "simulated")]
    engineering: bool,
    /// The port is a simulator's pseudo terminal, where assumed addresses are right; refused for any other port
    #[arg(long)]
    simulated: bool,
}

impl Permission {
    /// Refuses a write into assumed blocks unless it was allowed.
    pub(super) fn check(
        self,
        model: &DeviceModel,
        port: &str,
        assumed: &BTreeSet<String>,
        desk: &mut Desk<'_>,
    ) -> ToolResult {
        if self.simulated && !is_pseudo_terminal(port) {
            return Err(ToolFault::refused(
                "not_simulated",
                format!(
                    "{port} is no pseudo terminal, so no simulator of ours is behind it; leave --simulated out, or name the \
                     simulator's device."
                ),
            ));
        }
        if assumed.is_empty() || self.simulated {
            return Ok(());
        }
        let parts = assumed.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        if self.engineering {
            desk.note(format_args!(
                "warning: engineering mode; model {} only assumes where these lie: {parts}. A wrong address can spoil the board.",
                model.id
            ));
            return Ok(());
        }
        Err(ToolFault::refused(
            "assumed_block",
            format!(
                "Model {} only assumes where these lie: {parts}. Such a block is written on a simulator (--simulated), or by an \
                 engineer who may lose the board (--engineering).",
                model.id
            ),
        ))
    }
}

/// The assumed blocks among those that hold these addresses.
pub(super) fn assumed_blocks(
    model: &DeviceModel,
    addresses: impl IntoIterator<Item = u16>,
) -> BTreeSet<String> {
    addresses
        .into_iter()
        .filter_map(|address| model.block_of(address, 1))
        .filter(|block| block.provenance == Provenance::Assumed)
        .map(|block| block.name.clone())
        .collect()
}

/// The same by the names of registers and commands.
pub(super) fn assumed_parts<'n>(
    model: &DeviceModel,
    names: impl IntoIterator<Item = &'n str>,
) -> BTreeSet<String> {
    let address = |name: &str| {
        let register = model.register(name).map(|register| register.address);
        register.or_else(|| model.command(name).map(|command| command.address))
    };
    assumed_blocks(model, names.into_iter().filter_map(address))
}
