//! wasm-bindgen as a library: nothing to install, and never another version than the crates use.
//!
//! There is no wasm-opt after it: measured on what is built here with `opt-level = "z"` and LTO, it takes
//! off less than 1 % after gzip, nothing once all is arranged for gzip (`arrange.rs`), and is one more thing to install.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

/// What a page loads for one compiled crate.
#[derive(Debug)]
pub(crate) struct Bound {
    /// `name.js`: the module that loads the other and gives it the browser's interfaces.
    pub(crate) script: Vec<u8>,
    /// `name_bg.wasm`.
    pub(crate) wasm: Vec<u8>,
}

/// Binds a compiled crate to JavaScript, as modules that a page loads without a bundler.
///
/// # Errors
/// When the module was not made for this version of wasm-bindgen, or files cannot be read.
pub(crate) fn bind(compiled: &Path, name: &str, debug: bool) -> Result<Bound> {
    let folder = compiled.with_extension("bound");
    let _ = fs::remove_dir_all(&folder);
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(compiled)
        .out_name(name)
        .typescript(false)
        .omit_default_module_path(false)
        .web(true)?;
    if !debug {
        bindgen.remove_name_section(true).remove_producers_section(true);
    }
    bindgen.generate(&folder).with_context(|| format!("binding {}", compiled.display()))?;
    Ok(Bound {
        script: fs::read(folder.join(format!("{name}.js")))?,
        wasm: fs::read(folder.join(format!("{name}_bg.wasm")))?,
    })
}
