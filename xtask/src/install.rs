//! What must be on the machine, and getting it there.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use conjoin_e2e::Kind;

use crate::{
    report,
    run::{output, run},
    workspace::{WASM, Workspace},
};

/// Debian's compiler for the web: the whole standard library is built with it, from its own source.
const DEBIAN_RUST: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/// What the page and its tests run in.
const DEBIAN_CHROMIUM: [&str; 2] = ["chromium", "chromium-driver"];

/// And the other one. It needs no driver.
const DEBIAN_FIREFOX: [&str; 1] = ["firefox-esr"];

/// What tests make networks with, where there are namespaces: a program of each package.
const DEBIAN_NETWORKS: [(&str, &str); 3] =
    [("unshare", "util-linux"), ("ip", "iproute2"), ("nft", "nftables")];

/// What LLVM does for speed alone, even when it is told to go for size: without it there is one part in sixty less to be
/// loaded.
const SMALLER: [&str; 4] = [
    "-Cllvm-args=-disable-lsr",
    "-Cllvm-args=-enable-load-pre=0",
    "-Cllvm-args=-disable-licm-promotion",
    "-Cllvm-args=-disable-machine-licm",
];

/// How wasm is compiled on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WasmCompiler {
    /// The toolchain in use has a standard library for the target.
    Toolchain,
    /// Debian's compiler, which builds the standard library along.
    Debian,
}

impl WasmCompiler {
    /// A cargo command that compiles for `target` with a standard library at hand.
    pub(crate) fn cargo(self, workspace: &Workspace) -> Command {
        match self {
            Self::Toolchain => workspace.cargo(),
            Self::Debian => {
                let mut command = Command::new("/usr/bin/cargo");
                command.current_dir(&workspace.root);
                for variable in ["CARGO", "RUSTUP_TOOLCHAIN"] {
                    command.env_remove(variable);
                }
                command
                    .arg("-Zbuild-std=std,panic_abort")
                    .env("RUSTC", "/usr/bin/rustc")
                    // Building the standard library is a nightly feature; its result is the stable one.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "/usr/bin/wasm-ld-22")
                    // Another compiler's artefacts would be thrown away at every change between the two.
                    .env("CARGO_TARGET_DIR", workspace.target.join("debian"));
                command
            }
        }
    }

    /// The same for what users load: the standard library is built along, for size, and a panic stops the
    /// program without a word. That leaves a sixth less to be loaded.
    ///
    /// Functions with several results (`llvm-abiname` of a target of one's own) would leave another part in thirty, but
    /// calls of what 128-bit numbers are multiplied and shifted by then do not fit what is called, and trap.
    ///
    /// # Errors
    /// When the standard library's source isn't there and can't be installed.
    pub(crate) fn shipping_cargo(self, workspace: &Workspace) -> Result<Command> {
        let mut command = self.cargo(workspace);
        if self == Self::Toolchain {
            standard_source(workspace)?;
            command.arg("-Zbuild-std=std,panic_abort");
        }
        command
            .args(["-Zbuild-std-features=optimize_for_size", "-Zpanic-immediate-abort"])
            .args(["--config", "profile.site.panic='immediate-abort'"])
            .args(["--config", &format!("target.{WASM}.rustflags={SMALLER:?}")])
            // These are features of nightly compilers, which a stable one has and hides.
            .env("RUSTC_BOOTSTRAP", "1")
            // Crates ask for that variable, and would be built again at every change between the two.
            .env("CARGO_TARGET_DIR", self.shipping_dir(workspace));
        Ok(command)
    }

    /// Where cargo builds with it.
    pub(crate) fn target_dir(self, workspace: &Workspace) -> PathBuf {
        match self {
            Self::Toolchain => workspace.target.clone(),
            Self::Debian => workspace.target.join("debian"),
        }
    }

    /// Where cargo builds what users load.
    pub(crate) fn shipping_dir(self, workspace: &Workspace) -> PathBuf {
        self.target_dir(workspace).join("shipping")
    }
}

/// Sees to it that wasm for browsers can be compiled.
///
/// # Errors
/// When it can't be; the error says what to install.
pub(crate) fn wasm_compiler(workspace: &Workspace) -> Result<WasmCompiler> {
    let Err(error) = target(workspace, WASM) else { return Ok(WasmCompiler::Toolchain) };
    if can_apt() {
        apt_get(&DEBIAN_RUST).with_context(|| format!("{error:#}"))?;
        return Ok(WasmCompiler::Debian);
    }
    Err(error)
}

/// Sees to it that the toolchain in use has a standard library for `target`.
///
/// # Errors
/// When it hasn't and rustup can't add it.
pub(crate) fn target(workspace: &Workspace, target: &str) -> Result<()> {
    let rustc = || {
        let mut rustc = Command::new("rustc");
        rustc.current_dir(&workspace.root);
        rustc
    };
    let libraries = output(rustc().args(["--print", "target-libdir", "--target", target]))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    let line = format!("rustup target add {target}");
    if let Err(error) =
        run(Command::new("rustup").current_dir(&workspace.root).args(["target", "add", target]))
    {
        bail!("no standard library for {target}. Install it: {line} ({error:#})");
    }
    if !Path::new(libraries.trim()).is_dir() {
        bail!(
            "`{line}` went well, but the compiler in use ({}) is not rustup's",
            output(rustc().arg("-V"))?.trim()
        );
    }
    Ok(())
}

/// Sees to it that the toolchain in use has the source of the standard library.
fn standard_source(workspace: &Workspace) -> Result<()> {
    let mut rustc = Command::new("rustc");
    let sysroot = output(rustc.current_dir(&workspace.root).args(["--print", "sysroot"]))?;
    let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.lock");
    if source.is_file() {
        return Ok(());
    }
    let line = "rustup component add rust-src";
    let mut rustup = Command::new("rustup");
    if let Err(error) = run(rustup.current_dir(&workspace.root).args(["component", "add", "rust-src"])) {
        bail!("no source of the standard library at {}. Install it: {line} ({error:#})", source.display());
    }
    if !source.is_file() {
        bail!("`{line}` went well, but there is no {}", source.display());
    }
    Ok(())
}

/// Sees to it that a browser, and what it is driven by, is there.
///
/// # Errors
/// When it isn't and can't be installed.
pub(crate) fn browser(kind: Kind) -> Result<()> {
    if kind.is_installed() {
        return Ok(());
    }
    let (what, packages, variables) = match kind {
        Kind::Chromium => ("Chromium and its driver", &DEBIAN_CHROMIUM[..], "CHROMIUM and CHROMEDRIVER"),
        Kind::Firefox => ("Firefox", &DEBIAN_FIREFOX[..], "FIREFOX"),
    };
    let line = format!("apt-get install {}", packages.join(" "));
    if !can_apt() {
        bail!("no {what} found. Install: {line}, or say where to find it: {variables}");
    }
    apt_get(packages)?;
    if !kind.is_installed() {
        bail!("`{line}` went well, but there is no {what} on the PATH");
    }
    Ok(())
}

/// Sees to it that tests can make networks, on Linux.
///
/// # Errors
/// When what they need isn't there and can't be installed.
pub(crate) fn networks() -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    // Who is not root may not have /usr/sbin on the path.
    let is_there = |program: &str| {
        let started = Command::new(program).arg("--version").output().is_ok();
        started || Path::new("/usr/sbin").join(program).exists()
    };
    let missing = DEBIAN_NETWORKS.iter().filter(|(program, _)| !is_there(program)).map(|it| it.1);
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !can_apt() {
        bail!("tests of NATs need more tools. Install them: apt-get install {}", missing.join(" "));
    }
    apt_get(&missing)
}

/// Sees to it that npm is there.
///
/// # Errors
/// When it isn't and can't be installed.
pub(crate) fn npm() -> Result<()> {
    let there = || Command::new("npm").arg("--version").output().is_ok_and(|output| output.status.success());
    if there() {
        return Ok(());
    }
    if !can_apt() {
        bail!("Node.js and npm are needed. Install them: apt-get install nodejs npm");
    }
    apt_get(&["nodejs", "npm"])
}

/// Sees to it that cargo-fuzz and all it needs are there; gives the name of a nightly toolchain.
///
/// # Errors
/// When something isn't there and can't be installed.
pub(crate) fn fuzzer(workspace: &Workspace) -> Result<String> {
    let starts = |program: &str, argument: &str| {
        Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
    };
    let compilers = [env::var("CXX").unwrap_or_default(), "c++".into(), "g++".into(), "clang++".into()];
    if !compilers.iter().any(|compiler| !compiler.is_empty() && starts(compiler, "--version")) {
        let line = "apt-get install g++";
        if !can_apt() {
            bail!("libFuzzer is compiled by a C++ compiler, g++ or clang. Install one: {line}");
        }
        apt_get(&["g++"])?;
    }
    let toolchains = output(Command::new("rustup").args(["toolchain", "list"])).unwrap_or_default();
    let nightly = toolchains.split_whitespace().find(|name| name.starts_with("nightly"));
    let nightly =
        nightly.context("fuzzing needs a nightly compiler. Install one: rustup toolchain install nightly")?;
    if !starts("cargo-fuzz", "--version") {
        report::command("cargo-fuzz is missing, and is installed now");
        run(workspace.cargo().args(["install", "cargo-fuzz", "--locked"]))?;
    }
    Ok(nightly.to_owned())
}

/// Whether this is a Debian that we may install packages on.
fn can_apt() -> bool {
    let root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    root && fs::exists("/etc/debian_version").unwrap_or(false)
}

fn apt_get(packages: &[&str]) -> Result<()> {
    let install = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args([
            "install",
            "--yes",
            "--no-install-recommends",
        ]);
        command.args(packages);
        command
    };
    // A machine's package list may be missing or old: then, and only then, it is fetched.
    if run(&mut install()).is_err() {
        run(Command::new("apt-get").arg("update"))?;
        run(&mut install()).with_context(|| format!("needed: apt-get install {}", packages.join(" ")))?;
    }
    Ok(())
}
