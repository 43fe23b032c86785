//! The fuzz targets over their seeds, and over the seeds cut short and damaged.

use std::fs;
use std::path::PathBuf;

use ditto_tests::harness::locate::repository;

#[allow(unreachable_pub)]
#[path = "../../fuzz/src/lib.rs"]
mod fuzzing;

/// How many variants of one seed are tried.
const VARIANTS_MAX: usize = 64;

fn seeds(target: &str) -> Vec<PathBuf> {
    let folder = repository().join("fuzz/seeds").join(target);
    let mut seeds: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    assert!(seeds.len() >= 5, "{target} has only {} seeds", seeds.len());
    seeds
}

#[test]
fn nothing_falls_out_of_the_targets_over_their_seeds() {
    for (target, run) in fuzzing::TARGETS {
        for seed in seeds(target) {
            // A panic below belongs to the seed named last.
            println!("{}", seed.display());
            run(&fs::read(&seed).unwrap());
        }
        run(b"");
    }
}

#[test]
fn nothing_falls_out_over_seeds_cut_short_or_damaged() {
    for (target, run) in fuzzing::TARGETS {
        for seed in seeds(target) {
            println!("{}", seed.display());
            let bytes = fs::read(&seed).unwrap();
            let step = bytes.len() / VARIANTS_MAX + 1;
            for at in (0..bytes.len()).step_by(step) {
                run(&bytes[..at]);
                let mut damaged = bytes.clone();
                for byte in [b'"', b'\\', b'{', b'%', b':', 0, 0x80] {
                    damaged[at] = byte;
                    run(&damaged);
                }
            }
        }
    }
}
