//! Writes the seed corpora of the fuzz targets: `fuzz/corpus/ENTRY/seed-N`, from `vectors/` and from fixed seeds.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/fuzz_entries/mod.rs"]
mod fuzz_entries;

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for entry in fuzz_entries::ENTRIES {
        let dir = corpus.join(entry.name);
        fs::create_dir_all(&dir)?;
        let seeds = (entry.seeds)();
        for (i, seed) in seeds.iter().enumerate() {
            fs::write(dir.join(format!("seed-{i}")), seed)?;
        }
        println!("{}: {} seeds", entry.name, seeds.len());
    }
    Ok(())
}
