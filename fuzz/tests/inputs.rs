//! Each target holds for its seeds and for what was ever found: `regressions/TARGET/NAME`.

use std::fs;
use std::path::Path;

use proxy_fuzz::TARGETS;

#[test]
fn every_seed_passes() {
    for target in TARGETS {
        for seed in (target.seeds)() {
            passes(target.check, &seed, &format!("{} \"{}\"", target.name, seed.escape_ascii()));
        }
    }
}

#[test]
fn every_regression_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for entry in fs::read_dir(&root).expect("a folder of regressions") {
        let folder = entry.expect("a folder").path();
        let target = TARGETS
            .iter()
            .find(|target| folder.ends_with(target.name))
            .unwrap_or_else(|| panic!("{} is no target", folder.display()));
        for file in fs::read_dir(&folder).expect("a folder") {
            let file = file.expect("a file").path();
            passes(target.check, &fs::read(&file).expect("an input"), &file.to_string_lossy());
        }
    }
}

fn passes(check: fn(&[u8]), bytes: &[u8], name: &str) {
    let caught = std::panic::catch_unwind(|| check(bytes));
    assert!(caught.is_ok(), "{name}");
}
