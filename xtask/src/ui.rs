//! `cargo xtask ui`: the pages as they are embedded: the office's in the server, the operator's in the station.
//!
//! cargo for wasm32, then wasm-bindgen as a library (its version is pinned to the page's own), names with a hash of the
//! content, and a brotli and a gzip twin beside each file. Nothing is done when no input has changed.

mod parts;
mod weight;

use crate::install;
use crate::say;
use crate::workspace::{Workspace, run};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use wasm_bindgen_cli_support::Bindgen;

/// A page that is built.
pub struct Page {
    pub name: &'static str,
    package: &'static str,
    /// Where its template and its style are.
    folder: &'static str,
    /// Sheets that come before its own.
    sheets: &'static [&'static str],
    /// Whether it comes in parts.
    in_parts: bool,
    /// What may travel to a browser at its first visit, brotli, in bytes: DESIGN's promise.
    pub limit: u64,
}

pub const OFFICE: Page = Page {
    name: "office",
    package: "jigline-frontend",
    folder: "frontend",
    sheets: &[],
    in_parts: true,
    limit: 400_000,
};

pub const OPERATOR: Page = Page {
    name: "operator",
    package: "jigline-operator",
    folder: "operator",
    sheets: &["frontend/style/10-tokens.css", "frontend/style/20-base.css"],
    in_parts: true,
    limit: 250_000,
};

impl Page {
    /// What the browser runs first, and what the parts import: its name in the folder of scripts.
    fn glue(&self) -> String {
        format!("{}.js", self.name)
    }
}

const TARGET: &str = "wasm32-unknown-unknown";

/// Whatever decides how the pages come out. `frontend/dist` is our own output and left out.
const INPUTS: [&str; 11] = [
    ".cargo/config.toml",
    "browser",
    "frontend",
    "operator",
    "domain",
    "protocol",
    "Cargo.lock",
    "Cargo.toml",
    "rust-toolchain.toml",
    "xtask/src/ui.rs",
    "xtask/src/ui",
];

#[derive(Debug, Default, Clone, Copy, clap::Args)]
pub struct Options {
    /// Build with the dev profile: quick to build, large, readable panics, no size limit.
    #[arg(long)]
    pub dev: bool,
}

/// # Errors
/// When a page does not build, or is larger than what may travel.
pub fn build(workspace: &Workspace, options: &Options) -> Result<()> {
    let dist = workspace.root.join("frontend/dist");
    // Two that build at once (a demo beside a test) would tear down each other's folder: the second waits, and finds it built.
    std::fs::create_dir_all(&dist)?;
    let turn = std::fs::File::create(dist.join("pages.lock"))?;
    turn.lock().context("waiting for another build of the pages")?;
    let now = fingerprint(&workspace.root, options)?;
    let pages = [&OFFICE, &OPERATOR];
    let due: Vec<&Page> = pages.into_iter().filter(|page| !is_built(page, &dist, &now)).collect();
    if !due.is_empty() {
        install::target(workspace, TARGET)?;
        compile(workspace, &pages, options)?;
        // Each is cut and packed by one core.
        let packed: Vec<Result<()>> = std::thread::scope(|scope| {
            let packing: Vec<_> =
                due.iter().map(|page| scope.spawn(|| pack(workspace, page, &dist, options))).collect();
            let joined = packing.into_iter().map(|one| one.join());
            joined.map(|one| one.unwrap_or_else(|_| bail!("a page's packing broke off"))).collect()
        });
        packed.into_iter().collect::<Result<()>>()?;
    }
    for page in pages {
        if !due.iter().any(|one| one.name == page.name) {
            say::line(format!("   the {} page is as built before", page.name));
        }
        let weight = weight::of(&dist.join(page.name))?;
        weight.say(page);
        if !options.dev {
            weight.hold(page)?;
        }
    }
    for page in due {
        std::fs::write(stamp(page, &dist), &now)?;
    }
    Ok(())
}

fn stamp(page: &Page, dist: &Path) -> PathBuf {
    dist.join(format!("{}.stamp", page.name))
}

fn is_built(page: &Page, dist: &Path, now: &str) -> bool {
    std::fs::read_to_string(stamp(page, dist)).is_ok_and(|then| then == now)
        && dist.join(page.name).join("index.html").is_file()
}

fn pack(workspace: &Workspace, page: &Page, dist: &Path, options: &Options) -> Result<()> {
    let wasm = workspace.target.join(TARGET).join(profile(options).1).join(format!("{}.wasm", page.name));
    let fresh = dist.join(format!("{}.new", page.name));
    remove_folder(&fresh)?;
    std::fs::create_dir_all(fresh.join("assets"))?;
    bundle(workspace, page, &wasm, &fresh, options)?;
    compress(&fresh, if options.dev { Effort::Quick } else { Effort::Best })?;
    // The stamp goes first and comes last: a build broken off in between is never taken for a whole one.
    std::fs::remove_file(stamp(page, dist)).or_else(absent_is_fine)?;
    let built = dist.join(page.name);
    remove_folder(&built)?;
    std::fs::rename(&fresh, &built)?;
    Ok(())
}

/// Cargo's profile, and its folder below the target's.
fn profile(options: &Options) -> (&'static str, &'static str) {
    if options.dev { ("dev", "debug") } else { ("wasm-release", "wasm-release") }
}

/// All at once: what they share is compiled once, and each is linked, which takes one core, beside the others.
fn compile(workspace: &Workspace, pages: &[&Page], options: &Options) -> Result<()> {
    let mut cargo = workspace.cargo();
    // Either would take the place of the flags in .cargo/config.toml, and the page would come out larger.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.args(["build", "--target", TARGET, "--profile", profile(options).0]);
    for page in pages {
        cargo.args(["--package", page.package, "--bin", page.name]);
    }
    run(&mut cargo).context("building the pages")
}

/// Style and script under names with a hash of their content, and index.html that names them.
fn bundle(workspace: &Workspace, page: &Page, wasm: &Path, into: &Path, options: &Options) -> Result<()> {
    let made = tempfile::tempdir()?;
    let assets = into.join("assets");
    let scripts = scripts(page, wasm, made.path(), &assets, options)?;
    let mut sheet = String::new();
    for shared in page.sheets {
        let path = workspace.root.join(shared);
        sheet += &std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    }
    sheet += &style(&workspace.root.join(page.folder).join("style"))?;
    let css = put_hashed(&assets, page.name, "css", lean(&sheet).as_bytes())?;
    let code = format!("{}.wasm", page.name);
    let [js, wasm, loader] =
        [page.glue(), code, parts::LOADER.to_owned()].map(|name| format!("{scripts}/{name}"));
    let boot = put_hashed(&assets, "boot", "js", boot_script(&js, &wasm).as_bytes())?;
    let template = workspace.root.join(page.folder).join("index.html");
    let text =
        std::fs::read_to_string(&template).with_context(|| format!("reading {}", template.display()))?;
    let mut names =
        vec![("{{css}}", css.as_str()), ("{{js}}", &js), ("{{wasm}}", &wasm), ("{{boot}}", &boot)];
    if page.in_parts {
        names.push(("{{parts}}", &loader));
    }
    let text = fill(&text, &names).with_context(|| format!("filling in {}", template.display()))?;
    std::fs::write(into.join("index.html"), text)?;
    Ok(())
}

/// Glue, wasm and the parts that are fetched later, in a folder below `assets` whose name is a hash of all their content: they name each
/// other, in a circle. The folder's name is returned.
fn scripts(page: &Page, wasm: &Path, made: &Path, assets: &Path, options: &Options) -> Result<String> {
    let cut = if page.in_parts { Some(parts::cut(wasm, made, &page.glue())?) } else { None };
    let glue = made.join("glue");
    let mut bindgen = Bindgen::new();
    bindgen.input_path(cut.as_ref().map_or(wasm, |cut| &cut.main));
    bindgen.out_name(page.name).typescript(false).omit_default_module_path(true);
    bindgen.debug(options.dev).remove_producers_section(true).remove_name_section(!options.dev);
    // The parts ask the page for these.
    bindgen.keep_lld_exports(page.in_parts).demangle(false);
    bindgen.web(true)?.generate(&glue).context("wasm-bindgen on the page")?;
    let script = lean(&std::fs::read_to_string(glue.join(page.glue()))?);
    let code = std::fs::read(glue.join(format!("{}_bg.wasm", page.name)))?;
    let loader =
        cut.as_ref().map(|cut| std::fs::read_to_string(cut.folder.join(parts::LOADER))).transpose()?;
    let (code, script) = if options.dev {
        (code, script)
    } else {
        with_short_names(&code, &script, loader.as_deref().unwrap_or_default())?
    };
    let all = made.join("all");
    std::fs::create_dir_all(&all)?;
    std::fs::write(all.join(page.glue()), script)?;
    std::fs::write(all.join(format!("{}.wasm", page.name)), code)?;
    if let Some(loader) = &loader {
        std::fs::write(all.join(parts::LOADER), lean(loader))?;
    }
    for part in cut.iter().flat_map(|cut| &cut.parts) {
        let code = std::fs::read(part)?;
        let code = if options.dev { code } else { parts::without_names(&code)? };
        std::fs::write(all.join(part.file_name().context("a part without a name")?), code)?;
    }
    copy_folder(&glue.join("snippets"), &all.join("snippets"))?;
    let name = folder_hash(&all)?;
    copy_folder(&all, &assets.join(&name))?;
    Ok(name)
}

/// The hash of all files below, with their names, as far as a name needs it.
fn folder_hash(folder: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files_below(folder)? {
        let content = std::fs::read(&file)?;
        hash.update(format!("{}\n{}\n", file.strip_prefix(folder)?.display(), content.len()));
        hash.update(content);
    }
    Ok(short(&hex_of(&hash.finalize())))
}

fn short(hash: &str) -> String {
    hash.get(..16).unwrap_or(hash).to_owned()
}

/// What starts the page. A file of its own, so that the page needs no inline script and a strict policy can forbid them.
fn boot_script(js: &str, wasm: &str) -> String {
    format!("import init from \"/assets/{js}\";\nawait init({{ module_or_path: \"/assets/{wasm}\" }});\n")
}

/// Every place gets the address under /assets/, whether the template wrote that folder itself or not.
fn fill(page: &str, names: &[(&str, &str)]) -> Result<String> {
    let mut page = page.to_owned();
    for (place, name) in names {
        if !page.contains(place) {
            bail!("the placeholder {place} is missing: the page would come without that file");
        }
        let address = format!("/assets/{name}");
        page = page.replace(&format!("/assets/{place}"), &address).replace(place, &address);
    }
    Ok(page)
}

/// Script or sheet as it travels: without indentation, empty lines and comments that have lines of their own. One with a text that
/// goes on over lines, whose indentation may mean something, stays as it is.
fn lean(text: &str) -> String {
    if text.lines().any(|line| line.matches('`').count() % 2 == 1) {
        return text.to_owned();
    }
    let mut lean = String::with_capacity(text.len());
    let mut in_comment = false;
    for mut line in text.lines().map(str::trim) {
        if in_comment || line.starts_with("/*") {
            let end = line.split_once("*/");
            in_comment = end.is_none();
            line = end.map_or("", |(_, behind)| behind.trim_start());
        }
        if !(line.is_empty() || line.starts_with("//")) {
            lean.push_str(line);
            lean.push('\n');
        }
    }
    lean
}

/// The page and its glue with short names for what they say to each other: each of wasm-bindgen's ends in sixteen digits of a hash, which
/// stand in both files and which nothing packs.
fn with_short_names(code: &[u8], script: &str, loader: &str) -> Result<(Vec<u8>, String)> {
    let mut config = walrus::ModuleConfig::new();
    let mut module = config.generate_name_section(false).generate_producers_section(false).parse(code)?;
    // What the linker keeps for whoever cuts a page, which nobody does with a whole one.
    let is_linkers = |name: &str| name.starts_with("reloc.") || name == "linking";
    let linkers: Vec<_> =
        module.customs.iter().filter(|(_, one)| is_linkers(one.name())).map(|(id, _)| id).collect();
    linkers.into_iter().for_each(|id| drop(module.customs.delete(id)));
    let mut short: BTreeMap<String, String> = BTreeMap::new();
    let imports = module.imports.iter_mut().map(|import| &mut import.name);
    let exports = module.exports.iter_mut().map(|export| &mut export.name);
    for name in imports.chain(exports).filter(|name| ends_in_hash(name) && !loader.contains(name.as_str())) {
        let next = format!("i{}", short.len());
        let new = short.entry(name.clone()).or_insert(next);
        name.clone_from(new);
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut renamed = String::with_capacity(script.len());
    let mut rest = script;
    while !rest.is_empty() {
        let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        renamed.push_str(short.get(&rest[..word]).map_or(&rest[..word], String::as_str));
        let between = rest[word..].find(is_word).unwrap_or(rest.len() - word);
        renamed.push_str(&rest[word..word + between]);
        rest = &rest[word + between..];
    }
    Ok((module.emit_wasm(), renamed))
}

fn ends_in_hash(name: &str) -> bool {
    let hash = name.rsplit('_').next().unwrap_or_default();
    hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// One sheet from frontend/style/*.css, in the order of their names.
fn style(folder: &Path) -> Result<String> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "css"))
        .collect();
    files.sort();
    let mut sheet = String::new();
    for file in files {
        sheet.push_str(
            &std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?,
        );
        sheet.push('\n');
    }
    Ok(sheet)
}

fn put_hashed(folder: &Path, stem: &str, extension: &str, content: &[u8]) -> Result<String> {
    let hash = hex_of(&Sha256::digest(content));
    let name = format!("{stem}-{}.{extension}", short(&hash));
    std::fs::write(folder.join(&name), content)?;
    Ok(name)
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[derive(Debug, Clone, Copy)]
enum Effort {
    Quick,
    Best,
}

/// A .br and a .gz beside each file, where they are smaller.
fn compress(folder: &Path, effort: Effort) -> Result<()> {
    for file in files_below(folder)? {
        let content = std::fs::read(&file)?;
        let (quality, level) = match effort {
            Effort::Quick => (2, flate2::Compression::fast()),
            Effort::Best => (11, flate2::Compression::best()),
        };
        let mut brotli = Vec::new();
        let parameters = brotli::enc::BrotliEncoderParams { quality, lgwin: 22, ..Default::default() };
        brotli::BrotliCompress(&mut content.as_slice(), &mut brotli, &parameters)?;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(&content)?;
        let gzip = gzip.finish()?;
        for (twin, extension) in [(brotli, "br"), (gzip, "gz")] {
            if twin.len() < content.len() {
                std::fs::write(with_added(&file, extension), twin)?;
            }
        }
    }
    Ok(())
}

fn with_added(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

fn fingerprint(root: &Path, options: &Options) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(format!("dev={}\n", options.dev));
    for input in INPUTS {
        let path = root.join(input);
        let files = if path.is_dir() { files_below(&path)? } else { vec![path] };
        for file in files.iter().filter(|file| !file.starts_with(root.join("frontend/dist"))) {
            let content = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
            hash.update(format!(
                "{}\n{}\n",
                file.strip_prefix(root).unwrap_or(file).display(),
                content.len()
            ));
            hash.update(content);
        }
    }
    Ok(hex_of(&hash.finalize()))
}

/// Every file below, sorted.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    for file in files_below(from)? {
        let goal = to.join(file.strip_prefix(from)?);
        if let Some(parent) = goal.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::copy(&file, goal)?;
    }
    Ok(())
}

fn remove_folder(folder: &Path) -> Result<()> {
    std::fs::remove_dir_all(folder)
        .or_else(absent_is_fine)
        .with_context(|| format!("removing {}", folder.display()))
}

fn absent_is_fine(fault: std::io::Error) -> std::io::Result<()> {
    if fault.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(fault) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_travels_has_no_indentation_and_no_comments_of_their_own() {
        let sheet = "/* Head. */\na {\n  b: 1; /* kept */\n\n  /* over\n     lines */ c: url(//x);\n}\n";
        assert_eq!(lean(sheet), "a {\nb: 1; /* kept */\nc: url(//x);\n}\n");
        assert_eq!(lean("  // one\n  x = \"/*\";\n"), "x = \"/*\";\n");
        let over_lines = "x = `\n  y`;\n";
        assert_eq!(lean(over_lines), over_lines);
    }

    #[test]
    fn places_are_filled_with_and_without_the_folder_before_them() {
        let page =
            "<link href=\"/assets/{{css}}\"><script>import init from '{{js}}'; init('{{wasm}}')</script>";
        let names = [("{{css}}", "a.css"), ("{{js}}", "b.js"), ("{{wasm}}", "c.wasm")];
        let filled = fill(page, &names).unwrap();
        assert_eq!(
            filled,
            "<link href=\"/assets/a.css\"><script>import init from '/assets/b.js'; init('/assets/c.wasm')</script>"
        );
    }

    #[test]
    fn the_boot_script_loads_the_glue_with_its_wasm() {
        assert_eq!(
            boot_script("a.js", "b.wasm"),
            "import init from \"/assets/a.js\";\nawait init({ module_or_path: \"/assets/b.wasm\" });\n"
        );
    }

    #[test]
    fn a_missing_place_is_refused() {
        let fault = fill("<html></html>", &[("{{css}}", "a.css")]).unwrap_err();
        assert!(fault.to_string().contains("{{css}}"));
    }
}
