//! The page cut into what travels at the first visit and the parts that are fetched when they are first needed: where to cut is
//! marked in frontend/src/pages/later.rs. Why, and what it costs: docs/adr/0018.

use anyhow::{Context, Result, anyhow};
use std::path::{Path, PathBuf};

/// Fetches the parts. The page's glue imports it by this name, from beside itself.
pub const LOADER: &str = "parts.js";

/// A page that was cut.
pub struct Cut {
    /// The first visit's, for wasm-bindgen to work on.
    pub main: PathBuf,
    /// Where the parts and their loader are.
    pub folder: PathBuf,
    pub parts: Vec<PathBuf>,
}

/// Cuts `wasm`, as the linker left it, into files below `folder`; the loader is written beside the parts. `glue` is what the page's own
/// glue will be called.
///
/// # Errors
/// When it can't be read, or was linked without its relocations.
pub fn cut(wasm: &Path, folder: &Path, glue: &str) -> Result<Cut> {
    let linked = std::fs::read(wasm).with_context(|| format!("reading {}", wasm.display()))?;
    let main = folder.join("main.wasm");
    let (parts, loader) = (folder.join("parts"), format!("./{LOADER}"));
    let glue = format!("./{glue}");
    let mut options = wasm_split_cli_support::Options::new(&linked);
    options.output_dir = &parts;
    options.main_out_path = &main;
    options.link_name = &loader;
    options.main_module = &glue;
    let cut = wasm_split_cli_support::transform(options)
        .map_err(|fault| anyhow!("{fault:#}"))
        .context("cutting the page into its parts")?;
    Ok(Cut { main, parts: cut.split_modules, folder: parts.clone() })
}

/// A part as it travels.
///
/// # Errors
/// When it is no module.
pub fn without_names(part: &[u8]) -> Result<Vec<u8>> {
    let mut config = walrus::ModuleConfig::new();
    let mut module = config.generate_name_section(false).generate_producers_section(false).parse(part)?;
    Ok(module.emit_wasm())
}

/// The part that a file of the page holds; none: it is no part. `chunk_3` is what several of them share, and comes with the first of them.
#[must_use]
pub fn name_of(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?.strip_suffix(".wasm")?;
    let part = name.strip_prefix("split_");
    part.or_else(|| name.starts_with("chunk_").then_some(name)).map(str::to_owned)
}
