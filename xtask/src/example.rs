//! `cargo xtask example`: the examples as pages.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    report,
    site::{self, Quality},
    workspace::Workspace,
};

/// Which example.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A folder of `examples/`
    #[arg(default_value = "visits")]
    name: String,
}

/// `cargo xtask example`.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let pages = build(workspace, &arguments.name)?;
    let pages = workspace.short(&pages);
    report::good(&format!("{pages} is built; to serve it: conjoin serve --site {pages}"));
    Ok(())
}

/// Builds an example for browsers, and gives the folder of its page.
///
/// # Errors
/// When there is no such example, it does not compile, or files can't be written.
pub(crate) fn build(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let source = workspace.root.join("examples").join(name);
    let page = source.join("index.html");
    if Path::new(name).components().count() != 1 || !page.is_file() {
        bail!("there is no example {name} for browsers: it would have the page {}", workspace.short(&page));
    }
    let bound = site::compile(workspace, name, &["--bin", name], Quality::Release)?;
    let pages = workspace.target.join("examples").join(name);
    fs::create_dir_all(&pages)?;
    for file in ["index.html", "start.js"] {
        let file = source.join(file);
        let name = file.file_name().unwrap_or_default();
        fs::copy(&file, pages.join(name)).with_context(|| format!("copying {}", file.display()))?;
    }
    fs::write(pages.join(format!("{name}.js")), bound.script)?;
    fs::write(pages.join(format!("{name}_bg.wasm")), bound.wasm)?;
    Ok(pages)
}
