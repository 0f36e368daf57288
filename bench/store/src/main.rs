//! Holds embedded databases against what a store of rooms needs of them: parts appended with a durable
//! commit, one by one and in groups; all of a room read; all of it replaced; going on after the disk was
//! full.
//!
//! ```text
//! cargo run --release --features sqlite -- measure FOLDER
//! cargo run --release --features sqlite -- write FOLDER    # To be killed; prints what is safe.
//! cargo run --release --features sqlite -- check FOLDER    # What is there.
//! cargo run --release --features sqlite -- fill FOLDER     # Until the disk is full; Enter goes on.
//! ```

#[cfg(feature = "fjall")]
#[path = "fjall.rs"]
mod database;
#[cfg(feature = "redb")]
#[path = "redb.rs"]
mod database;
#[cfg(feature = "sqlite")]
#[path = "sqlite.rs"]
mod database;

use std::env::args;
use std::fs;
use std::io::{Write, stdin, stdout};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use database::Database;

/// What a store needs.
trait Rooms: Sized {
    fn open(folder: &Path) -> Result<Self>;
    /// Appends parts, the first with this number, in one durable commit.
    fn append(&mut self, room: u64, first: u64, parts: &[Vec<u8>]) -> Result<()>;
    /// All parts in order.
    fn load(&self, room: u64) -> Result<Vec<Vec<u8>>>;
    /// Puts one part in place of all.
    fn replace(&mut self, room: u64, whole: &[u8]) -> Result<()>;
}

fn main() -> Result<()> {
    let arguments: Vec<String> = args().skip(1).collect();
    let [task, folder] = arguments.as_slice() else { bail!("a task and a folder, please") };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    match task.as_str() {
        "measure" => measure(folder),
        "write" => write(folder),
        "check" => Ok(println!("{}", Database::open(folder)?.load(1)?.len())),
        "fill" => fill(folder),
        other => bail!("no task {other}"),
    }
}

fn measure(folder: &Path) -> Result<()> {
    let mut database = Database::open(folder)?;
    for (room, commits, group) in [(2, 300, 1), (3, 60, 50), (1, 21, 1000)] {
        let start = Instant::now();
        for commit in 0..commits {
            database.append(room, commit * group, &parts(commit * group, group))?;
        }
        let each = start.elapsed().as_secs_f64() * 1e3 / commits as f64;
        println!("commit of {group} parts: {each:.2} ms");
    }
    // As if it were killed: nothing is closed.
    std::mem::forget(database);
    let copy = folder.join("copy");
    copy_files(folder, &copy)?;
    let start = Instant::now();
    let mut database = Database::open(&copy)?;
    let count = database.load(1)?.len();
    println!("open and load {count} parts: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    println!("on disk: {} KiB", size(&copy)? / 1024);
    let start = Instant::now();
    database.replace(1, &vec![7; 1 << 20])?;
    println!("replace by 1 MiB: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    database.load(1)?;
    println!("load it: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

fn write(folder: &Path) -> Result<()> {
    let mut database = Database::open(folder)?;
    let mut next = database.load(1)?.len() as u64;
    loop {
        let group = 1 + next % 7;
        database.append(1, next, &parts(next, group))?;
        next += group;
        println!("{next}");
        stdout().flush()?;
    }
}

fn fill(folder: &Path) -> Result<()> {
    let mut database = Database::open(folder)?;
    let mut next = 0;
    let error = loop {
        match database.append(1, next, &parts(next, 50)) {
            Ok(()) => next += 50,
            Err(error) => break error,
        }
    };
    println!("after {next}: {error}\nMake room, then press Enter.");
    stdin().read_line(&mut String::new())?;
    database.append(1, next, &parts(next, 50)).context("it does not go on")?;
    println!("it goes on, with {}", database.load(1)?.len());
    Ok(())
}

/// Parts of 50 bytes that do not look alike.
fn parts(first: u64, count: u64) -> Vec<Vec<u8>> {
    let byte = |part: u64, at: u64| (part.wrapping_mul(2_654_435_761).wrapping_add(at * 97) >> 3) as u8;
    (first..first + count).map(|part| (0..50).map(|at| byte(part, at)).collect()).collect()
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, target) =
            (entry.as_ref().map(|e| e.path()), entry.as_ref().map(|e| to.join(e.file_name())));
        let (Ok(path), Ok(target)) = (path, target) else { continue };
        if path == to {
        } else if path.is_dir() {
            copy_files(&path, &target)?;
        } else {
            fs::copy(path, target)?;
        }
    }
    Ok(())
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.path().is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
