//! Building the web pages into `site/dist`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    arrange::arrange,
    bindgen::{Bound, bind},
    compress::{brotli, gzip},
    install, report,
    run::run as run_command,
    size::{kilobytes, percent},
    workspace::{WASM, Workspace},
};

/// The crate, and the name that the pages load it by.
const NAME: &str = "conjoin-site";

/// What is copied as it is, with its path: files and folders under `site/`.
const STATIC: [&str; 3] = ["index.html", "assets", "style"];

/// How the site is built.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Build in seconds what is three times as large, and not compressed
    #[arg(long)]
    draft: bool,
}

/// What a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    /// For users: as small as it gets.
    Release,
    /// The same as stable cargo builds it for anybody, with the standard library as it comes.
    Stable,
    /// For work on the site: as soon as possible.
    Draft,
}

impl Quality {
    fn profile(self) -> &'static str {
        match self {
            Self::Release | Self::Stable => "site",
            Self::Draft => "site-draft",
        }
    }
}

/// `cargo xtask site`.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let quality = if arguments.draft { Quality::Draft } else { Quality::Release };
    let files = build(workspace, quality)?;
    let mut rows = vec![["file", "bytes", "gzip", "brotli"].map(str::to_owned).to_vec()];
    for (name, content) in &files {
        let compressed = |extension: &str| -> Result<String> {
            let file = workspace.dist().join(format!("{name}.{extension}"));
            Ok(if file.exists() { fs::metadata(file)?.len().to_string() } else { String::new() })
        };
        rows.push(vec![name.clone(), content.len().to_string(), compressed("gz")?, compressed("br")?]);
    }
    report::table(&rows);
    let wasm = &files[&format!("{NAME}_bg.wasm")];
    let packed = gzip(wasm)?.len();
    report::good(&format!(
        "{} is built; its wasm is {} gzip, {}",
        workspace.short(&workspace.dist()),
        kilobytes(packed),
        percent(packed, wasm.len()),
    ));
    Ok(())
}

/// Builds the site and gives its files by their paths, as they are before compression.
///
/// # Errors
/// When something is missing that can't be installed, the code does not compile, or files can't be written.
pub(crate) fn build(workspace: &Workspace, quality: Quality) -> Result<BTreeMap<String, Vec<u8>>> {
    let Bound { script, wasm } = compile(workspace, NAME, &["--bin", NAME], quality)?;
    let mut files = BTreeMap::new();
    let site = workspace.root.join("site");
    for name in STATIC {
        collect(&site, &site.join(name), &mut files)?;
    }
    files.insert(format!("{NAME}.js"), script);
    files.insert(format!("{NAME}_bg.wasm"), wasm);
    write(&workspace.dist(), &files, quality)?;
    Ok(files)
}

/// Compiles a crate to wasm and binds it to JavaScript.
///
/// # Errors
/// When something is missing that can't be installed, or the code does not compile.
pub(crate) fn compile(
    workspace: &Workspace,
    package: &str,
    which: &[&str],
    quality: Quality,
) -> Result<Bound> {
    let compiler = install::wasm_compiler(workspace)?;
    let (mut cargo, target) = match quality {
        Quality::Release => (compiler.shipping_cargo(workspace)?, compiler.shipping_dir(workspace)),
        Quality::Stable | Quality::Draft => (compiler.cargo(workspace), compiler.target_dir(workspace)),
    };
    let profile = quality.profile();
    run_command(
        cargo.args(["build", "--target", WASM, "--profile", profile, "--package", package]).args(which),
    )?;
    let folder = target.join(WASM).join(profile);
    // A library's file is named after its crate, a program's after its package.
    let names = [package.to_owned(), package.replace('-', "_")];
    let compiled = names.iter().map(|name| folder.join(format!("{name}.wasm"))).find(|file| file.exists());
    let compiled = compiled.with_context(|| format!("no wasm of {package}"))?;
    let mut bound = bind(&compiled, package, quality == Quality::Draft)?;
    if quality == Quality::Release {
        bound.wasm = arrange(&bound.wasm)?;
    }
    Ok(bound)
}

/// Reads a file, or all files of a folder, under their paths relative to `base`.
fn collect(base: &Path, path: &Path, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(base, &entry?.path(), files)?;
        }
        return Ok(());
    }
    let name = path.strip_prefix(base)?.to_str().context("file names of the site are UTF-8")?;
    let content = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    files.insert(name.replace('\\', "/"), content);
    Ok(())
}

/// Makes `dist` hold these files, with their compressed siblings, and no others. A file that is right
/// already is not touched, so that what depends on it is not built again.
fn write(dist: &Path, files: &BTreeMap<String, Vec<u8>>, quality: Quality) -> Result<()> {
    let mut wanted: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for (name, content) in files {
        let path = dist.join(name);
        if quality == Quality::Release {
            for (extension, packed) in [("gz", gzip(content)?), ("br", brotli(content)?)] {
                // What compression makes no smaller is served as it is.
                if packed.len() < content.len() {
                    wanted.insert(dist.join(format!("{name}.{extension}")), packed);
                }
            }
        }
        wanted.insert(path, content.clone());
    }
    let mut present = BTreeMap::new();
    if dist.exists() {
        collect(dist, dist, &mut present)?;
    }
    for (name, content) in &present {
        let path = dist.join(name);
        match wanted.get(&path) {
            Some(new) if new == content => drop(wanted.remove(&path)),
            Some(_) => {}
            None => fs::remove_file(&path)?,
        }
    }
    for (path, content) in &wanted {
        fs::create_dir_all(path.parent().context("files of the site lie in a folder")?)?;
        fs::write(path, content).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
